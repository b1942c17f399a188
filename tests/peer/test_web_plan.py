"""The plan of a web seed's client: limits, deadlines, pace, and retreat on failure."""

from __future__ import annotations

import random
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net.seam import Address
from peer.download import Download
from peer.neighbour import Neighbour
from peer.picker import RarestFirst
from peer.settings import PeerSettings
from peer.web_plan import (
    LONGEST_PAUSE,
    MOST_CORRUPT,
    Errand,
    Part,
    WebAddress,
    WebPlan,
    WebSettings,
)
from tests.peer.swarming import Content
from wire.http.ranges import Span

NEAR, FAR = (WebAddress(Address(host, 80), "/content") for host in ("near", "far"))
FILE = Content(64 * 100, 100)


class Table:
    """A download, its plan, and a neighbour that has everything, with time moved by hand."""

    def __init__(
        self,
        *addresses: WebAddress,
        policy: str = "always",
        fetches: int = 4,
        rate: float = inf,
    ) -> None:
        self.store = FILE.store()
        self.download = Download(self.store, RarestFirst(), PeerSettings(), random.Random(1))
        self.neighbour = Neighbour("peer", b"p" * 20, 0.0)
        self.plan = WebPlan(
            WebSettings(addresses or (NEAR,), policy, fetches, rate),
            FILE.manifest,
            self.download,
            rng=random.Random(2),
            now=0.0,
        )

    def errands(self, now: float) -> list[Errand]:
        """Return all that the plan begins at this instant."""
        found = []
        while (errand := self.plan.next(now)) is not None:
            found.append(errand)
        return found

    def bring(self, errand: Errand, now: float) -> None:
        """End an errand well."""
        chunk = FILE.chunk(errand.index)
        self.download.receive(errand.source.as_neighbour, errand.index, chunk)
        self.plan.brought(errand, now)

    def swarm_brings(self, index: int) -> None:
        """The neighbour sends a chunk."""
        self.download.receive(self.neighbour, index, FILE.chunk(index))


def test_errands_are_bounded_and_distinct() -> None:
    """At most `fetches` are under way; each is claimed, so the swarm asks for others."""
    table = Table(fetches=3)
    begun = table.errands(0.0)
    claimed = {errand.index for errand in begun}
    assert len(claimed) == len(begun) == 3
    assert table.download.in_flight == sum(1 << index for index in claimed)
    table.bring(begun[0], 0.1)
    assert len(table.errands(0.1)) == 1


@given(st.lists(st.sampled_from(["bring", "fail", "spoil", "swarm", "wait"]), max_size=80))
def test_nothing_is_fetched_twice_at_once(script: list[str]) -> None:
    """Whatever happens, errands under way are distinct, bounded, and end."""
    table, now, rng = Table(NEAR, FAR, fetches=4), 0.0, random.Random(3)
    under_way: list[Errand] = []
    for step in script:
        now += 0.05
        under_way += table.errands(now)
        indexes = [errand.index for errand in under_way]
        assert len(set(indexes)) == len(indexes) <= 4
        missing = [i for i in range(FILE.count) if table.download.missing >> i & 1]
        if step == "wait":
            now += 5.0
        elif step == "swarm" and missing:
            table.swarm_brings(rng.choice(missing))
        elif step != "swarm" and under_way:
            errand = under_way.pop(rng.randrange(len(under_way)))
            if step == "bring":
                table.bring(errand, now)
            else:
                table.download.release(errand.source.as_neighbour, errand.index)
                ends = table.plan.failed if step == "fail" else table.plan.spoilt
                ends(errand, now)


def test_pauses_double_up_to_a_minute() -> None:
    """A failing web seed is asked for one chunk after ever longer pauses."""
    table, now, pauses = Table(fetches=1), 0.0, []
    for _ in range(12):
        (errand,) = table.errands(now)
        table.download.release(errand.source.as_neighbour, errand.index)
        pauses.append(table.plan.failed(errand, now))
        assert table.errands(now + 0.9 * pauses[-1]) == []
        now += pauses[-1]
    assert 0.4 <= pauses[0] <= 0.6
    assert all(1.2 * pause >= LONGEST_PAUSE for pause in pauses[8:])
    assert max(pauses) <= 1.2 * LONGEST_PAUSE
    (errand,) = table.errands(now)
    table.bring(errand, now)
    (errand,) = table.errands(now)
    assert table.plan.failed(errand, now) < 1.0


def test_the_next_web_seed_stands_in() -> None:
    """While the first is left alone, the second is asked."""
    table = Table(NEAR, FAR, fetches=1)
    (errand,) = table.errands(0.0)
    assert errand.source.address == NEAR
    table.download.release(errand.source.as_neighbour, errand.index)
    table.plan.failed(errand, 0.0)
    (errand,) = table.errands(0.0)
    assert errand.source.address == FAR


