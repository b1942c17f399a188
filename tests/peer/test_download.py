"""The downloading half: what is asked of whom, and what becomes of the answers."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from peer.download import SILENCE, Download, Verdict
from peer.neighbour import Neighbour
from peer.picker import RarestFirst, bits
from peer.settings import PeerSettings
from peer.store import MemoryStore
from tests.peer.swarming import Content
from wire.message import Cancel, Interested, NotInterested, Request

CONTENT = Content(size=24 * 10 - 3, chunk_size=10)
CROWD = 4
SETTINGS = PeerSettings(pipeline=2, total_pipeline=8, max_pipeline=6)
one_of_them = st.integers(0, CROWD - 1)
indexes = st.integers(0, CONTENT.count - 1)


def downloading(
    have: int = 0, settings: PeerSettings = SETTINGS, seed: int = 1
) -> tuple[Download, MemoryStore]:
    """Return a download into a store that has the chunks of a mask."""
    store = CONTENT.store(have)
    return Download(store, RarestFirst(), settings, random.Random(seed)), store


def source(download: Download, name: str, have: int = CONTENT.everything) -> Neighbour:
    """Return a neighbour that has the chunks of a mask and answers requests."""
    neighbour = Neighbour(name, name.encode() * 20, 0.0)
    download.learn(neighbour, have)
    download.unchoked(neighbour, 0.0)
    return neighbour


def requests(neighbour: Neighbour) -> list[int]:
    """Return the chunks that a neighbour was asked for, as the messages say."""
    return [message.index for message in neighbour.outbox if isinstance(message, Request)]


class Downloading(RuleBasedStateMachine):
    """Neighbours announce, choke, answer rightly or wrongly, reject and go, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.download, self.store = downloading()
        self.everyone = [Neighbour(f"n{i}", bytes([i]) * 20, 0.0) for i in range(CROWD)]

    @rule(who=one_of_them, mask=st.integers(0, CONTENT.everything))
    def announce(self, who: int, mask: int) -> None:
        self.download.learn(self.everyone[who], mask)
        self.download.fill(self.everyone[who], 0.0)

    @rule(who=one_of_them)
    def unchoke(self, who: int) -> None:
        self.download.unchoked(self.everyone[who], 0.0)

    @rule(who=one_of_them)
    def choke_and_reject(self, who: int) -> None:
        self.download.choked(self.everyone[who])
        self.download.release_all(self.everyone[who])

    @rule(who=one_of_them, nth=st.integers(0, 5), spoilt=st.booleans())
    def answer(self, who: int, nth: int, spoilt: bool) -> None:
        asked = list(self.everyone[who].requested)
        if not asked:
            return
        index = asked[nth % len(asked)]
        if spoilt:
            verdict = self.download.receive(self.everyone[who], index, b"spoilt")
            assert verdict is Verdict.CORRUPT
            self.leave_and_come_back(who)
        else:
            self.deliver(who, index)

    @rule(who=one_of_them, index=indexes)
    def send_unasked(self, who: int, index: int) -> None:
        self.deliver(who, index)

    @rule(who=one_of_them, index=indexes)
    def reject_perhaps_unasked(self, who: int, index: int) -> None:
        self.download.release(self.everyone[who], index)

    @rule(who=one_of_them)
    def leave_and_come_back(self, who: int) -> None:
        self.download.forget(self.everyone[who])
        self.everyone[who] = Neighbour(f"n{who}", bytes([who]) * 20, 0.0)

    @rule(who=one_of_them)
    def speed_up(self, who: int) -> None:
        self.everyone[who].download_rate += 100.0

    def deliver(self, who: int, index: int) -> None:
        """A right chunk arrives: it is new exactly once."""
        neighbour, known = self.everyone[who], self.store.have >> index & 1
        verdict = self.download.receive(neighbour, index, CONTENT.chunk(index))
        assert verdict is (Verdict.DUPLICATE if known else Verdict.NEW)
        for other in self.download.cancel_others(index):
            assert other.outbox[-1] == Cancel(index)
        self.download.fill(neighbour, 0.0)

    @invariant()
    def requests_are_known_from_both_sides(self) -> None:
        assert {(each.name, index) for each in self.everyone for index in each.requested} == {
            (each.name, i) for i, asked in self.download.requesters.items() for each in asked
        }

    @invariant()
    def only_what_is_missing_and_offered_is_asked_for(self) -> None:
        for each in self.everyone:
            assert all(self.download.missing >> index & 1 for index in each.requested)
            assert all(each.have >> index & 1 for index in each.requested)

    @invariant()
    def copies_are_bounded(self) -> None:
        for asked in self.download.requesters.values():
            assert 1 <= len(asked) <= SETTINGS.endgame_copies

    @invariant()
    def pipelines_are_bounded(self) -> None:
        assert all(len(each.requested) <= SETTINGS.max_pipeline for each in self.everyone)

    @invariant()
    def missing_and_stored_are_complements(self) -> None:
        assert self.download.missing ^ self.store.have == CONTENT.everything

    @invariant()
    def availability_counts_missing_chunks(self) -> None:
        for index in bits(self.download.missing):
            holders = sum(each.have >> index & 1 for each in self.everyone)
            assert self.download.availability.count(index) == holders


