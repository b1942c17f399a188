"""The uploading half: slots, queues and turns, whatever neighbours ask for."""

from __future__ import annotations

from collections import Counter, deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from peer.neighbour import Neighbour
from peer.settings import PeerSettings
from peer.upload import MAX_QUEUE, PROMISES, STALL, Upload
from wire.message import Choke, Reject, Unchoke

SETTINGS = PeerSettings(upload_slots=3, concurrent_uploads=2)
CROWD = 6
SIZE = 1000
one_of_them = st.integers(0, CROWD - 1)


def crowd(size: int) -> list[Neighbour]:
    """Return neighbours that want something."""
    made = [Neighbour(f"n{i}", bytes([i]) * 20, 0.0) for i in range(size)]
    for neighbour in made:
        neighbour.peer_interested = True
    return made


def served(size: int) -> tuple[Upload, list[Neighbour]]:
    """Return an upload with `size` neighbours, all unchoked."""
    everyone = crowd(size)
    upload = Upload(PeerSettings(upload_slots=size))
    upload.fill_slots(everyone)
    return upload, everyone


def test_who_has_no_credit_left_waits_until_it_gives() -> None:
    """The bound holds before each chunk; others are served meanwhile."""
    upload, (debtor, other) = served(2)
    upload.credit = 2 * SIZE
    for index in range(4):
        upload.request(debtor, index, 0.0)
    for _ in range(2):
        assert upload.start(0.0) == [debtor]
        upload.finished(debtor, SIZE)
    assert upload.start(0.0) == []
    upload.request(other, 9, 0.0)
    assert upload.start(0.0) == [other]
    debtor.received += SIZE
    assert upload.start(0.0) == [debtor]
    upload.finished(debtor, SIZE)
    assert upload.start(0.0) == []


