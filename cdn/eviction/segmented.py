"""Segmented LRU: a key asked for again moves from probation to a protected segment.

It is the main part of W-TinyLFU and refuses to know what is admitted to it.
"""

from __future__ import annotations

from typing import Generic

from cdn.eviction.policy import Key
from cdn.eviction.queue import ByteQueue


class SegmentedLru(Generic[Key]):
    """SLRU (Karedla, Love & Wherry, IEEE Computer 27(3), 1994), 20 % probation, over bytes.

    Invariant: a held key is in one of `_probation` and `_protected`, which together count at
    most `capacity` bytes, the latter at most its share of them.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.probation = max(1, int(0.2 * capacity))
        self._protection = int(0.8 * capacity)
        self._probation: ByteQueue[Key] = ByteQueue()
        self._protected: ByteQueue[Key] = ByteQueue()

    @property
    def used(self) -> int:
        """Bytes the held keys count."""
        return self._probation.used + self._protected.used

    def __contains__(self, key: object) -> bool:
        return key in self._probation or key in self._protected

    def __len__(self) -> int:
        return len(self._probation) + len(self._protected)

    def touch(self, key: Key) -> list[Key]:
        """Protect `key`; return what the demoted pushed out of probation."""
        if key in self._protected:
            self._protected.refresh(key)
            return []
        self._protected.push(key, self._probation.take(key))
        gone = []
        while self._protected.used > self._protection:
            self._probation.push(*self._protected.pop())
            while self._probation.used > self.probation:
                gone.append(self._probation.pop()[0])
        return gone

    def insert(self, key: Key, size: int) -> list[Key]:
        """Hold `key` in the lowest segment with room, else on probation."""
        gone = []
        if self._probation.used + size <= self.probation:
            self._probation.push(key, size)
        elif self._protected.used + size <= self._protection:
            self._protected.push(key, size)
        else:
            while self.used + size > self.capacity:
                gone.append(self.pop())
            self._probation.push(key, size)
        return gone

    def victim(self) -> Key:
        """Return the key to go next. Raises `StopIteration` if none is held."""
        return (self._probation or self._protected).oldest()[0]

    def pop(self) -> Key:
        """Give up the next key and return it. Raises `KeyError` if none is held."""
        return (self._probation or self._protected).pop()[0]

    def discard(self, key: Key) -> None:
        """Hold `key` no longer."""
        self._probation.take(key)
        self._protected.take(key)
