"""Greedy-Dual-Size with frequency: what is small and often asked for stays.

It knows size, frequency and, through a rising floor, age.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from cdn.eviction.policy import Key
from cdn.eviction.ranking import Ranking

_COST = 1e6  # the same for every object: what counts is requests, not bytes


class Gdsf(Generic[Key]):
    """GDSF (Cherkasova, HP Labs HPL-98-69R1, 1998): priority = floor + frequency * cost / size.

    The floor is the priority of the last key given up; equals go in the order of their last use.

    Invariant: `_held` has size and frequency of the held keys, `_ranking` their priorities;
    `used` is the sum of the sizes and, outside `insert`, at most `capacity`.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self._held: dict[Key, tuple[int, int]] = {}
        self._ranking: Ranking[Key] = Ranking()
        self._floor = 0.0
        self._now = 0

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __len__(self) -> int:
        return len(self._held)

    def touch(self, key: Key) -> None:
        """Count one more request for `key`, and raise it above the present floor."""
        if key in self._held:
            size, times = self._held[key]
            self._rank(key, size, times + 1)

    def insert(self, key: Key, size: int) -> Sequence[Key]:
        """Hold `key`; return the least worthy, `key` itself perhaps among them."""
        if size > self.capacity:
            return (key,)
        self._rank(key, size, 1)
        self.used += size
        gone = []
        while self.used > self.capacity:
            victim, (self._floor, _) = self._ranking.pop()
            self.used -= self._held.pop(victim)[0]
            gone.append(victim)
        return gone

    def discard(self, key: Key) -> None:
        """Hold `key` no longer, and forget its requests."""
        self.used -= self._held.pop(key, (0, 0))[0]
        self._ranking.discard(key)

    def _rank(self, key: Key, size: int, times: int) -> None:
        self._now += 1
        self._held[key] = size, times
        self._ranking.put(key, (self._floor + times * _COST / max(size, 1), self._now))
