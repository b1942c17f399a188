"""Policies by name, and from anybody's file."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cdn.eviction import POLICIES, Lru, PolicyError, S3Fifo, WTinyLfu, find, make

MINE = '''
class Mine:
    """Holds one key."""
    def __init__(self, capacity):
        self.capacity, self.used, self.key = capacity, 0, None
    def __contains__(self, key): return key == self.key
    def __len__(self): return self.key is not None
    def touch(self, key): pass
    def insert(self, key, size):
        gone = [self.key] if self.used else []
        self.key, self.used = key, size
        return gone
    def discard(self, key):
        if key == self.key: self.key, self.used = None, 0

class Chancy(Mine):
    def __init__(self, capacity, rng):
        super().__init__(capacity)
        self.rng = rng

class NoInsert:
    def __init__(self, capacity): pass
    def touch(self, key): pass

class OddTouch(Mine):
    def touch(self): pass

class Greedy(Mine):
    def __init__(self, capacity, much): pass

class Empty(Mine):
    def __init__(self): pass

class Uncounted(Mine):
    def __init__(self, capacity): self.capacity = capacity
'''


@pytest.fixture
def mine(tmp_path: Path) -> str:
    """Return the path of a file with policies."""
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return str(path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("lru", Lru), ("S3Fifo", S3Fifo), ("s3-fifo", S3Fifo), ("s3fifo", S3Fifo),
     ("W-TinyLFU", WTinyLfu), ("w_tiny_lfu", WTinyLfu), ("LRU", Lru)],
)  # fmt: skip
def test_names_are_read_kindly(name: str, kind: type[object]) -> None:
    """With or without hyphens, in either case, or as the class is called."""
    assert find(name) is kind


def test_each_name_is_that_of_its_class() -> None:
    """So that the table needs no explanation; 2Q cannot begin with its digit."""
    told = {name: kind.__name__.lower() for name, kind in POLICIES.items()}
    assert told.pop("2q") == "twoq"
    assert all(name.replace("-", "") == kind for name, kind in told.items())


def test_a_class_in_a_file_is_made_with_what_it_asks_for(mine: str) -> None:
    """The capacity, and chance if it names it."""
    rng = random.Random(1)
    assert make(f"{mine}:Mine", 5, rng).capacity == 5
    chancy = make(f"{mine}:Chancy", 5, rng)
    assert vars(chancy)["rng"] is rng


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("lur", "no policy 'lur'; did you mean 'lru'?"),
        ("optimal", "there are fifo, lru, lfu"),
        ("nowhere.py:Mine", "there is no file 'nowhere.py'"),
        ("{mine}:Theirs", "has no class 'Theirs'; it has Mine, Chancy"),
        ("{mine}:NoInsert", "it has no insert(self, key, size)"),
        ("{mine}:OddTouch", "its touch cannot be called as touch(self, key)"),
        ("{mine}:Greedy", "must be called as __init__(self, capacity)"),
        ("{mine}:Empty", "must be called as __init__(self, capacity)"),
        ("{mine}:Uncounted", "it has no number `used`, in bytes"),
        ("belady", "belady must know all requests to come"),
    ],
)
def test_what_is_no_policy_is_refused(name: str, fault: str, mine: str) -> None:
    """With the name and the fix."""
    with pytest.raises(PolicyError) as error:
        make(name.format(mine=mine), 5, random.Random(1))
    assert fault in str(error.value)


def test_a_file_that_fails_says_how(tmp_path: Path) -> None:
    """Whatever its code raises."""
    path = tmp_path / "broken.py"
    path.write_text("1 / 0")
    with pytest.raises(PolicyError, match=r"broken\.py cannot be loaded: ZeroDivisionError"):
        find(f"{path}:Mine")
