"""2Q: newcomers wait in a short FIFO, and only what returns after it reaches the main LRU.

It remembers, without their content, the keys that left the FIFO lately.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from cdn.eviction.policy import Key
from cdn.eviction.queue import ByteQueue, Ghosts


class TwoQ(Generic[Key]):
    """2Q, full version (Johnson & Shasha, VLDB 1994), over bytes.

    `A1in`, `A1out` and `Am` of the paper are `_newcomers`, `_left` and `_main`.

    Invariant: a held key is in one of `_newcomers` and `_main`, which together count at most
    `capacity` bytes, `_main` alone at most what newcomers are not entitled to.
    """

    IN_SHARE = 0.25
    OUT_SHARE = 0.5

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._entitled = max(1, int(capacity * self.IN_SHARE))
        self._newcomers: ByteQueue[Key] = ByteQueue()
        self._main: ByteQueue[Key] = ByteQueue()
        self._left: Ghosts[Key] = Ghosts(int(capacity * self.OUT_SHARE))

    @property
    def used(self) -> int:
        """Bytes the held keys count."""
        return self._newcomers.used + self._main.used

    def __contains__(self, key: object) -> bool:
        return key in self._newcomers or key in self._main

    def __len__(self) -> int:
        return len(self._newcomers) + len(self._main)

    def touch(self, key: Key) -> None:
        """Make `key` the last to go if it is in the main queue; newcomers keep their place."""
        if key in self._main:
            self._main.refresh(key)

    def insert(self, key: Key, size: int) -> Sequence[Key]:
        """Hold `key`: in the main queue if it left the newcomers lately, else as a newcomer."""
        returns = self._left.forget(key)
        if size > min(self._entitled, self.capacity):
            return (key,)
        gone = []
        while self.used + size > self.capacity:
            gone.append(self._evict())
        rest = self.capacity - self._entitled
        if not returns or size > rest:
            self._newcomers.push(key, size)
            return gone
        while self._main.used + size > rest:
            gone.append(self._main.pop()[0])
        self._main.push(key, size)
        return gone

    def discard(self, key: Key) -> None:
        """Hold `key` no longer."""
        self._newcomers.take(key)
        self._main.take(key)

    def _evict(self) -> Key:
        if self._main and self._newcomers.used <= self._entitled:
            return self._main.pop()[0]
        key, size = self._newcomers.pop()
        self._left.remember(key, size)
        return key
