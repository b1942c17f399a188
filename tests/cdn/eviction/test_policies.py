"""What is true of every eviction policy."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdn.eviction import POLICIES, Arc
from tests.cdn.eviction.histories import ONLINE, Cache, hits, policy

KEYS = "abcdefghijkl"
Event = tuple[str, str, int]
FEW = settings(max_examples=40)  # of each policy
events = st.tuples(
    st.sampled_from(["ask", "ask", "ask", "discard"]),
    st.sampled_from(KEYS),
    st.sampled_from([1, 1, 2, 5, 20, 70, 300]),
)


@pytest.mark.parametrize("name", ONLINE)
@FEW
@given(capacity=st.integers(1, 250), history=st.lists(events, max_size=60))
def test_the_books_are_right(name: str, capacity: int, history: list[Event]) -> None:
    """Any history: never above the capacity, and held is what was said to be held.

    W-TinyLFU may give up a key on a hit; until it can say so, nothing else is out of step.
    """
    cache = Cache(policy(name, capacity))
    for event, key, size in history:
        if event == "ask":
            before = set(cache.held)
            gone = cache.ask(key, size)
            assert len(set(gone)) == len(gone)
            assert set(gone) <= before | {key}
        else:
            cache.discard(key)
        held = {each for each in KEYS if each in cache.policy}
        assert held <= set(cache.held)
        assert len(held) == len(cache.policy)
        assert cache.policy.used == sum(cache.held[each] for each in held)
        assert sum(cache.held.values()) <= cache.policy.capacity == capacity
        if name != "w-tiny-lfu":
            assert held == set(cache.held)


@pytest.mark.parametrize("name", ONLINE)
@FEW
@given(
    capacity=st.integers(1, 30),
    keys=st.lists(st.integers(0, 40), max_size=120),
)
def test_belady_is_not_beaten(name: str, capacity: int, keys: list[int]) -> None:
    """MIN is the optimum for objects of one size among caches that hold what is asked for.

    GDSF may decline to, which is worth at most one more place.
    """
    places = capacity + 1 if name == "gdsf" else capacity
    assert hits(name, capacity, keys) <= hits("belady", places, keys)


@pytest.mark.parametrize("name", POLICIES)
@FEW
@given(keys=st.lists(st.integers(0, 40), max_size=80))
def test_what_fits_altogether_never_leaves(name: str, keys: list[int]) -> None:
    """A cache as large as all objects misses each once."""
    capacity = 1000
    assert hits(name, capacity, keys) == len(keys) - len(set(keys))


@pytest.mark.parametrize("name", POLICIES)
def test_too_large_is_not_held(name: str) -> None:
    """An object larger than the cache is given up at once, and nothing else for it."""
    cache = Cache(policy(name, 1000, ["small", "large"]))
    assert cache.ask("small", 1) == []
    assert cache.ask("large", 1001) == ["large"]
    assert list(cache.held) == ["small"]


@pytest.mark.parametrize("name", POLICIES)
def test_an_unknown_key_is_fine(name: str) -> None:
    """Discarding or touching what is not held changes nothing."""
    books = policy(name, 1000, ["a", "b"])
    books.insert("a", 1)
    books.discard("unknown")
    books.touch("b")
    assert ("a" in books, "b" in books, len(books), books.used) == (True, False, 1, 1)


@pytest.mark.parametrize("name", ONLINE)
@FEW
@given(history=st.lists(st.tuples(st.sampled_from(KEYS), st.integers(1, 30)), max_size=60))
def test_the_same_history_has_the_same_end(name: str, history: list[tuple[str, int]]) -> None:
    """Nothing but the history decides, and for Random the seed."""
    one, two = Cache(policy(name, 100)), Cache(policy(name, 100))
    for key, size in history:
        assert one.ask(key, size) == two.ask(key, size)


def test_what_arc_remembers_is_bounded() -> None:
    """However unequal the sizes: objects that return at a high price leave many ghosts."""

    class Forgetful(Arc[int]):
        REMEMBERED = 50

    cache, rng = Cache(Forgetful(1000)), random.Random(1)
    for _ in range(20_000):
        key = int(rng.paretovariate(0.3)) % 5000
        cache.ask(key, 1 + key * 7919 % 700)
        ghosts = vars(cache.policy)["_once_left"], vars(cache.policy)["_often_left"]
        assert max(map(len, ghosts)) <= max(50, 4 * len(cache.held))


def test_w_tiny_lfu_tells_at_the_next_insertion_what_a_hit_pushed_out() -> None:
    """A promotion that overfills probation ends keys; they are not held from then on."""
    cache, rng = Cache(policy("w-tiny-lfu", 1000)), random.Random(1)
    silent: set[int] = set()
    while not silent:
        key = rng.randrange(200)
        cache.ask(key, 1 + key % 10)
        silent = {each for each in cache.held if each not in cache.policy}
    assert silent <= set(cache.ask("next", 1))
    assert all(each in cache.policy for each in cache.held)
