"""Che's approximation: how often an LRU cache hits under independent requests.

It knows probabilities and sizes of objects and simulates nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, expm1


@dataclass(frozen=True, slots=True)
class HitRatios:
    """Shares of requests, and of bytes asked for, that a cache answers."""

    requests: float
    bytes: float


def characteristic_time(popularity: Sequence[float], sizes: Sequence[int], capacity: int) -> float:
    """Return after how many requests LRU gives up an object that is not asked for again.

    That is the T at which the objects asked for within it fill `capacity` bytes (Che, Tung &
    Wang, "Hierarchical Web Caching Systems", JSAC 20(7), 2002); infinity if all fit.
    """
    if sum(sizes) <= capacity:
        return float("inf")
    pairs = list(zip(popularity, sizes, strict=True))
    low, high = 0.0, 1.0
    while _filled(pairs, high) < capacity:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _filled(pairs, middle) < capacity else (low, middle)
    return high


def lru_hit_ratios(
    popularity: Sequence[float], sizes: Sequence[int], capacity: int, requests: int
) -> HitRatios:
    """Return what an LRU of `capacity` bytes that starts empty reaches within `requests`.

    An object asked for with probability p is held with probability 1 - exp(-p * T); while fewer
    than T requests have come, with what has come so far instead of T. The limit of many
    requests is the ratio Che, Tung & Wang give.
    """
    time = min(characteristic_time(popularity, sizes, capacity), float(requests))
    hits = hit_bytes = asked = 0.0
    for p, size in zip(popularity, sizes, strict=True):
        filling = time + expm1(-p * time) / p
        held = (filling - (requests - time) * expm1(-p * time)) / requests
        hits += p * held
        hit_bytes += p * held * size
        asked += p * size
    return HitRatios(hits, hit_bytes / asked)


def _filled(pairs: Sequence[tuple[float, int]], time: float) -> float:
    return sum(size * (1 - exp(-p * time)) for p, size in pairs)
