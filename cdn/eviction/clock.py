"""Clock, also called second chance: FIFO that spares once what was asked for since.

It knows one bit of each key, and no order of use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from cdn.eviction.policy import Key
from cdn.eviction.queue import ByteQueue


class Clock(Generic[Key]):
    """Clock (Corbato, "A Paging Experiment with the Multics System", 1968), with one bit.

    Invariant: `_line` has the held keys in the order in which the hand meets them, at most
    `capacity` bytes; `_asked` are those among them that were asked for since it last passed.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._line: ByteQueue[Key] = ByteQueue()
        self._asked: set[Key] = set()

    @property
    def used(self) -> int:
        """Bytes the held keys count."""
        return self._line.used

    def __contains__(self, key: object) -> bool:
        return key in self._line

    def __len__(self) -> int:
        return len(self._line)

    def touch(self, key: Key) -> None:
        """Let the hand spare `key` once."""
        if key in self._line:
            self._asked.add(key)

    def insert(self, key: Key, size: int) -> Sequence[Key]:
        """Hold `key` where the hand comes last; return what had to go for it."""
        if size > self.capacity:
            return (key,)
        gone = []
        while self._line.used + size > self.capacity:
            gone.append(self._victim())
        self._line.push(key, size)
        return gone

    def discard(self, key: Key) -> None:
        """Hold `key` no longer."""
        self._line.take(key)
        self._asked.discard(key)

    def _victim(self) -> Key:
        while True:
            key, size = self._line.pop()
            if key not in self._asked:
                return key
            self._asked.remove(key)
            self._line.push(key, size)
