"""What policies are made of: lines of bytes, rankings, sketches."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdn.eviction.queue import ByteQueue, Ghosts
from cdn.eviction.ranking import Ranking
from cdn.eviction.sketch import CountingSketch

steps = st.lists(st.tuples(st.sampled_from(["push", "pop", "take", "refresh"]), st.integers(0, 5)))


@given(steps)
def test_a_queue_is_a_list_with_a_sum(history: list[tuple[str, int]]) -> None:
    """Any history leaves the order, the sizes and the sum a plain list has."""
    queue, line = ByteQueue[int](), list[int]()
    for step, key in history:
        if step == "push" and key not in line:
            queue.push(key, key * 10)
            line.append(key)
        elif step == "refresh" and key in line:
            queue.refresh(key)
            line.append(line.pop(line.index(key)))
        elif step == "take":
            assert queue.take(key) == (key * 10 if key in line else 0)
            line = [each for each in line if each != key]
        elif step == "pop" and line:
            assert queue.oldest() == (line[0], line[0] * 10)
            assert queue.pop() == (line[0], line.pop(0) * 10)
        assert (queue.used, len(queue)) == (10 * sum(line), len(line))
        assert all((key in queue) == (key in line) for key in range(6))


def test_ghosts_are_forgotten_in_their_order() -> None:
    """Within the bytes; one that is known keeps its place, one too large is not remembered."""
    ghosts = Ghosts[str](10)
    for key, size in (("a", 4), ("b", 4), ("a", 4), ("huge", 11), ("c", 4)):
        ghosts.remember(key, size)
    assert (len(ghosts), ghosts.forget("a"), ghosts.forget("huge")) == (2, False, False)
    assert (ghosts.forget("b"), ghosts.forget("b"), len(ghosts)) == (True, False, 1)


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "put", "pop", "discard"]), st.integers(0, 5)),
        max_size=300,
    )
)
def test_a_ranking_gives_the_lowest(history: list[tuple[str, int]]) -> None:
    """Any history: the lowest rank goes first, and what is outdated stays bounded."""
    ranking, ranks = Ranking[int](), dict[int, tuple[float, int]]()
    for now, (step, key) in enumerate(history):
        if step == "put":
            ranks[key] = (float(key * now % 7), now)
            ranking.put(key, ranks[key])
        elif step == "discard":
            ranking.discard(key)
            ranks.pop(key, None)
        elif ranks:
            lowest = min(ranks, key=lambda each: ranks[each])
            assert ranking.pop() == (lowest, ranks.pop(lowest))
        assert len(ranking) == len(ranks)
        assert len(ranking._heap) <= 2 * 6 + 64


@given(st.lists(st.integers(0, 30) | st.text(max_size=3), max_size=200))
def test_a_sketch_never_estimates_too_low(keys: list[int | str]) -> None:
    """However many keys share its counters."""
    sketch = CountingSketch(20)
    for key in keys:
        sketch.add(key)
    assert all(sketch.estimate(key) >= times for key, times in Counter(keys).items())


def test_a_sketch_with_room_is_exact_and_halves() -> None:
    """Sized for its keys it is rarely wrong, here never; ageing rounds down."""
    sketch = CountingSketch(1000)
    for key in range(100):
        for _ in range(key):
            sketch.add(key)
    assert [sketch.estimate(key) for key in range(100)] == list(range(100))
    sketch.halve()
    assert [sketch.estimate(key) for key in range(100)] == [key // 2 for key in range(100)]


@pytest.mark.parametrize("key", ["/a", ("a", 1), -1, 2**70])
def test_any_key_can_be_counted(key: object) -> None:
    """Numbers by value, everything else by what it prints as; the same in every process."""
    sketch = CountingSketch(10)
    sketch.add(key)
    assert sketch.estimate(key) == 1
