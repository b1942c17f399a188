"""W-TinyLFU: what leaves a small window enters the main cache only if asked for more often there.

It estimates frequencies in a sketch and keeps no key it does not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from cdn.eviction.policy import Key
from cdn.eviction.queue import ByteQueue
from cdn.eviction.segmented import SegmentedLru
from cdn.eviction.sketch import CountingSketch

_MOST_ENTRIES = 2**20  # 60 MB of counters


class WTinyLfu(Generic[Key]):
    """W-TinyLFU (Einziger, Friedman & Manes, "TinyLFU", TOS 2017, section 4), over bytes.

    The window is an LRU of 1 %, the main cache a segmented LRU of 20 % probation and 80 %
    protected.

    Invariant: a held key is in one of `_window` and `_main`, which together count at most
    `capacity` bytes; `_main` alone at most 99 % of them.
    """

    WINDOW_SHARE = 0.01
    SAMPLE = 32

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._window_capacity = max(1, int(capacity * self.WINDOW_SHARE))
        self._window: ByteQueue[Key] = ByteQueue()
        self._main: SegmentedLru[Key] = SegmentedLru(max(0, capacity - self._window_capacity))
        self._sketch = CountingSketch(min(self._main.capacity, _MOST_ENTRIES))
        self._sample = self.SAMPLE * min(self._main.capacity, _MOST_ENTRIES)
        self._seen = 0
        self._gone: list[Key] = []

    @property
    def used(self) -> int:
        """Bytes the held keys count."""
        return self._window.used + self._main.used

    def __contains__(self, key: object) -> bool:
        return key in self._window or key in self._main

    def __len__(self) -> int:
        return len(self._window) + len(self._main)

    def touch(self, key: Key) -> None:
        """Note that `key` was asked for; its promotion may push others out of the main cache."""
        if key in self._window:
            self._window.refresh(key)
        elif key in self._main:
            self._gone += self._main.touch(key)
            self._count(key)

    def insert(self, key: Key, size: int) -> Sequence[Key]:
        """Hold `key` in the window; return what was given up since the last insertion."""
        self._gone = [each for each in self._gone if each != key]
        gone, self._gone = self._gone, []
        if size > min(self._window_capacity, self._main.probation):
            return [*gone, key]
        while self.used + size > self.capacity:
            self._evict(gone)
        self._window.push(key, size)
        self._sketch.add(key)
        return gone

    def discard(self, key: Key) -> None:
        """Hold `key` no longer; also forget that its end is still to be told."""
        self._window.take(key)
        self._main.discard(key)
        self._gone = [each for each in self._gone if each != key]

    def _evict(self, gone: list[Key]) -> None:
        """Let the oldest of the window compete with the main cache's next victim."""
        if not self._window:
            gone.append(self._main.pop())
            return
        candidate, size = self._window.pop()
        if self._main.used + size <= self._main.capacity:
            gone += self._main.insert(candidate, size)
        elif self._main and self._sketch.estimate(candidate) > self._sketch.estimate(
            self._main.victim()
        ):
            gone.append(self._main.pop())
            gone += self._main.insert(candidate, size)
        else:
            gone.append(candidate)
        self._sketch.add(candidate)

    def _count(self, key: Key) -> None:
        self._sketch.add(key)
        self._seen += 1
        if self._seen >= self._sample:
            self._seen = 0
            self._sketch.halve()
