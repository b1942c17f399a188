"""Which object may enter a cache at all, before eviction asks what leaves for it.

An admission policy is asked once for each object that is not held; it refuses to know what is.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Hashable
from typing import Protocol


class Admission(Protocol):
    """Decides who may enter."""

    def admits(self, key: Hashable, size: int, /) -> bool:
        """Return whether `key`, not held and of `size` bytes, may be held."""


class Always:
    """Admits everything."""

    def admits(self, key: Hashable, size: int) -> bool:  # noqa: ARG002 - that is the point
        """Return True."""
        return True


class SecondHit:
    """Admits what is asked for again while its first request is remembered.

    Keeps out what is asked for only once (Maggs & Sitaraman, "Algorithmic Nuggets in Content
    Delivery", CCR 45(3), 2015, where a Bloom filter remembers).

    Invariant: `_seen` are at most `memory` keys that were refused, the latest last.
    """

    def __init__(self, memory: int = 2**16) -> None:
        self.memory = memory
        self._seen: OrderedDict[Hashable, None] = OrderedDict()

    def admits(self, key: Hashable, size: int) -> bool:  # noqa: ARG002 - blind to size
        """Return whether `key` was refused lately; if not, refuse and remember it."""
        if key in self._seen:
            del self._seen[key]
            return True
        self._seen[key] = None
        if len(self._seen) > self.memory:
            self._seen.popitem(last=False)
        return False


class SizeLimit:
    """Admits objects of at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def admits(self, key: Hashable, size: int) -> bool:  # noqa: ARG002 - blind to the key
        """Return whether `size` is within the limit."""
        return size <= self.limit


class Probability:
    """Admits each time with the same probability, so that what is popular enters in the end."""

    def __init__(self, probability: float, rng: random.Random) -> None:
        self.probability = probability
        self._rng = rng

    def admits(self, key: Hashable, size: int) -> bool:  # noqa: ARG002 - blind to both
        """Return the throw of a coin."""
        return self._rng.random() < self.probability
