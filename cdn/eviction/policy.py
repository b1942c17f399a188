"""What a full cache asks of an eviction policy.

A policy keeps the books of one cache: which keys are held, and how many bytes they count. It
refuses to know what is stored under them, and whether it is still fresh.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Eviction(Protocol[Key]):
    """The keys a cache of `capacity` bytes holds. `used`, their bytes, never exceeds it.

    A policy's class is called with the capacity. Its cache asks `key in policy`; a key that is
    held it touches, and a key that is not held it inserts once the object is there.
    """

    @property
    def capacity(self) -> int:
        """Bytes there are."""

    @property
    def used(self) -> int:
        """Bytes the held keys count."""

    def __contains__(self, key: object, /) -> bool:
        """Whether `key` is held."""

    def __len__(self) -> int:
        """Return how many keys are held."""

    def touch(self, key: Key, /) -> None:
        """Note that `key`, which is held, was asked for again; an unknown key is fine."""

    def insert(self, key: Key, size: int, /) -> Sequence[Key]:
        """Hold `key`, not held so far, with `size` bytes; return the keys given up, in order.

        These are all that were given up since the last insertion. `key` itself among them means
        that it is not worth holding, or too large.
        """

    def discard(self, key: Key, /) -> None:
        """Hold `key` no longer, because its object is gone; an unknown key is fine."""
