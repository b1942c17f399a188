"""Belady's MIN: with the whole future known, what is asked for again last goes first.

No server can run it; a replayed trace can, and sees how far the others are from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from math import inf
from typing import Generic

from cdn.eviction.policy import Key
from cdn.eviction.ranking import Ranking


class Belady(Generic[Key]):
    """MIN (Belady, IBM Systems Journal 5(2), 1966), the optimum for objects of one size.

    `future` are all the requests to come; each must be told, in that order, by `touch` or
    `insert`. Like the original it holds whatever is asked for, even if it is never again.

    Invariant: `_ranking` has every held key by its next request, the last one first; `used` is
    the sum of `_sizes` and at most `capacity`.
    """

    def __init__(self, capacity: int, future: Sequence[Key]) -> None:
        self.capacity = capacity
        self.used = 0
        self._sizes: dict[Key, int] = {}
        self._ranking: Ranking[Key] = Ranking()
        self._future = future
        self._next = _next_requests(future)
        self._clock = count()

    def __contains__(self, key: object) -> bool:
        return key in self._sizes

    def __len__(self) -> int:
        return len(self._sizes)

    def touch(self, key: Key) -> None:
        """Note the request for `key`, and when the next one comes.

        Raises:
            ValueError: the future has another request here.
        """
        rank = self._foresee(key)
        if key in self._sizes:
            self._ranking.put(key, rank)

    def insert(self, key: Key, size: int) -> Sequence[Key]:
        """Hold `key`; return what had to go for it. Raises `ValueError` as above."""
        rank = self._foresee(key)
        if size > self.capacity:
            return (key,)
        gone = []
        while self.used + size > self.capacity:
            victim = self._ranking.pop()[0]
            self.used -= self._sizes.pop(victim)
            gone.append(victim)
        self._sizes[key] = size
        self.used += size
        self._ranking.put(key, rank)
        return gone

    def discard(self, key: Key) -> None:
        """Hold `key` no longer."""
        self.used -= self._sizes.pop(key, 0)
        self._ranking.discard(key)

    def _foresee(self, key: Key) -> tuple[float, int]:
        now = next(self._clock)
        if now >= len(self._future) or self._future[now] != key:
            raise ValueError(f"request {now} for {key!r} is not the one that was foretold")
        return -self._next[now], now


def _next_requests(future: Sequence[Key]) -> list[float]:
    """Return for each request the index of the next one for the same key, or infinity."""
    upcoming: dict[Key, int] = {}
    following = [inf] * len(future)
    for at in range(len(future) - 1, -1, -1):
        following[at] = upcoming.get(future[at], inf)
        upcoming[future[at]] = at
    return following
