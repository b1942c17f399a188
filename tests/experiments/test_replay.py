"""Replaying traces, and what LRU should reach by Che's approximation."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from cdn.admission import Always, Probability, SecondHit, SizeLimit
from cdn.eviction import PolicyError
from experiments.che import characteristic_time, lru_hit_ratios
from experiments.replay import AdmissionError, Replayed, find_admission, replay
from experiments.traces import Trace, Zipf

SMALL = Trace(list("abacab"), [1, 2, 1, 2, 1, 2])


def counts(done: Replayed) -> tuple[int, int, int, int]:
    """Return hits, bytes hit, evictions, refusals."""
    return done.hits, done.hit_bytes, done.evictions, done.refused


def test_everything_is_counted() -> None:
    """Hits, their bytes, evictions: b for c and c for b; the time it took."""
    done = replay(SMALL, "lru", 3)
    assert counts(done) == (2, 2, 2, 0)
    assert (done.requests, done.bytes) == (6, 9)
    assert (done.hit_ratio, done.byte_hit_ratio) == (2 / 6, 2 / 9)
    assert math.isclose(done.rate, 6 / done.seconds)


def test_refused_by_admission_or_by_the_policy_is_no_eviction() -> None:
    """What never came in did not leave."""
    assert counts(replay(SMALL, "lru", 3, "size-limit=1B")) == (2, 2, 0, 3)
    assert counts(replay(SMALL, "lru", 1)) == (2, 2, 0, 3)


def test_second_hit_needs_two() -> None:
    """The first request of each is refused, then a and b are held."""
    assert counts(replay(SMALL, "lru", 3, "second-hit")) == (1, 1, 0, 3)


def test_every_eviction_is_counted_once() -> None:
    """What came in is held or was evicted, also where a hit may push out."""
    trace = Zipf(0.8, 300, 5000, size=50, sigma=1.0).trace()
    for policy in ("lru", "gdsf", "s3-fifo", "w-tiny-lfu"):
        done = replay(trace, policy, 3000)
        came_in = done.requests - done.hits - done.refused
        assert 0 < came_in - done.evictions <= 3000


def test_belady_replays_everything_or_nothing() -> None:
    """It is told every request; an admission that refuses some would make it lose its place."""
    assert replay(SMALL, "belady", 3).hits == 2
    with pytest.raises(PolicyError, match="with nothing refused on admission"):
        replay(SMALL, "belady", 3, "second-hit")


def test_a_policy_that_holds_too_much_is_found_out(tmp_path: Path) -> None:
    """Its hits would be worth nothing."""
    path = tmp_path / "hoard.py"
    path.write_text(
        "from cdn.eviction import Lru\n"
        "class Hoard(Lru):\n"
        "    def __init__(self, capacity): super().__init__(2 * capacity)\n"
    )
    with pytest.raises(PolicyError, match="Hoard holds 5 bytes in a cache of 3"):
        replay(SMALL, f"{path}:Hoard", 3)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("always", Always), ("second-hit", SecondHit), ("second-hit=10", SecondHit),
     ("size-limit=1MiB", SizeLimit), ("probability=0.5", Probability)],
)  # fmt: skip
def test_admissions_by_name(text: str, kind: type[object]) -> None:
    """With their number behind an equals sign."""
    found = find_admission(text, random.Random(1))
    assert type(found) is kind
    told = {"second-hit=10": 10, "size-limit=1MiB": 2**20, "probability=0.5": 0.5}
    assert text not in told or told[text] in vars(found).values()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("allways", "no admission 'allways'; there are always, second-hit, size-limit=1MiB"),
        ("always=1", "no admission 'always=1'"),
        ("size-limit", "admission 'size-limit': '' is not a size"),
        ("size-limit=1", "'1' is not a size; write 16MiB"),
        ("second-hit=0", "'0' is no number of objects to remember"),
        ("probability=2", "'2' is no probability from 0 to 1"),
        ("probability=", "'' is no probability from 0 to 1"),
    ],
)
def test_what_is_no_admission_is_refused(text: str, fault: str) -> None:
    """With the name and the fix."""
    with pytest.raises(AdmissionError) as error:
        find_admission(text, random.Random(1))
    assert fault in str(error.value)


def test_an_admission_in_a_file(tmp_path: Path) -> None:
    """It is made with chance if it asks for it, and refused if it cannot admit."""
    path = tmp_path / "mine.py"
    path.write_text(
        "class Even:\n    def admits(self, key, size): return size % 2 == 0\n"
        "class Chancy(Even):\n    def __init__(self, rng): self.rng = rng\n"
        "class Deaf: pass\n"
        "class Odd:\n    def admits(self): return True\n"
        "class Greedy(Even):\n    def __init__(self, much): pass\n"
    )
    assert counts(replay(SMALL, "lru", 3, f"{path}:Even")) == (0, 0, 2, 3)
    rng = random.Random(1)
    assert vars(find_admission(f"{path}:Chancy", rng))["rng"] is rng
    for name, fault in (
        ("Deaf", "it has no admits"),
        ("Odd", "is no admission: too many positional arguments"),
        ("Greedy", "is no admission"),
        ("None", "has no class 'None'; it has Even"),
    ):
        with pytest.raises(AdmissionError, match=fault):
            find_admission(f"{path}:{name}", rng)


@pytest.mark.parametrize(
    ("alpha", "share", "sigma"),
    [
        (0.6, 0.01, 0.0),
        (0.6, 0.1, 1.0),
        (0.9, 0.01, 1.0),
        (0.9, 0.1, 0.0),
        (0.9, 0.5, 1.0),
        (1.2, 0.01, 0.0),
        (1.2, 0.5, 1.0),
    ],
)
def test_lru_is_within_one_percent_of_che(alpha: float, share: float, sigma: float) -> None:
    """Hits of requests and of bytes, under independent Zipf demand, from an empty cache."""
    law = Zipf(alpha, 10_000, 200_000, seed=5, size=10_000, sigma=sigma)
    capacity = int(share * sum(law.sizes()))
    done = replay(law.trace(), "lru", capacity)
    told = lru_hit_ratios(law.popularity(), law.sizes(), capacity, law.requests)
    assert abs(done.hit_ratio - told.requests) < 0.01 * told.requests + 0.001
    assert abs(done.byte_hit_ratio - told.bytes) < 0.01


def test_che_at_its_ends() -> None:
    """Equal popularity: T fills the cache; all fit: only first requests miss."""
    even = [0.01] * 100
    time = characteristic_time(even, [1] * 100, 50)
    assert math.isclose(100 * (1 - math.exp(-0.01 * time)), 50)
    assert characteristic_time(even, [1] * 100, 100) == math.inf
    told = lru_hit_ratios(even, [1] * 100, 100, 10_000)
    assert math.isclose(told.requests, 1 - 100 / 10_000, rel_tol=1e-6)
    assert math.isclose(lru_hit_ratios(even, [1] * 100, 50, 10**9).requests, 0.5, rel_tol=1e-6)
