"""Keys in a line, each with its bytes: what most eviction policies are made of.

It refuses to know which end is given up first, and how long the line may get.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic

from cdn.eviction.policy import Key


class ByteQueue(Generic[Key]):
    """A line of keys, oldest first. Invariant: `used` is the sum of their sizes in bytes."""

    __slots__ = ("_sizes", "used")

    def __init__(self) -> None:
        self.used = 0
        self._sizes: OrderedDict[Key, int] = OrderedDict()

    def __contains__(self, key: object) -> bool:
        return key in self._sizes

    def __len__(self) -> int:
        return len(self._sizes)

    def push(self, key: Key, size: int) -> None:
        """Put `key`, not in the line, at the young end."""
        self._sizes[key] = size
        self.used += size

    def refresh(self, key: Key) -> None:
        """Move `key` to the young end."""
        self._sizes.move_to_end(key)

    def oldest(self) -> tuple[Key, int]:
        """Return the oldest key and its size. Raises `StopIteration` if there is none."""
        return next(iter(self._sizes.items()))

    def pop(self) -> tuple[Key, int]:
        """Take out the oldest key; return it and its size. Raises `KeyError` if there is none."""
        key, size = self._sizes.popitem(last=False)
        self.used -= size
        return key, size

    def take(self, key: Key) -> int:
        """Take out `key` and return its size, 0 if it is not in the line."""
        size = self._sizes.pop(key, 0)
        self.used -= size
        return size


class Ghosts(Generic[Key]):
    """Keys given up lately, for policies that learn from their return.

    Invariant: the sizes of the remembered keys sum up to at most `capacity` bytes.
    """

    __slots__ = ("_line", "capacity")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._line: ByteQueue[Key] = ByteQueue()

    def __len__(self) -> int:
        return len(self._line)

    def remember(self, key: Key, size: int) -> None:
        """Remember `key`, and forget the oldest to make room; a known key keeps its place."""
        if key in self._line or size > self.capacity:
            return
        while self._line.used + size > self.capacity:
            self._line.pop()
        self._line.push(key, size)

    def forget(self, key: Key) -> bool:
        """Forget `key`; return whether it was remembered."""
        known = key in self._line
        self._line.take(key)
        return known
