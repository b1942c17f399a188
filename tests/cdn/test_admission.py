"""Who may enter a cache."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from cdn.admission import Always, Probability, SecondHit, SizeLimit


def test_always_admits() -> None:
    """Everything."""
    assert Always().admits("a", 10**12)


def test_the_second_hit_is_admitted_and_then_it_starts_again() -> None:
    """The first is refused and remembered; what was admitted is not remembered."""
    second = SecondHit()
    assert [second.admits(key, 1) for key in "abaabb"] == [False, False, True, False, True, False]


@given(st.lists(st.integers(0, 20), max_size=100), st.integers(1, 5))
def test_the_second_hits_memory_is_bounded(keys: list[int], memory: int) -> None:
    """Admitted are those among the last `memory` refused that have not been admitted since."""
    second, refused = SecondHit(memory), list[int]()
    for key in keys:
        admitted = second.admits(key, 1)
        assert admitted == (key in refused)
        if admitted:
            refused.remove(key)
        else:
            refused = [*refused, key][-memory:]


def test_the_size_limit_is_the_largest() -> None:
    """Sizes up to it are admitted."""
    assert [SizeLimit(10).admits("a", size) for size in (1, 10, 11)] == [True, True, False]


def test_probability_admits_its_share() -> None:
    """Of many about that share; none and all at the ends."""
    rng = random.Random(1)
    admitted = sum(Probability(0.25, rng).admits("a", 1) for _ in range(10_000))
    assert 2300 < admitted < 2700
    assert not any(Probability(0, rng).admits("a", 1) for _ in range(100))
    assert all(Probability(1, rng).admits("a", 1) for _ in range(100))
