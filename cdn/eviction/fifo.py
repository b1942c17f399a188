"""First in, first out: what came first goes first, however often it is asked for.

It knows the order of arrival and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from cdn.eviction.policy import Key
from cdn.eviction.queue import ByteQueue


class Fifo(Generic[Key]):
    """First in, first out.

    Invariant: `_line` has the held keys in the order of their arrival, at most `capacity` bytes.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._line: ByteQueue[Key] = ByteQueue()

    @property
    def used(self) -> int:
        """Bytes the held keys count."""
        return self._line.used

    def __contains__(self, key: object) -> bool:
        return key in self._line

    def __len__(self) -> int:
        return len(self._line)

    def touch(self, key: Key) -> None:
        """Do nothing: being asked for does not help."""

    def insert(self, key: Key, size: int) -> Sequence[Key]:
        """Hold `key` as the youngest; return what had to go for it."""
        if size > self.capacity:
            return (key,)
        gone = []
        while self._line.used + size > self.capacity:
            gone.append(self._line.pop()[0])
        self._line.push(key, size)
        return gone

    def discard(self, key: Key) -> None:
        """Hold `key` no longer."""
        self._line.take(key)
