"""LRU-K: what counts is when a key was asked for the K-th last time, not the last.

It forgets the requests for a key as soon as the key is given up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Generic

from cdn.eviction.policy import Key
from cdn.eviction.queue import ByteQueue
from cdn.eviction.ranking import Ranking


class LruK(Generic[Key]):
    """LRU-K (O'Neil, O'Neil & Weikum, SIGMOD 1993) with K = 2, counting time in requests.

    Keys asked for fewer than K times go first, in the order of their arrival.

    Invariant: a held key is in `_fresh` while it has been asked for fewer than K times, then in
    `_ranking` by its K-th last request; `_requests` has its last K requests; `used` is the sum
    of `_sizes` and at most `capacity`.
    """

    K = 2

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self._sizes: dict[Key, int] = {}
        self._requests: dict[Key, deque[int]] = {}
        self._fresh: ByteQueue[Key] = ByteQueue()
        self._ranking: Ranking[Key] = Ranking()
        self._now = 0

    def __contains__(self, key: object) -> bool:
        return key in self._sizes

    def __len__(self) -> int:
        return len(self._sizes)

    def touch(self, key: Key) -> None:
        """Note one more request for `key`."""
        if key in self._sizes:
            self._note(key)

    def insert(self, key: Key, size: int) -> Sequence[Key]:
        """Hold `key`, asked for once; return what had to go for it."""
        if size > self.capacity:
            return (key,)
        gone = []
        while self.used + size > self.capacity:
            victim = self._fresh.oldest()[0] if self._fresh else self._ranking.pop()[0]
            self.discard(victim)
            gone.append(victim)
        self._sizes[key] = size
        self.used += size
        self._requests[key] = deque(maxlen=self.K)
        self._fresh.push(key, size)
        self._note(key)
        return gone

    def discard(self, key: Key) -> None:
        """Hold `key` no longer, and forget its requests."""
        self.used -= self._sizes.pop(key, 0)
        self._requests.pop(key, None)
        self._fresh.take(key)
        self._ranking.discard(key)

    def _note(self, key: Key) -> None:
        self._now += 1
        requests = self._requests[key]
        requests.append(self._now)
        if len(requests) == self.K:
            self._fresh.take(key)
            self._ranking.put(key, (requests[0], self._now))
