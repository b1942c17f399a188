"""Least recently used: what has not been asked for the longest goes first.

It knows the order of the last uses, and nothing of how often or how large.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Generic

from cdn.eviction.policy import Key


class Lru(Generic[Key]):
    """Least recently used goes first.

    Invariant: `_held` has the size of every held key, in the order of their last use, oldest
    first; `used` is the sum of the sizes and at most `capacity`.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self._held: OrderedDict[Key, int] = OrderedDict()

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __len__(self) -> int:
        return len(self._held)

    def touch(self, key: Key) -> None:
        """Make `key` the last to go."""
        if key in self._held:
            self._held.move_to_end(key)

    def insert(self, key: Key, size: int) -> Sequence[Key]:
        """Hold `key` as the last to go; return what had to go for it."""
        if size > self.capacity:
            return (key,)
        room = self.capacity - size
        gone = []
        while self.used > room:
            victim, freed = self._held.popitem(last=False)
            self.used -= freed
            gone.append(victim)
        self._held[key] = size
        self.used += size
        return gone

    def discard(self, key: Key) -> None:
        """Hold `key` no longer."""
        self.used -= self._held.pop(key, 0)
