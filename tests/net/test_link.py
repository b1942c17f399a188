"""A link keeps its rate, serves fairly and in order, and loses nothing when its rate changes."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net.link import EXPRESS_BACKLOG, Link, Segment
from tests.net.timetable import Timetable

RATE = 8e6  # one byte per microsecond
SIZES = st.integers(1, 16_384)
SMALL = st.integers(1, 1_460)
GAPS = st.floats(0.0, 0.05)


class Sender:
    """A carrier that notes when each of its segments has crossed."""

    def __init__(self, time: Timetable) -> None:
        self.tags = [0.0]
        self.crossings: list[tuple[float, Segment]] = []
        self._time = time

    @property
    def bytes(self) -> int:
        """Bytes that have crossed."""
        return sum(segment.size for _, segment in self.crossings)

    def segment(self, size: int) -> Segment:
        """A segment of this carrier."""
        return Segment(self, (), size)

    def crossed(self, segment: Segment) -> None:
        self.crossings.append((self._time.now(), segment))


def link(rate: float = RATE) -> tuple[Timetable, Link]:
    """An idle link and its time."""
    time = Timetable()
    return time, Link("link", rate, time)


def test_one_segment_takes_its_size_over_the_rate() -> None:
    """8,000 bits at 8 Mbit/s take 1 ms, and the next segment waits for it."""
    time, wire = link()
    sender = Sender(time)
    wire.enqueue(sender.segment(1_000))
    wire.enqueue(sender.segment(500))
    time.run()
    assert [at for at, _ in sender.crossings] == pytest.approx([0.001, 0.0015])


def overtake(wire: Link, size: int, now: float) -> float | None:
    """Send a small message ahead of the queue; returns its time on the link, None if refused."""
    return wire.carry_express(size, now) if wire.has_express_room(now) else None


@given(st.lists(st.tuples(st.integers(0, 3), SIZES, GAPS), min_size=1, max_size=40))
def test_a_link_is_never_faster_than_its_rate(arrivals: list[tuple[int, int, float]]) -> None:
    """Between any two crossings no more passes than the rate allows."""
    time, wire = link()
    senders = [Sender(time) for _ in range(4)]
    for number, size, gap in arrivals:
        time.run(until=time.now() + gap)
        wire.enqueue(senders[number].segment(size))
    time.run()
    crossings = sorted(
        (crossing for sender in senders for crossing in sender.crossings),
        key=lambda crossing: crossing[0],
    )
    assert len(crossings) == len(arrivals)
    for first in range(len(crossings)):
        passed = 0
        for at, segment in crossings[first + 1 :]:
            passed += segment.size
            assert 8 * passed <= RATE * (at - crossings[first][0]) + 1e-3


@given(
    st.lists(st.tuples(st.booleans(), SIZES, SMALL, st.floats(0.0, 0.01)), max_size=40),
)
def test_small_messages_that_overtake_are_charged_to_what_follows(
    steps: list[tuple[bool, int, int, float]],
) -> None:
    """A busy period that ends in a segment nothing overtook kept within its rate as a whole."""
    time, wire = link()
    sender = Sender(time)
    wire.enqueue(sender.segment(16_384))
    for bulk, size, small, gap in steps:
        if bulk:
            wire.enqueue(sender.segment(size))
        else:
            overtake(wire, small, time.now())
        time.run(until=min(time.now() + gap, 1e9))
        if "idle" in repr(wire):
            return  # that busy period is over: the next starts afresh
    wire.enqueue(sender.segment(1))
    time.run()
    assert 8 * wire.bytes_carried <= RATE * time.now() + 1e-3


@given(st.lists(SMALL, min_size=1, max_size=30))
def test_small_messages_alone_never_exceed_the_rate(sizes: list[int]) -> None:
    """Messages at once are admitted up to the backlog, each after those before it."""
    _, wire = link()
    until = 0.0
    for size in sizes:
        service = overtake(wire, size, 0.0)
        if service is None:
            assert until + 8 * size / RATE > EXPRESS_BACKLOG
        else:
            until += service
    assert 8 * wire.bytes_carried <= RATE * until + 1e-3
    assert until <= EXPRESS_BACKLOG + 8 * 1_460 / RATE


@given(st.lists(st.lists(SIZES, min_size=10, max_size=30), min_size=2, max_size=5))
def test_carriers_that_wait_are_served_alike(sizes: list[list[int]]) -> None:
    """While two carriers both wait, what they were served differs by a segment each at most."""
    time, wire = link()
    senders = [Sender(time) for _ in sizes]
    left = Counter({number: len(own) for number, own in enumerate(sizes)})
    for sender, own in zip(senders, sizes, strict=True):
        for size in own:
            wire.enqueue(sender.segment(size))
    while min(left.values()) > 1:
        served = [(sender.bytes, max(own)) for sender, own in zip(senders, sizes, strict=True)]
        for (most, longest), (least, other) in product(served, repeat=2):
            assert most - least <= longest + other
        time.run(until=time.now() + 0.001)
        for number, sender in enumerate(senders):
            left[number] = len(sizes[number]) - len(sender.crossings)


@given(st.lists(st.tuples(st.integers(0, 2), SIZES, GAPS), max_size=40))
def test_a_carriers_segments_keep_their_order(arrivals: list[tuple[int, int, float]]) -> None:
    """Whatever the others send, a carrier's segments cross in the order it enqueued them."""
    time, wire = link()
    senders = [Sender(time) for _ in range(3)]
    sent: list[list[Segment]] = [[], [], []]
    for number, size, gap in arrivals:
        time.run(until=time.now() + gap)
        sent[number].append(senders[number].segment(size))
        wire.enqueue(sent[number][-1])
    time.run()
    assert [[segment for _, segment in sender.crossings] for sender in senders] == sent


