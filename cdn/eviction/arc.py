"""ARC: two LRUs, of keys asked for once and more often, that learn how to share the cache.

It remembers, without their content, keys that either has given up, and shifts room to the one
whose keys return.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from cdn.eviction.policy import Key
from cdn.eviction.queue import ByteQueue


class Arc(Generic[Key]):
    """ARC (Megiddo & Modha, FAST 2003, figure 4), over bytes.

    `T1`, `T2`, `B1`, `B2` and `p` of the paper are `_once`, `_often`, `_once_left`,
    `_often_left` and `_target`.

    Invariant: a held key is in one of `_once` and `_often`, which together count at most
    `capacity` bytes; no key is in two of the four lines; 0 <= `_target` <= `capacity`. Neither
    of the other two lines has more keys than `REMEMBERED` or four times those held.
    """

    REMEMBERED = 2**18

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._once: ByteQueue[Key] = ByteQueue()
        self._often: ByteQueue[Key] = ByteQueue()
        self._once_left: ByteQueue[Key] = ByteQueue()
        self._often_left: ByteQueue[Key] = ByteQueue()
        self._target = 0.0

    @property
    def used(self) -> int:
        """Bytes the held keys count."""
        return self._once.used + self._often.used

    def __contains__(self, key: object) -> bool:
        return key in self._once or key in self._often

    def __len__(self) -> int:
        return len(self._once) + len(self._often)

    def touch(self, key: Key) -> None:
        """Move `key` to the young end of those asked for more than once (case I)."""
        if key in self._often:
            self._often.refresh(key)
        elif key in self._once:
            self._often.push(key, self._once.take(key))

    def insert(self, key: Key, size: int) -> Sequence[Key]:
        """Hold `key`; one that returns moves the target and is asked for more than once."""
        left_often = key in self._often_left
        returns = left_often or key in self._once_left
        if returns:
            self._learn(key, left_often)
        if size > self.capacity:
            return (key,)
        gone = []
        while self.used + size > self.capacity:
            gone.append(self._replace(left_often) if returns else self._make_room(size))
        (self._often if returns else self._once).push(key, size)
        return gone

    def discard(self, key: Key) -> None:
        """Hold `key` no longer."""
        self._once.take(key)
        self._often.take(key)

    def _learn(self, key: Key, left_often: bool) -> None:
        """Shift the target towards the line `key` was given up from (cases II and III)."""
        once, often = self._once_left.used, self._often_left.used
        if left_often:
            self._target = max(self._target - max(once / max(often, 1), 1.0), 0.0)
            self._often_left.take(key)
        else:
            self._target = min(self._target + max(often / max(once, 1), 1.0), self.capacity)
            self._once_left.take(key)

    def _replace(self, left_often: bool) -> Key:
        """Give up the older end of one line, and remember the key (REPLACE)."""
        once = self._once.used
        over = once > self._target or (left_often and once == self._target)
        if (once and over) or not self._often:
            key, size = self._once.pop()
            self._remember(self._once_left, key, size)
        else:
            key, size = self._often.pop()
            self._remember(self._often_left, key, size)
        return key

    def _remember(self, left: ByteQueue[Key], key: Key, size: int) -> None:
        left.push(key, size)
        if len(left) > max(self.REMEMBERED, 4 * len(self)):
            left.pop()

    def _make_room(self, size: int) -> Key:
        """Give up one key for one that was in no line (case IV)."""
        once = self._once.used + self._once_left.used
        if once + size > self.capacity:
            if not self._once_left:
                return self._once.pop()[0]
            self._once_left.pop()
        elif self._often_left and once + self._often.used + self._often_left.used >= (
            2 * self.capacity
        ):
            self._often_left.pop()
        return self._replace(left_often=False)
