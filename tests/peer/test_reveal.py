"""Super-seeding: nothing twice before everything once, and nobody left with nothing to ask."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peer.neighbour import Neighbour
from peer.picker import bits
from peer.reveal import AHEAD, AHEAD_OF_ALL, Reveal
from tests.peer.swarming import Content, Wired
from wire.message import MAX_HAVE, Bitfield, Chunk, Have


def neighbours(n: int) -> list[Neighbour]:
    """Return `n` neighbours that have nothing."""
    return [Neighbour(f"n{i}", bytes([i]) * 20, 0.0) for i in range(n)]


def shown(neighbour: Neighbour) -> list[int]:
    """Return the chunks that a neighbour was told of, in order."""
    return [i for message in neighbour.outbox if isinstance(message, Have) for i in message.indexes]


@given(
    count=st.integers(1, 60),
    n=st.integers(1, 6),
    seed=st.integers(),
    turns=st.lists(st.integers(0, 100), min_size=60, max_size=60),
)
@settings(deadline=None)
def test_all_is_out_once_before_anything_is_out_twice(
    count: int, n: int, seed: int, turns: list[int]
) -> None:
    """Neighbours that take in turn what they were shown first get different chunks."""
    everyone = neighbours(n)
    reveal = Reveal(count, random.Random(seed))
    for each in everyone:
        reveal.show(each, n)
    out: list[int] = []
    for turn in turns:
        ready = [
            (each, index)
            for each in everyone
            for index in shown(each)
            if not each.served >> index & 1 and index not in out
        ]
        if reveal.over or not ready:
            break
        each, index = ready[turn % len(ready)]
        reveal.sent(each, index, everyone)
        out.append(index)
    assert sorted(out) == list(range(count))
    assert reveal.over
    for each in everyone:
        assert sorted(shown(each)) == list(range(count))


@pytest.mark.parametrize(("n", "ahead"), [(1, AHEAD_OF_ALL), (4, 4), (50, AHEAD)])
def test_few_chunks_are_shown_ahead(n: int, ahead: int) -> None:
    """Enough to keep the uplink busy, and no more, each to one neighbour only."""
    everyone = neighbours(n)
    reveal = Reveal(500, random.Random(1))
    for each in everyone:
        reveal.show(each, n)
        assert len(shown(each)) == ahead
    assert set(Counter(i for each in everyone for i in shown(each)).values()) == {1}


def test_everything_is_shown_in_messages_of_bounded_length() -> None:
    """When all is out, the rest is told in as few Haves as its length allows."""
    count = 2 * MAX_HAVE + 10
    first, idle = neighbours(2)
    reveal = Reveal(count, random.Random(1))
    for index in range(count):
        reveal.sent(first, index, [first, idle])
    told = [len(message.indexes) for message in idle.outbox if isinstance(message, Have)]
    assert told == [MAX_HAVE, MAX_HAVE, 10]


def test_who_returns_with_chunks_is_shown_others() -> None:
    """What a neighbour turns out to have is not waited for."""
    (neighbour,) = neighbours(1)
    reveal = Reveal(40, random.Random(1))
    reveal.show(neighbour, 1)
    neighbour.have = sum(1 << index for index in shown(neighbour))
    neighbour.outbox.clear()
    reveal.show(neighbour, 1)
    assert len(shown(neighbour)) == AHEAD_OF_ALL
    assert not any(neighbour.have >> index & 1 for index in shown(neighbour))


def test_who_wants_nothing_of_what_it_was_shown_is_shown_more() -> None:
    """It got that from others, who do not tell a seed what the seed has shown."""
    (neighbour,) = neighbours(1)
    reveal = Reveal(40, random.Random(1))
    reveal.show(neighbour, 1)
    reveal.uninterested(neighbour, 1)
    assert len(set(shown(neighbour))) == 2 * AHEAD_OF_ALL


def test_a_seed_in_a_swarm_sends_nothing_twice_too_soon() -> None:
    """It says it has nothing, and sends no chunk twice while there is one it has shown nobody."""
    content = Content(200 * 16, 16)
    wired = Wired(content, [content.everything, 0, 0, 0])
    wired.run()
    sent = [m.index for i, _j, m in wired.said if i == 0 and isinstance(m, Chunk)]
    unshown = content.count - AHEAD_OF_ALL
    assert len(set(sent[:unshown])) == unshown
    assert len(set(sent[: content.count + AHEAD_OF_ALL])) == content.count
    fields = [m for i, _j, m in wired.said if i == 0 and isinstance(m, Bitfield)]
    assert fields == [Bitfield.of(0, content.count)] * 3


@pytest.mark.parametrize("lacking", [0b1, 0b10110, 1 << 199])
def test_peers_that_lack_little_get_it_of_a_super_seed(lacking: int) -> None:
    """A returning peer may have everything it is shown at first; it is shown the rest in time."""
    content = Content(200 * 16, 16)
    wired = Wired(content, [content.everything, content.everything & ~lacking])
    wired.run()
    sent = [m.index for i, _j, m in wired.said if i == 0 and isinstance(m, Chunk)]
    assert sorted(sent) == list(bits(lacking))