class Uploading(RuleBasedStateMachine):
    """Neighbours come, ask, change their minds, are served and go, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.upload = Upload(SETTINGS)
        self.everyone = crowd(CROWD)
        self.now = 0.0

    @rule(chosen=st.sets(one_of_them, max_size=SETTINGS.upload_slots), equal=st.booleans())
    def begin_a_round(self, chosen: set[int], equal: bool) -> None:
        shares = {self.everyone[who].peer_id: 1.0 if equal else 1.0 + who for who in chosen}
        self.upload.rechoke(self.everyone, shares)

    @rule()
    def fill_free_slots(self) -> None:
        self.upload.fill_slots(self.everyone)

    @rule(who=one_of_them, index=st.integers(0, 9))
    def ask(self, who: int, index: int) -> None:
        self.upload.request(self.everyone[who], index, self.now)

    @rule(who=one_of_them, index=st.integers(0, 9))
    def cancel(self, who: int, index: int) -> None:
        self.upload.cancel(self.everyone[who], index)

    @rule(who=one_of_them, interested=st.booleans())
    def change_interest(self, who: int, interested: bool) -> None:
        self.everyone[who].peer_interested = interested
        if not interested:
            self.upload.not_interested(self.everyone[who])

    @rule(who=one_of_them)
    def leave_and_come_back(self, who: int) -> None:
        self.upload.forget(self.everyone[who])
        self.everyone[who] = Neighbour(f"n{who}", bytes([who]) * 20, self.now)
        self.everyone[who].peer_interested = True

    @rule(seconds=st.sampled_from([0.1, STALL]))
    def let_time_pass(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def start(self) -> None:
        for neighbour in self.upload.start(self.now):
            assert neighbour.sending is not None
            assert neighbour.sending_since == self.now

    @precondition(lambda self: any(each.sending is not None for each in self.everyone))
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        busy = [each for each in self.everyone if each.sending is not None]
        self.upload.finished(data.draw(st.sampled_from(busy)), 100)

    @invariant()
    def slots_are_not_exceeded(self) -> None:
        assert sum(not each.am_choking for each in self.everyone) <= SETTINGS.upload_slots

    @invariant()
    def only_the_unchoked_have_requests_queued(self) -> None:
        assert not any(each.queue for each in self.everyone if each.am_choking)

    @invariant()
    def few_chunks_are_sent_at_a_time(self) -> None:
        moving = [
            each
            for each in self.everyone
            if each.sending is not None and self.now - each.sending_since < STALL
        ]
        assert len(moving) <= SETTINGS.concurrent_uploads

    @invariant()
    def chokes_and_unchokes_alternate(self) -> None:
        for each in self.everyone:
            said = [message for message in each.outbox if isinstance(message, Choke | Unchoke)]
            assert said == [Unchoke(), Choke()] * (len(said) // 2) + [Unchoke()] * (len(said) % 2)
            assert each.am_choking == (len(said) % 2 == 0)


Uploading.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestUploading = Uploading.TestCase
TestUploading.__doc__ = "The invariants hold after any sequence of events."


def test_requests_without_end_are_rejected() -> None:
    """One neighbour can have so many requests waiting; the others come back to it."""
    upload, (greedy,) = served(1)
    for index in range(MAX_QUEUE + 50):
        upload.request(greedy, index, 0.0)
    assert len(greedy.queue) == MAX_QUEUE
    rejected = [message for message in greedy.outbox if isinstance(message, Reject)]
    assert rejected == [Reject(index) for index in range(MAX_QUEUE, MAX_QUEUE + 50)]


def test_the_same_request_twice_is_one() -> None:
    """A repeated request neither queues again nor is it refused."""
    upload, (neighbour,) = served(1)
    upload.request(neighbour, 7, 0.0)
    upload.request(neighbour, 7, 0.0)
    assert list(neighbour.queue) == [7]
    assert neighbour.outbox == [Unchoke()]


def test_a_choked_neighbour_is_told_what_will_not_come() -> None:
    """Its requests are rejected one by one, after the Choke; what is being sent goes on."""
    upload, (neighbour,) = served(1)
    for index in (4, 5, 6):
        upload.request(neighbour, index, 0.0)
    upload.start(0.0)
    upload.not_interested(neighbour)
    assert neighbour.outbox == [Unchoke(), Choke(), Reject(5), Reject(6)]
    assert neighbour.sending == 4
    upload.request(neighbour, 8, 0.0)
    assert neighbour.outbox[-1] == Reject(8)


@pytest.mark.parametrize("busy", [2, 5])
def test_turns_are_fair(busy: int) -> None:
    """However much each asks for, all get equally many chunks, give or take one."""
    upload, everyone = served(busy)
    for position, neighbour in enumerate(everyone):
        for index in range(20 + 10 * position):
            upload.request(neighbour, 100 * position + index, 0.0)
    got: Counter[str] = Counter()
    sending: deque[Neighbour] = deque()
    for _ in range(busy * 15):
        sending.extend(upload.start(0.0))
        neighbour = sending.popleft()
        got[neighbour.name] += 1
        upload.finished(neighbour, 1)
    assert len(got) == busy
    assert max(got.values()) - min(got.values()) <= 1


def test_one_who_does_not_read_holds_nobody_back() -> None:
    """A chunk that is not taken counts no more after a while; others are served meanwhile."""
    upload, everyone = served(PeerSettings().concurrent_uploads + 1)
    for index, neighbour in enumerate(everyone):
        upload.request(neighbour, index, 0.0)
    *stalled, last = everyone
    assert upload.start(0.0) == stalled
    assert upload.start(STALL / 2) == []
    assert upload.start(STALL) == [last]


def test_a_free_slot_goes_to_who_waited_longest() -> None:
    """Between rounds no slot stays free while somebody wants it."""
    everyone = crowd(5)
    for neighbour, since in zip(everyone, [3.0, 1.0, 4.0, 0.0, 2.0], strict=True):
        neighbour.interested_since = since
    upload = Upload(SETTINGS)
    upload.fill_slots(everyone)
    assert [each.name for each in everyone if not each.am_choking] == ["n1", "n3", "n4"]
    everyone[3].peer_interested = False
    upload.not_interested(everyone[3])
    upload.fill_slots(everyone)
    assert [each.name for each in everyone if not each.am_choking] == ["n0", "n1", "n4"]


def test_a_chunk_is_promised_to_few_at_a_time() -> None:
    """The others are told to ask elsewhere, until one has it, or one of the few has stalled."""
    upload, everyone = served(PROMISES + 2)
    *first, late, later = everyone
    for neighbour in [*first, late]:
        upload.request(neighbour, 7, 0.0)
    assert [neighbour.outbox[1:] for neighbour in everyone] == [[]] * PROMISES + [[Reject(7)], []]
    started, *_ = upload.start(0.0)
    upload.request(later, 7, STALL / 2)
    assert later.outbox[1:] == [Reject(7)]
    upload.finished(started, 100)
    upload.request(later, 7, STALL / 2)
    assert list(later.queue) == [7]
    upload.request(late, 7, STALL)
    assert list(late.queue) == [7]
