"""Looking at a part of a file: what is asked for, what is offered, and what is kept."""

from __future__ import annotations

import random

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from peer.download import Download
from peer.neighbour import Neighbour
from peer.picker import RarestFirst
from peer.settings import PeerSettings
from peer.swarm import Swarm
from peer.window import WindowStore
from tests.peer.swarming import Content
from wire.errors import ProtocolError
from wire.message import Bitfield, Cancel, Chunk, Interested, Message, Reject, Request, Unchoke

FILE = Content(16 * 100, 100)
MASKS = st.integers(0, FILE.everything)


def window(have: int = 0) -> WindowStore:
    """Return a store with the chunks of a mask."""
    store = WindowStore(FILE.manifest)
    for index in range(FILE.count):
        if have >> index & 1:
            store.write(index, FILE.chunk(index))
    return store


def meet(store: WindowStore) -> tuple[Swarm, Neighbour]:
    """Return a core, and its one neighbour, which serves it and is served."""
    swarm = Swarm(store, PeerSettings(total_pipeline=4), rng=random.Random(1), now=0.0)
    neighbour = Neighbour("stranger", b"s" * 20, 0.0)
    swarm.join(neighbour)
    return swarm, neighbour


def said(neighbour: Neighbour) -> list[Message]:
    """Return what was said to a neighbour since the last time."""
    messages, neighbour.outbox = neighbour.outbox, []
    return messages


@given(steps=st.lists(st.tuples(st.sampled_from(["look", "have", "lose", "get"]), MASKS)))
def test_the_missing_are_counted_exactly(steps: list[tuple[str, int]]) -> None:
    """However the window moves, each missing chunk counts the neighbours that have it."""
    store = window()
    download = Download(store, RarestFirst(), PeerSettings(), random.Random(1))
    neighbours = [Neighbour(str(each), bytes([each]) * 20, 0.0) for each in range(3)]
    for turn, (step, mask) in enumerate(steps):
        neighbour = neighbours[turn % 3]
        if step == "look":
            download.look(mask, neighbours)
            assert download.missing == mask & ~store.have
        elif step == "have":
            download.learn(neighbour, mask)
        elif step == "lose":
            download.unlearn(neighbour, mask)
        else:
            index = mask % FILE.count
            download.receive(neighbour, index, FILE.chunk(index))
        for index in range(FILE.count):
            if download.missing >> index & 1:
                holders = sum(each.have >> index & 1 for each in neighbours)
                assert download.availability.count(index) == holders


def test_only_what_is_looked_at_is_asked_for() -> None:
    """Chunks outside the window are left alone; those that leave it are cancelled."""
    swarm, neighbour = meet(window())
    swarm.look(0b0110, 0.0)
    swarm.receive(neighbour, Bitfield.of(FILE.everything, FILE.count), 0.0)
    swarm.receive(neighbour, Unchoke(), 0.0)
    asked = {each.index for each in said(neighbour) if isinstance(each, Request)}
    assert asked == {1, 2}
    swarm.look(0b1100, 1.0)
    again = said(neighbour)
    assert Cancel(1) in again
    assert Request(3) in again
    assert Cancel(2) not in again


def test_a_window_that_opens_is_interesting_again() -> None:
    """Who had nothing for us is told when it has."""
    swarm, neighbour = meet(window())
    swarm.look(0, 0.0)
    swarm.receive(neighbour, Bitfield.of(0b1000, FILE.count), 0.0)
    assert Interested() not in said(neighbour)
    swarm.look(0b1000, 1.0)
    assert Interested() in said(neighbour)


def test_what_is_withdrawn_is_offered_no_more() -> None:
    """Neighbours get a new bitfield, and rejects for what they had asked for or still ask for."""
    store = window(0b1111)
    swarm, neighbour = meet(store)
    swarm.receive(neighbour, Interested(), 0.0)
    for index in (0, 1, 2):
        swarm.receive(neighbour, Request(index), 0.0)
    said(neighbour)
    sending = neighbour.sending
    assert sending is not None
    gone = swarm.withdraw(0b0111)
    assert gone == 0b0111 & ~(1 << sending)
    store.drop(gone)
    heard = said(neighbour)
    assert Bitfield.of(store.have, FILE.count) in heard
    assert {each.index for each in heard if isinstance(each, Reject)} == {0, 1, 2} - {sending}
    late = next(index for index in (0, 1, 2) if gone >> index & 1)
    swarm.receive(neighbour, Request(late), 1.0)
    assert said(neighbour) == [Reject(late)]


def test_what_was_never_offered_may_not_be_asked_for() -> None:
    """A request for it is still a breach."""
    swarm, neighbour = meet(window(0b1))
    with pytest.raises(ProtocolError, match="not offered"):
        swarm.receive(neighbour, Request(5), 0.0)


def test_a_new_bitfield_replaces_the_old() -> None:
    """What a neighbour has dropped is not asked of it."""
    swarm, neighbour = meet(window())
    swarm.receive(neighbour, Bitfield.of(0b11, FILE.count), 0.0)
    swarm.receive(neighbour, Bitfield.of(0b10, FILE.count), 0.0)
    assert neighbour.have == 0b10
    swarm.receive(neighbour, Unchoke(), 0.0)
    assert Request(0) not in said(neighbour)


def test_a_dropped_chunk_is_not_news() -> None:
    """A chunk that came and went before it was told of is not told of."""
    store = window()
    swarm, neighbour = meet(store)
    swarm.receive(neighbour, Bitfield.of(0b11, FILE.count), 0.0)
    other = Neighbour("other", b"o" * 20, 0.0)
    swarm.join(other)
    swarm.receive(neighbour, Chunk(0, FILE.chunk(0)), 0.0)
    store.drop(swarm.withdraw(0b1))
    said(other)
    swarm.tick(5.0)
    assert all(not hasattr(each, "indexes") for each in said(other))


def test_a_window_counts_what_it_holds() -> None:
    """Bytes held go down as chunks are dropped; the most is remembered; it is never complete."""
    store = window(FILE.everything)
    assert (store.held, store.most_held, store.complete) == (1600, 1600, False)
    store.drop(0b11)
    store.drop(0b11)
    assert (store.held, store.most_held) == (1400, 1600)
    with pytest.raises(KeyError):
        store.read(0)
    assert store.verify(0, FILE.chunk(0))
    assert not store.verify(0, FILE.chunk(1))


@pytest.mark.trio
async def test_who_waits_hears_of_a_chunk() -> None:
    """`another` returns when a chunk is written."""
    store = window()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.another)
        await trio.testing.wait_all_tasks_blocked()
        store.write(3, FILE.chunk(3))
    assert store.have == 0b1000
