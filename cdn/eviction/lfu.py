"""Least frequently used: what was asked for least often since it came goes first.

It forgets how often a key was asked for as soon as the key is given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from cdn.eviction.policy import Key
from cdn.eviction.queue import ByteQueue


class Lfu(Generic[Key]):
    """Least frequently used, the least recently used among equals, without ageing.

    Buckets per frequency make every step O(1) (Shah, Mitra & Matani, "An O(1) algorithm for
    implementing the LFU cache eviction scheme", 2010).

    Invariant: `_lines[n]`, never empty, has the held keys asked for `n` times, in the order of
    their last use; `_times` has the `n` of each; none is below `_least`.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self._times: dict[Key, int] = {}
        self._lines: dict[int, ByteQueue[Key]] = {}
        self._least = 1

    def __contains__(self, key: object) -> bool:
        return key in self._times

    def __len__(self) -> int:
        return len(self._times)

    def touch(self, key: Key) -> None:
        """Count one more request for `key`."""
        times = self._times.get(key)
        if times is not None:
            size = self._leave(key, times)
            self._join(key, size, times + 1)

    def insert(self, key: Key, size: int) -> Sequence[Key]:
        """Hold `key` as asked for once; return what had to go for it."""
        if size > self.capacity:
            return (key,)
        gone = []
        while self.used + size > self.capacity:
            gone.append(self._evict())
        self._join(key, size, 1)
        self._least = 1
        return gone

    def discard(self, key: Key) -> None:
        """Hold `key` no longer, and forget its requests."""
        times = self._times.pop(key, None)
        if times is not None:
            self._leave(key, times)

    def _evict(self) -> Key:
        if self._least not in self._lines:
            self._least = min(self._lines)
        key, _ = self._lines[self._least].oldest()
        self.discard(key)
        return key

    def _join(self, key: Key, size: int, times: int) -> None:
        if times not in self._lines:
            self._lines[times] = ByteQueue()
        self._lines[times].push(key, size)
        self._times[key] = times
        self.used += size

    def _leave(self, key: Key, times: int) -> int:
        line = self._lines[times]
        size = line.take(key)
        self.used -= size
        if not line:
            del self._lines[times]
        return size
