"""libcachesim, which no one here wrote, judges every policy both have, to the request."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from experiments.replay import replay
from experiments.traces import Request, Trace, Zipf, load, write_csv, write_oracle_general

libcachesim = pytest.importorskip("libcachesim", reason="libcachesim is not installed")

pytestmark = [
    pytest.mark.judge("libcachesim"),
    pytest.mark.timeout(60, method="thread"),  # its C code does not listen to signals
]

THEIRS = {
    "fifo": "FIFO", "lru": "LRU", "lfu": "LFU", "clock": "Clock", "2q": "TwoQ", "arc": "ARC",
    "sieve": "Sieve", "s3-fifo": "S3FIFO", "w-tiny-lfu": "WTinyLFU", "gdsf": "GDSF",
    "lru-k": "LRUK", "belady": "Belady",
}  # fmt: skip
NEVER = 2**63 - 1


def shifting(requests: int, seed: int) -> Trace:
    """Return requests whose favourites change, with scans and loops between them.

    Sizes are far apart, and one object in fifty changes its size from time to time.
    """
    rng = random.Random(seed)
    keys, sizes = list[int](), list[int]()
    while len(keys) < requests:
        turn, at = divmod(len(keys), 20_000)
        if at % 4000 < 400:
            key = 1_000_000 + len(keys)
        elif at % 7000 < 600:
            key = 500_000 + at % 300
        else:
            key = turn * 700 + int(3000 * rng.random() ** 3)
        size = 1 + key * 2_654_435_761 % 2**32 % (100_000 if key % 9 == 0 else 3000)
        keys.append(key * 0x9E3779B97F4A7C15 % 2**64)
        sizes.append(size + turn if key % 50 == 0 else size)
    return Trace(keys, sizes)


@cache
def trace(name: str) -> Trace:
    """Return one of the three traces."""
    if name == "shifting":
        return shifting(100_000, seed=13)
    if name == "equal":
        return Zipf(0.9, 10_000, 100_000, seed=11).trace()
    return Zipf(0.8, 10_000, 100_000, seed=12, size=20_000, sigma=1.5).trace()


def next_accesses(keys: Sequence[Any]) -> list[int]:
    """Return for each request the index of the next one for the same key."""
    upcoming: dict[Any, int] = {}
    following = [NEVER] * len(keys)
    for at in range(len(keys) - 1, -1, -1):
        following[at] = upcoming.get(keys[at], NEVER)
        upcoming[keys[at]] = at
    return following


def their_hits(policy: str, requests: Trace, capacity: int) -> int:
    """Return how many requests hit in libcachesim."""
    cache = getattr(libcachesim, THEIRS[policy])(cache_size=capacity, hashpower=16)
    request, hits = libcachesim.Request(), 0
    following = next_accesses(requests.keys)
    for key, size, after in zip(requests.keys, requests.sizes, following, strict=True):
        request.obj_id, request.obj_size, request.next_access_vtime = key, size, after
        hits += cache.get(request)
    return hits


@pytest.mark.parametrize("policy", THEIRS)
@pytest.mark.parametrize(
    ("name", "capacity"), [("equal", 500), ("unequal", 10_000_000), ("shifting", 1_500_000)]
)
def test_the_same_hits(name: str, capacity: int, policy: str) -> None:
    """To the request, on three traces of 100,000 requests, of equal and of unequal sizes."""
    requests = trace(name)
    ours = replay(requests, policy, capacity)
    assert ours.hits == their_hits(policy, requests, capacity)
    assert 0.05 < ours.hit_ratio < 0.95


@pytest.mark.parametrize("policy", THEIRS)
@pytest.mark.parametrize("seed", range(4))
def test_the_same_hits_in_small_caches(seed: int, policy: str) -> None:
    """Where every corner is turned often: few places, objects nearly as large as the cache."""
    rng = random.Random(seed)
    keys = [min(int(rng.paretovariate(0.7)), 300) for _ in range(3000)]
    sizes = [rng.randint(1, 200) for _ in keys] if seed % 2 else [1] * len(keys)
    capacity = rng.choice([1000, 3000]) if seed % 2 else rng.choice([100, 101, 150])
    requests = Trace(keys, sizes)
    assert replay(requests, policy, capacity).hits == their_hits(policy, requests, capacity)


@pytest.mark.parametrize("policy", ["s3-fifo", "w-tiny-lfu"])
def test_ten_places_are_enough_for_us(policy: str) -> None:
    """There libcachesim holds nothing: its shares round down to no room for any newcomer."""
    requests = trace("equal")
    assert their_hits(policy, requests, 10) == 0
    assert replay(requests, policy, 10).hits > replay(requests, "fifo", 10).hits


def test_their_readers_read_our_files(tmp_path: Path) -> None:
    """The same requests from CSV and from oracleGeneral records, the next access included."""
    part = Trace(trace("shifting").keys[:5000], trace("shifting").sizes[:5000])
    requests = [
        Request(float(n), key, size)
        for n, (key, size) in enumerate(zip(part.keys, part.sizes, strict=True))
    ]
    binary, text = tmp_path / "trace.oracleGeneral", tmp_path / "trace.csv"
    write_oracle_general(binary, requests)
    write_csv(text, requests)
    for path in (binary, text):
        assert list(load(path).keys) == part.keys
        assert list(load(path).sizes) == part.sizes
    reader = libcachesim.TraceReader(str(binary), libcachesim.TraceType.ORACLE_GENERAL_TRACE)
    told = [(each.obj_id, each.obj_size, each.next_access_vtime) for each in reader]
    following = next_accesses(part.keys)
    assert [each[:2] for each in told] == list(zip(part.keys, part.sizes, strict=True))
    assert [min(each[2], len(part)) for each in told] == [min(n, len(part)) for n in following]
