"""Random: any held key goes, the yardstick for policies that claim to know better.

It knows nothing of the keys.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Generic

from cdn.eviction.policy import Key


class Random(Generic[Key]):
    """Any key goes, each as likely as the others, drawn from `rng`.

    Invariant: `_keys` are the held keys, and `_places` says where each stands among them;
    `used` is the sum of `_sizes` and at most `capacity`.
    """

    def __init__(self, capacity: int, rng: random.Random) -> None:
        self.capacity = capacity
        self.used = 0
        self._rng = rng
        self._sizes: dict[Key, int] = {}
        self._keys: list[Key] = []
        self._places: dict[Key, int] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._sizes

    def __len__(self) -> int:
        return len(self._keys)

    def touch(self, key: Key) -> None:
        """Do nothing: being asked for does not help."""

    def insert(self, key: Key, size: int) -> Sequence[Key]:
        """Hold `key`; return what had to go for it."""
        if size > self.capacity:
            return (key,)
        gone = []
        while self.used + size > self.capacity:
            victim = self._keys[self._rng.randrange(len(self._keys))]
            self.discard(victim)
            gone.append(victim)
        self._sizes[key] = size
        self.used += size
        self._places[key] = len(self._keys)
        self._keys.append(key)
        return gone

    def discard(self, key: Key) -> None:
        """Hold `key` no longer; the last key takes its place."""
        if key in self._sizes:
            self.used -= self._sizes.pop(key)
            place, last = self._places.pop(key), self._keys.pop()
            if last != key:
                self._keys[place] = last
                self._places[last] = place
