"""Swarm cores wired back to back: who has everything in the end, and what is not tolerated."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peer.neighbour import Neighbour
from peer.settings import PeerSettings
from peer.swarm import MAX_OUTBOX, Swarm
from tests.peer.swarming import Content, Wired
from wire.errors import ProtocolError
from wire.message import (
    Bitfield,
    Cancel,
    Choke,
    Chunk,
    Handshake,
    Have,
    Interested,
    KeepAlive,
    Message,
    NotInterested,
    Reject,
    Request,
    Unchoke,
)

CONTENT = Content(size=37 * 8 - 5, chunk_size=8)
LAST = CONTENT.count - 1


def meet(have: int = 0, settings: PeerSettings | None = None) -> tuple[Swarm, Neighbour]:
    """Return a core with the chunks of a mask, and its one neighbour."""
    store = CONTENT.store(have)
    swarm = Swarm(store, settings or PeerSettings(), rng=random.Random(1), now=0.0)
    neighbour = Neighbour("stranger", b"s" * 20, 0.0)
    swarm.join(neighbour)
    return swarm, neighbour


@given(
    parts=st.lists(st.integers(0, CONTENT.everything), min_size=1, max_size=5),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25, deadline=None)
def test_everyone_gets_everything(parts: list[int], seed: int) -> None:
    """Whatever each begins with, if together they have all, all have all, byte for byte."""
    together = 0
    for mask in parts:
        together |= mask
    wired = Wired(CONTENT, [*parts, CONTENT.everything & ~together], seed=seed)
    wired.run()
    for core, mask in zip(wired.cores, [*parts, CONTENT.everything & ~together], strict=True):
        assert CONTENT.held(core.store) == CONTENT.data
        assert core.left == 0
        got = sum(CONTENT.manifest.length(i) for i in range(CONTENT.count) if not mask >> i & 1)
        assert core.downloaded == got
    assert sum(core.uploaded for core in wired.cores) >= sum(
        core.downloaded for core in wired.cores
    )


def test_a_wired_swarm_keeps_the_rules_of_order() -> None:
    """Bitfields first, requests answered once, no Have for what the other has."""
    wired = Wired(CONTENT, [CONTENT.everything, 0, 0, 0], seed=3)
    wired.run()
    for i in range(4):
        for j in range(4):
            said = [message for a, b, message in wired.said if (a, b) == (i, j)]
            heard = [message for a, b, message in wired.said if (a, b) == (j, i)]
            if i == j:
                continue
            assert isinstance(said[0], Bitfield)
            asked = Counter(m.index for m in said if isinstance(m, Request))
            answered = Counter(m.index for m in heard if isinstance(m, Chunk | Reject))
            cancelled = Counter(m.index for m in said if isinstance(m, Cancel))
            assert answered <= asked
            assert asked - answered <= cancelled


def test_the_same_seed_is_the_same_conversation() -> None:
    """Every message, in order; another seed is another conversation."""
    talks = []
    for seed in (1, 1, 2):
        wired = Wired(CONTENT, [CONTENT.everything, 0, 0], seed=seed)
        wired.run()
        talks.append(wired.said)
    assert talks[0] == talks[1] != talks[2]


@pytest.mark.parametrize("have", [0, CONTENT.everything], ids=["leecher", "seed"])
@pytest.mark.parametrize(
    ("message", "says"),
    [
        (Handshake(b"s" * 32, b"p" * 20, 1), "a second handshake"),
        (Request(LAST + 1), f"no chunk {LAST + 1} among {LAST + 1}"),
        (Chunk(LAST + 1, b"?"), f"no chunk {LAST + 1} among {LAST + 1}"),
        (Have((0, LAST + 1)), f"no chunk {LAST + 1} among {LAST + 1}"),
        (Have(((1 << 20) - 1,)), "no chunk 1048575 among"),
        (Bitfield(b""), "does not describe"),
        (Bitfield(b"\xff" * 5), "does not describe"),
    ],
)
def test_what_makes_no_sense_is_a_protocol_error(have: int, message: Message, says: str) -> None:
    """The connection is to be closed, and the error says why."""
    swarm, neighbour = meet(have)
    with pytest.raises(ProtocolError, match=says):
        swarm.receive(neighbour, message, 0.0)


def test_a_request_for_what_was_not_offered_is_a_protocol_error() -> None:
    """Unchoked or not: who asks for what we lack does not listen."""
    swarm, neighbour = meet(0b1)
    swarm.receive(neighbour, Interested(), 0.0)
    swarm.receive(neighbour, Request(0), 0.0)
    with pytest.raises(ProtocolError, match="request for chunk 1, which was not offered"):
        swarm.receive(neighbour, Request(1), 0.0)


def test_a_chunk_that_does_not_match_is_a_protocol_error() -> None:
    """It is not stored, and not announced."""
    swarm, neighbour = meet()
    swarm.receive(neighbour, Bitfield.of(1, CONTENT.count), 0.0)
    swarm.receive(neighbour, Unchoke(), 0.0)
    with pytest.raises(ProtocolError, match="chunk 0 does not match its hash"):
        swarm.receive(neighbour, Chunk(0, b"12345678"), 0.0)
    assert swarm.store.have == 0
    assert swarm.left == len(CONTENT.data)


@pytest.mark.parametrize("message", [Choke(), Cancel(3), Reject(3), KeepAlive(), NotInterested()])
def test_what_comes_unasked_does_no_harm(message: Message) -> None:
    """Messages that cross, or refer to nothing, change nothing that is said next."""
    swarm, neighbour = meet(0b1)
    before = list(neighbour.outbox)
    swarm.receive(neighbour, message, 0.0)
    assert neighbour.outbox == before


@pytest.mark.parametrize(
    "flood",
    [[Request(0)], [Interested(), NotInterested()]],
    ids=["requests while choked", "changing interest"],
)
def test_who_asks_and_does_not_read_is_hung_up_on(flood: list[Message]) -> None:
    """What waits to be said to one neighbour is bounded."""
    swarm, neighbour = meet(0b1)
    with pytest.raises(ProtocolError, match="asks for more than it reads"):  # noqa: PT012
        for _ in range(MAX_OUTBOX + 1):
            for message in flood:
                swarm.receive(neighbour, message, 0.0)
    assert len(neighbour.outbox) <= MAX_OUTBOX + 2


def test_the_silent_and_the_stuck_are_found() -> None:
    """A neighbour that says nothing, or takes in nothing, for too long is to be dropped."""
    limits = PeerSettings(idle_timeout=100.0, keep_alive=40.0)
    swarm, neighbour = meet(CONTENT.everything, limits)
    assert swarm.silent(100.0) == []
    assert neighbour.outbox[-1] != KeepAlive()  # the Bitfield is still to be said
    assert swarm.silent(100.1) == [neighbour]
    swarm.receive(neighbour, Interested(), 110.0)
    swarm.receive(neighbour, Request(0), 110.0)
    assert neighbour.sending == 0
    swarm.receive(neighbour, KeepAlive(), 200.0)
    assert swarm.silent(210.0) == []
    assert swarm.silent(211.0) == [neighbour]
    swarm.sent_chunk(neighbour, 8, 211.0)
    assert swarm.silent(211.0) == []


def test_silence_of_ours_is_filled() -> None:
    """Who was told nothing for a while gets a KeepAlive, once."""
    swarm, neighbour = meet()
    neighbour.outbox.clear()
    assert swarm.silent(46.0) == []
    assert swarm.silent(47.0) == []
    assert neighbour.outbox == [KeepAlive()]
    assert neighbour in swarm.touched


def test_who_leaves_requests_unanswered_is_snubbed() -> None:
    """Its requests are cancelled, others are asked, and it of nothing until it answers."""
    swarm, lazy = meet()
    swarm.receive(lazy, Bitfield.of(0b11, CONTENT.count), 0.0)
    swarm.receive(lazy, Unchoke(), 0.0)
    assert sorted(lazy.requested) == [0, 1]
    other = Neighbour("other", b"o" * 20, 0.0)
    swarm.join(other)
    swarm.receive(other, Bitfield.of(0b10, CONTENT.count), 0.0)
    swarm.receive(other, Unchoke(), 0.0)
    swarm.tick(29.0)
    assert sorted(lazy.requested) == [0, 1]
    swarm.tick(31.0)
    assert lazy.snubbed
    assert not lazy.requested
    assert lazy.outbox[-2:] == [Cancel(0), Cancel(1)]
    assert list(other.requested) == [1]
    swarm.receive(lazy, Chunk(0, CONTENT.chunk(0)), 32.0)
    assert swarm.store.have == 0b1
    assert not lazy.snubbed


def test_who_was_snubbed_is_asked_again_after_as_long() -> None:
    """It took no notice for a while, and has what nobody else has."""
    swarm, lazy = meet()
    swarm.receive(lazy, Bitfield.of(0b1, CONTENT.count), 0.0)
    swarm.receive(lazy, Unchoke(), 0.0)
    swarm.tick(31.0)
    swarm.tick(61.0)
    assert lazy.snubbed
    assert not lazy.requested
    swarm.tick(62.0)
    assert not lazy.snubbed
    assert list(lazy.requested) == [0]


def test_new_chunks_are_told_together() -> None:
    """Haves wait a little to share a message, and go to those who lack the chunk.

    A chunk that only its source has is told of at once.
    """
    swarm, source = meet()
    for name in (b"x", b"y"):
        other = Neighbour(name.decode(), name * 20, 0.0)
        swarm.join(other)
        swarm.receive(other, Bitfield.of(0b011, CONTENT.count), 0.0)
    needy = Neighbour("needy", b"n" * 20, 0.0)
    swarm.join(needy)
    swarm.receive(needy, Bitfield.of(0b100, CONTENT.count), 0.0)
    needy.outbox.clear()
    swarm.receive(source, Bitfield.of(0b111, CONTENT.count), 0.0)
    swarm.receive(source, Unchoke(), 0.0)
    for index in range(2):
        swarm.receive(source, Chunk(index, CONTENT.chunk(index)), 0.1)
    assert swarm.wake_at == pytest.approx(0.6)
    swarm.receive(source, Chunk(2, CONTENT.chunk(2)), 0.2)
    assert swarm.wake_at == pytest.approx(0.6)
    swarm.tick(swarm.wake_at)
    assert [message for message in needy.outbox if isinstance(message, Have)] == [Have((0, 1))]
    assert not any(isinstance(message, Have) for message in source.outbox)


def test_a_rare_chunk_is_told_of_at_once_to_who_can_use_the_news() -> None:
    """What only its source had spreads as a cascade; who is choked, or busy, hears of it soon."""
    swarm, source = meet(0b1, PeerSettings(upload_slots=2))
    served, busy, choked = [Neighbour(name, name.encode() * 20, 0.0) for name in "abc"]
    for neighbour in (served, busy, choked):
        swarm.join(neighbour)
    for neighbour in (served, busy):
        swarm.receive(neighbour, Interested(), 0.0)
    busy.queue.append(0)
    swarm.receive(source, Bitfield.of(0b111, CONTENT.count), 0.0)
    swarm.receive(source, Unchoke(), 0.0)
    swarm.receive(source, Chunk(1, CONTENT.chunk(1)), 0.1)
    assert [Have((1,)) in each.outbox for each in (served, busy, choked)] == [True, False, False]
    assert swarm.wake_at == pytest.approx(0.6)
    swarm.tick(swarm.wake_at)
    assert all(Have((1,)) in each.outbox for each in (served, busy, choked))


def test_an_empty_file_is_whole_and_harmless() -> None:
    """A swarm about nothing has nothing to say."""
    nothing = Content(0, 8)
    swarm = Swarm(nothing.store(), PeerSettings(), rng=random.Random(1), now=0.0)
    neighbour = Neighbour("n", b"n" * 20, 0.0)
    swarm.join(neighbour)
    swarm.receive(neighbour, Bitfield(b""), 0.0)
    swarm.tick(swarm.wake_at)
    assert swarm.left == 0
    assert swarm.useless(neighbour)
    assert neighbour.outbox == [Bitfield(b"")]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"upload_slots": 0}, "upload_slots must be at least 1, not 0"),
        ({"choke_interval": 0.0}, "choke_interval must be more than 0 s"),
        ({"min_neighbours": 51}, "min_neighbours must not exceed max_neighbours"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, int], says: str) -> None:
    """The error names the setting."""
    with pytest.raises(ValueError, match=says):
        PeerSettings(**changes)  # type: ignore[arg-type]  # a table of ints and floats


def test_a_super_seed_leaves_nobody_with_nothing_to_ask_for() -> None:
    """Who wants nothing of what it was shown got it from others, and is shown more each round."""
    swarm, neighbour = meet(CONTENT.everything)
    shown = [neighbour.revealed.bit_count()]
    for now in (1.0, 2.0):
        swarm.tick(now)
        shown.append(neighbour.revealed.bit_count())
    assert shown[0] < shown[1] < shown[2]
    swarm.receive(neighbour, Interested(), 2.5)
    swarm.tick(3.0)
    assert neighbour.revealed.bit_count() == shown[2]
