"""What each policy gives up, in cases worked out by hand from its paper."""

from __future__ import annotations

import pytest

from cdn.eviction import Belady, Eviction
from tests.cdn.eviction.histories import Cache, hits, policy

# Unit sizes. Each request is a letter; after a colon, what is given up for it.
DECISIONS: dict[str, tuple[str, int, str]] = {
    "fifo: a use does not help": ("fifo", 3, "a b c a d:a e:b"),
    "lru: a use saves": ("lru", 3, "a b c a d:b e:c"),
    "clock: a use saves for one round": ("clock", 3, "a b c a d:b e:c f:a"),
    "lfu: the least often used goes": ("lfu", 2, "a a b c:b d:c a e:d"),
    "lfu: of equals, the least recently used": ("lfu", 2, "a b b a c:b"),
    "sieve: the hand passes over a, and a stays where it is": (
        "sieve", 3, "a b c a d:b e:c d f:e g:a",
    ),
    "2q: A1in is a FIFO": ("2q", 4, "a b c d a e:a f:b"),
    "2q: what returns from A1out goes to Am": ("2q", 4, "a b c d e:a f:b a:c g:d h:e a i:f j:g"),
    "arc: cases I, IV, II and III": ("arc", 2, "a b a c:b b:a a:c"),
    "arc: B1 is empty, so LRU of T1 goes unremembered": ("arc", 2, "a b c:a a:b"),
    "s3-fifo: asked for once, a leaves the small queue": (
        "s3-fifo", 10, "a b c d e f g h i j k:a",
    ),
    "s3-fifo: asked for three times, a moves to the main queue": (
        "s3-fifo", 10, "a a a b c d e f g h i j k:b",
    ),
    "s3-fifo: remembered, a returns to the main queue": (
        "s3-fifo", 10, "a b c d e f g h i j k:a a:k l:b m:l a n:m",
    ),
    "lru-k: the second last use counts": ("lru-k", 3, "a b b a c c d:a"),
    "lru-k: what was asked for once goes first": ("lru-k", 3, "a b b c c d:a e:d"),
    "w-tiny-lfu: a candidate must be asked for more often": (
        "w-tiny-lfu", 10, "a b c d e f g h i j k:j j:k l:a",
    ),
    "belady: what is asked for last goes": ("belady", 2, "a b c:b a b:a c"),
}  # fmt: skip


@pytest.mark.parametrize("case", DECISIONS)
def test_the_papers_decisions(case: str) -> None:
    """Who is given up at each request."""
    name, capacity, story = DECISIONS[case]
    requests = [step.partition(":") for step in story.split()]
    cache = Cache(policy(name, capacity, [key for key, _, _ in requests]))
    for key, _, gone in requests:
        assert cache.ask(key) == list(gone), key


@pytest.mark.parametrize(
    ("name", "frames", "reference", "faults"),
    [
        ("fifo", 3, "123412512345", 9),
        ("fifo", 4, "123412512345", 10),
        ("lru", 3, "123412512345", 10),
        ("lru", 4, "123412512345", 8),
        ("belady", 3, "123412512345", 7),
        ("belady", 4, "123412512345", 6),
        ("fifo", 3, "70120304230321201701", 15),
        ("lru", 3, "70120304230321201701", 12),
        ("belady", 3, "70120304230321201701", 9),
    ],
)
def test_the_textbooks_page_faults(name: str, frames: int, reference: str, faults: int) -> None:
    """Belady's anomaly (Belady, Nelson & Shedler 1969), and the string in Silberschatz et al."""
    assert len(reference) - hits(name, frames, reference) == faults


def test_gdsf_weighs_frequency_against_size() -> None:
    """Priority is floor + frequency / size; the floor rises to that of what was given up."""
    cache = Cache(policy("gdsf", 10))
    assert cache.ask("large", 6) == cache.ask("small", 4) == []
    assert cache.ask("new", 4) == ["large"]
    assert cache.ask("late", 6) == ["small"]
    assert set(cache.held) == {"new", "late"}


def test_gdsf_declines_what_is_worth_less_than_all() -> None:
    """A large newcomer beside small favourites goes at once."""
    cache = Cache(policy("gdsf", 10))
    for _ in range(3):
        cache.ask("favourite", 1)
    assert cache.ask("large", 10) == ["large"]
    assert list(cache.held) == ["favourite"]


@pytest.mark.parametrize(
    ("name", "largest"), [("2q", 250), ("s3-fifo", 99), ("w-tiny-lfu", 10), ("lru", 1000)]
)
def test_the_largest_object(name: str, largest: int) -> None:
    """A policy whose newcomers get a share of the cache holds no object above that share."""
    cache = Cache(policy(name, 1000))
    assert cache.ask("fits", largest) == []
    assert cache.ask("too large", largest + 1)[-1] == "too large"


def test_belady_refuses_another_future() -> None:
    """Its order would mean nothing."""
    books: Eviction[str] = Belady(2, "ab")
    books.insert("a", 1)
    with pytest.raises(ValueError, match="request 1 for 'c' is not the one that was foretold"):
        books.insert("c", 1)
