"""Keys by rank, the lowest given up first: for policies whose order is more than a line.

It refuses to know what a rank means.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Generic

from cdn.eviction.policy import Key

Rank = tuple[float, int]
_SLACK = 64


class Ranking(Generic[Key]):
    """Keys, each with a rank no other key has.

    Invariant: `_heap` holds the present rank of every key in `_ranks`; what else it holds is
    outdated, and less than half of it plus a constant.
    """

    __slots__ = ("_heap", "_ranks")

    def __init__(self) -> None:
        self._ranks: dict[Key, Rank] = {}
        self._heap: list[tuple[Rank, Key]] = []

    def __contains__(self, key: object) -> bool:
        return key in self._ranks

    def __len__(self) -> int:
        return len(self._ranks)

    def put(self, key: Key, rank: Rank) -> None:
        """Give `key` this rank."""
        self._ranks[key] = rank
        heappush(self._heap, (rank, key))
        if len(self._heap) > 2 * len(self._ranks) + _SLACK:
            self._heap = [(each, key) for key, each in self._ranks.items()]
            heapify(self._heap)

    def pop(self) -> tuple[Key, Rank]:
        """Take out the key of the lowest rank. Raises `IndexError` if there is none."""
        while True:
            rank, key = heappop(self._heap)
            if self._ranks.get(key) == rank:
                del self._ranks[key]
                return key, rank

    def discard(self, key: Key) -> None:
        """Take out `key`, if it has a rank."""
        self._ranks.pop(key, None)