Downloading.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDownloading = Downloading.TestCase
TestDownloading.__doc__ = "The invariants hold after any sequence of events."


@pytest.mark.parametrize("seed", range(5))
def test_no_chunk_is_asked_twice_before_the_endgame(seed: int) -> None:
    """While a chunk is not asked for, none is asked of two; in the endgame, of so many at most."""
    download, _store = downloading(settings=PeerSettings(total_pipeline=1, pipeline=3), seed=seed)
    sources = [source(download, name) for name in "abcdefgh"]
    assert sorted(index for each in sources for index in requests(each)) == list(
        range(CONTENT.count)
    )
    late = [source(download, name) for name in "ijkl"]
    for each in late:  # idle neighbours are asked for one chunk at a time
        assert len(requests(each)) == 1
    copies = [len(asked) for asked in download.requesters.values()]
    assert max(copies) == 2
    assert copies.count(2) == len(late)


def test_the_endgame_does_not_rely_on_the_silent() -> None:
    """The last chunk, asked of neighbours that say nothing any more, is asked of one that does."""
    last = 1 << 5
    download, _ = downloading(have=CONTENT.everything & ~last)
    silent = [source(download, name, last) for name in ("a", "b")]
    lively = source(download, "c", last)
    assert [requests(each) for each in (*silent, lively)] == [[5], [5], []]
    lively.heard = SILENCE
    download.fill(lively, SILENCE)
    assert requests(lively) == [5]


def test_a_chunk_that_came_is_withdrawn_elsewhere() -> None:
    """The endgame's other copy is cancelled, and its neighbour free for another request."""
    download, _store = downloading(have=CONTENT.everything & ~0b1)
    first, second = source(download, "a"), source(download, "b")
    assert requests(first) == requests(second) == [0]
    assert download.receive(first, 0, CONTENT.chunk(0)) is Verdict.NEW
    assert list(download.cancel_others(0)) == [second]
    assert second.outbox[-1] == Cancel(0)
    assert not second.requested
    assert download.receive(second, 0, CONTENT.chunk(0)) is Verdict.DUPLICATE


@pytest.mark.parametrize("how", ["forget", "release", "corrupt"])
def test_what_one_does_not_send_is_asked_of_another(how: str) -> None:
    """A request that is rejected, ends with its neighbour, or is answered wrongly, is free."""
    download, store = downloading(have=CONTENT.everything & ~0b11)
    first = source(download, "a")
    assert sorted(requests(first)) == [0, 1]
    other = source(download, "b", have=0b01)
    other.outbox.clear()
    download.release_all(other)
    if how == "forget":
        download.forget(first)
    elif how == "release":
        download.release(first, 0)
    else:
        assert download.receive(first, 0, b"wrong") is Verdict.CORRUPT
    assert not store.have & 1
    download.fill(other, 0.0)
    assert requests(other) == [0]


def test_the_pipeline_grows_with_few_sources_and_fast_ones() -> None:
    """Shared by the sources, longer for who is fast, never longer than its bound."""
    limits = PeerSettings(pipeline=2, total_pipeline=8, max_pipeline=12, pipeline_time=1.0)
    download, _store = downloading(settings=limits)
    only = source(download, "a")
    assert len(only.requested) == 8
    second = source(download, "b")
    assert len(second.requested) == 4
    second.download_rate = 30.0  # three chunks a second
    download.fill(second, 0.0)
    assert len(second.requested) == 7
    only.download_rate = 1e9
    download.fill(only, 0.0)
    assert len(only.requested) == 12


def test_who_chokes_or_is_snubbed_is_asked_nothing() -> None:
    """Requests go to those who answer; an Unchoke ends a snub."""
    download, _store = downloading()
    neighbour = source(download, "a")
    download.release_all(neighbour)
    neighbour.snubbed = True
    download.fill(neighbour, 0.0)
    assert not neighbour.requested
    download.unchoked(neighbour, 0.0)
    assert neighbour.requested
    download.choked(neighbour)
    download.release_all(neighbour)
    download.fill(neighbour, 0.0)
    assert not neighbour.requested


def test_interest_follows_what_is_missing() -> None:
    """It is shown once, for chunks we lack, and ends when the neighbour has none of them."""
    download, _store = downloading(have=0b1)
    neighbour = Neighbour("a", b"a" * 20, 0.0)
    download.learn(neighbour, 0b1)
    assert neighbour.outbox == []
    download.learn(neighbour, 0b11)
    download.learn(neighbour, 0b11)
    assert neighbour.outbox == [Interested()]
    download.receive(neighbour, 1, CONTENT.chunk(1))
    download.lose_interest([neighbour])
    assert neighbour.outbox == [Interested(), NotInterested()]


def test_the_first_chunk_is_any_and_the_next_the_rarest() -> None:
    """A newcomer does not queue for the rarest chunk; who has something to trade does."""
    firsts = set()
    for seed in range(40):
        download, _store = downloading(settings=PeerSettings(pipeline=2, total_pipeline=2))
        download._rng.seed(seed)
        for name in "bcd":
            download.learn(Neighbour(name, name.encode() * 20, 0.0), CONTENT.everything & ~1)
        first, second = requests(source(download, "a"))
        firsts.add(first)
        assert first == 0 or second == 0
    assert len(firsts) > 10