def test_who_sends_wrong_bytes_is_dropped() -> None:
    """A spoilt chunk is never asked for there again, and after a few nothing is."""
    table, now, seen = Table(fetches=1), 0.0, set()
    for _ in range(MOST_CORRUPT):
        (errand,) = table.errands(now)
        assert errand.index not in seen
        seen.add(errand.index)
        table.download.release(errand.source.as_neighbour, errand.index)
        pause = table.plan.spoilt(errand, now)
        now += min(pause, 100.0)
    assert pause == inf
    assert table.errands(1e9) == []


def test_an_urgent_chunk_is_fetched_shortly_before_its_deadline() -> None:
    """Whatever the policy; the most urgent first; not if the swarm was in time."""
    table = Table(policy="never")
    for index, by in ((7, 12.0), (8, 11.0), (9, 11.5), (10, 1000.0)):
        table.plan.want(index, by)
    table.swarm_brings(9)
    assert table.errands(5.0) == []
    assert table.plan.wake_at(9.45) == pytest.approx(9.5)  # 11 s less three times 0.5 s
    assert [errand.index for errand in table.errands(9.5)] == [8]
    assert [errand.index for errand in table.errands(10.5)] == [7]


def test_a_want_can_be_withdrawn() -> None:
    """A player that seeks is in no hurry for what it skipped."""
    table = Table(policy="never")
    table.plan.want(7, 1.0)
    table.plan.want(7, inf)
    assert table.errands(0.9) == []
    with pytest.raises(IndexError):
        table.plan.want(FILE.count, 1.0)


def test_an_urgent_chunk_is_fetched_though_a_neighbour_was_asked() -> None:
    """The neighbour may be slow; whichever comes first counts."""
    table = Table(policy="never")
    table.download.claim(table.neighbour, 5, 0.0)
    table.plan.want(5, 1.0)
    (errand,) = table.errands(0.5)
    assert errand.index == 5
    table.bring(errand, 0.6)
    assert list(table.download.cancel_others(5)) == [table.neighbour]


def test_the_rate_paces_what_is_not_urgent() -> None:
    """100-byte chunks at 800 bit/s: one a second; an urgent one does not wait."""
    table = Table(rate=800.0)
    begun = []
    for tick in range(41):
        now = tick / 10
        for errand in table.errands(now):
            begun.append(now)
            table.bring(errand, now)
    assert begun == pytest.approx([0, 1, 2, 3, 4], abs=0.11)
    missing = table.download.missing.bit_length() - 1
    table.plan.want(missing, 4.2)
    assert [errand.index for errand in table.errands(4.1)] == [missing]


def test_the_last_resort_waits_for_the_swarm() -> None:
    """`when-idle` takes nothing while the swarm brings chunks, and stops when it does again."""
    table = Table(policy="when-idle", fetches=1)
    for tick in range(8):
        table.swarm_brings(tick)
        assert table.errands(0.5 * tick) == []
    (errand,) = table.errands(4.6)
    table.bring(errand, 4.7)
    assert len(table.errands(4.7)) == 1


@pytest.mark.parametrize("wrong", [{"fetches": 0}, {"rate": 0.0}, {"silence": 0.0}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    """The error names the setting."""
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        WebSettings((NEAR,), **wrong)  # type: ignore[arg-type]  # each value is of its type


def test_a_window_that_moves_has_an_order_again() -> None:
    """Chunks that were not of interest for a while are offered to the policy when they are."""
    table = Table(fetches=64)
    table.download.look(0b11, [])
    assert {each.index for each in table.errands(0.0)} == {0, 1}
    for _ in range(2):
        table.download.look(0, [])
        assert table.errands(1.0) == []
    assert table.plan.wake_at(1.0) == inf
    table.download.look(0b1100, [])
    assert {each.index for each in table.errands(2.0)} == {2, 3}


def test_only_who_is_as_far_is_a_rival() -> None:
    """A neighbour that has nothing from about our first missing chunk on wants other chunks."""
    table = Table(policy="take-turns", fetches=64)
    behind, level = (Neighbour(name, name.encode() * 10, 0.0) for name in ("aa", "bb"))
    behind.have, level.have = 1 << 2, 1 << 19
    crowd = WebPlan(
        WebSettings((NEAR,), "take-turns"), FILE.manifest, table.download,
        rng=random.Random(3), now=0.0, neighbours=[behind, level],
    )  # fmt: skip
    table.download.look(0b1111 << 20, [])
    alone = WebPlan(
        WebSettings((NEAR,), "take-turns"), FILE.manifest, table.download,
        rng=random.Random(3), now=0.0, neighbours=[behind],
    )  # fmt: skip
    assert crowd.next(0.0) is None
    first = alone.next(0.0)
    assert first is not None
    assert first.index == 20


def test_a_file_in_parts_lies_where_they_say() -> None:
    """A part per chunk; else a range of the whole, or an object per chunk."""
    part = Part("/video/1.m4s", Span(3, 10), 50)
    server = Address("near", 80)
    assert WebAddress(server, "/", parts=(part,)).part(0, FILE.manifest) == part
    assert WebAddress(server, "/f").part(2, FILE.manifest) == Part("/f", Span(200, 300), 6400)
    inner = WebAddress(server, "/f", in_chunks=True).part(2, FILE.manifest)
    assert inner == Part("/f/2", Span(0, 100), 100)
