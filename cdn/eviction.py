"""Which stored object a full cache gives up first.

A policy orders keys by what it is told of their use; it refuses to know values and capacity.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol


class Eviction(Protocol):
    """An order of keys. The cache reports every event; the policy names the next victim."""

    def add(self, key: str, size: int) -> None:
        """Note that `key`, not held before, was stored with `size` bytes."""

    def touch(self, key: str) -> None:
        """Note that held `key` was used."""

    def discard(self, key: str) -> None:
        """Note that `key` is no longer held."""

    def victim(self) -> str:
        """Return the held key to give up next.

        Raises:
            KeyError: nothing is held.
        """


class Lru:
    """Least recently used goes first.

    Invariant: keys are held in the order of their last use, the oldest first.
    """

    def __init__(self) -> None:
        self._order: OrderedDict[str, None] = OrderedDict()

    def add(self, key: str, size: int) -> None:  # noqa: ARG002 - LRU is blind to size
        """Note that `key` was stored: that is its most recent use."""
        self._order[key] = None

    def touch(self, key: str) -> None:
        """Note that `key` was used."""
        self._order.move_to_end(key)

    def discard(self, key: str) -> None:
        """Forget `key`."""
        self._order.pop(key, None)

    def victim(self) -> str:
        """Return the key whose last use is longest ago."""
        if not self._order:
            raise KeyError("nothing is held")
        return next(iter(self._order))