@given(
    st.lists(SIZES, min_size=1, max_size=20),
    st.lists(st.tuples(st.floats(0.0, 0.02), st.sampled_from([0.0, 1e5, 1e6, 8e6])), max_size=12),
)
def test_a_link_that_changes_its_rate_serves_every_bit_once(
    sizes: list[int], changes: list[tuple[float, float]]
) -> None:
    """The bits served are the integral of the rate over the time until the last one crosses."""
    time, wire = link()
    sender = Sender(time)
    for size in sizes:
        wire.enqueue(sender.segment(size))
    served, total = 0.0, 8 * sum(sizes)
    for gap, rate in changes:
        if served + gap * wire.rate >= total:
            break
        served += gap * wire.rate
        time.run(until=time.now() + gap)
        wire.set_rate(rate)
    if not wire.rate:
        time.run(until=time.now() + 1.0)
        wire.set_rate(RATE)
    expected = time.now() + (total - served) / wire.rate
    time.run()
    assert sender.bytes == sum(sizes)
    assert sender.crossings[-1][0] == pytest.approx(expected, abs=1e-6)


def test_a_link_at_rate_zero_holds_everything() -> None:
    """Neither segments nor small messages pass; all of them do after it recovers."""
    time, wire = link(0.0)
    sender = Sender(time)
    wire.enqueue(sender.segment(1_000))
    assert overtake(wire, 100, 0.0) is None
    time.run(until=5.0)
    assert sender.crossings == []
    wire.set_rate(RATE)
    assert overtake(wire, 100, time.now()) == pytest.approx(0.0001)
    time.run()
    assert [at for at, _ in sender.crossings] == pytest.approx([5.001])


def test_a_rate_that_changes_as_a_segment_ends_owes_nothing_of_an_earlier_one() -> None:
    """What was left of a segment once is forgotten when that segment has crossed."""
    time, wire = link()
    sender = Sender(time)
    wire.enqueue(sender.segment(1_000))
    time.run(until=0.0005)
    wire.set_rate(RATE / 2)  # 500 bytes are left, for 1 ms
    time.run()
    wire.set_rate(inf)
    wire.enqueue(sender.segment(1_000))
    wire.set_rate(0.0)
    wire.set_rate(RATE)
    time.run()
    assert [at for at, _ in sender.crossings] == pytest.approx([0.0015, 0.0015])


def test_a_link_says_what_it_does() -> None:
    """`repr` tells rate and state."""
    time, wire = link()
    sender = Sender(time)
    assert repr(wire) == "<Link link 8 Mbit/s, idle>"
    wire.enqueue(sender.segment(1))
    wire.enqueue(sender.segment(1))
    assert repr(wire) == "<Link link 8 Mbit/s, busy, 1 waiting>"
