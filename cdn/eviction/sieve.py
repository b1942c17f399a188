"""Sieve: FIFO with a hand that lets what was asked for stay exactly where it is.

It knows one bit of each key and the order of arrival.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from cdn.eviction.policy import Key


class _Node(Generic[Key]):
    __slots__ = ("asked", "key", "newer", "older", "size")

    def __init__(self, key: Key, size: int, older: _Node[Key] | None) -> None:
        self.key = key
        self.size = size
        self.asked = False
        self.older = older
        self.newer: _Node[Key] | None = None


class Sieve(Generic[Key]):
    """SIEVE (Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024, algorithm 1).

    Invariant: from `_oldest` to `_newest` the nodes of the held keys are linked in the order of
    arrival; `used` is the sum of their sizes and at most `capacity`. The hand is at one of them,
    or None: then it starts again from the oldest.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self._nodes: dict[Key, _Node[Key]] = {}
        self._oldest: _Node[Key] | None = None
        self._newest: _Node[Key] | None = None
        self._hand: _Node[Key] | None = None

    def __contains__(self, key: object) -> bool:
        return key in self._nodes

    def __len__(self) -> int:
        return len(self._nodes)

    def touch(self, key: Key) -> None:
        """Let the hand pass over `key` once."""
        node = self._nodes.get(key)
        if node is not None:
            node.asked = True

    def insert(self, key: Key, size: int) -> Sequence[Key]:
        """Hold `key` as the newest; return what had to go for it."""
        if size > self.capacity:
            return (key,)
        room = self.capacity - size
        gone = []
        while self.used > room:
            gone.append(self._evict())
        node = self._nodes[key] = _Node(key, size, self._newest)
        if self._newest is None:
            self._oldest = node
        else:
            self._newest.newer = node
        self._newest = node
        self.used += size
        return gone

    def discard(self, key: Key) -> None:
        """Hold `key` no longer; a hand on it moves on."""
        node = self._nodes.get(key)
        if node is not None:
            self._remove(node)

    def _evict(self) -> Key:
        node = self._hand or self._oldest
        while node is not None and node.asked:
            node.asked = False
            node = node.newer or self._oldest
        if node is None:
            raise AssertionError("bytes are in use, but no key is held")
        self._hand = node
        self._remove(node)
        return node.key

    def _remove(self, node: _Node[Key]) -> None:
        older, newer = node.older, node.newer
        if older is None:
            self._oldest = newer
        else:
            older.newer = newer
        if newer is None:
            self._newest = older
        else:
            newer.older = older
        if self._hand is node:
            self._hand = newer
        del self._nodes[node.key]
        self.used -= node.size
