"""S3-FIFO: a small FIFO weeds out what is asked for once before it reaches the main one.

It remembers, without their content, the keys the small FIFO has given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from cdn.eviction.policy import Key
from cdn.eviction.queue import ByteQueue, Ghosts

_MOST = 3  # what two bits count


class S3Fifo(Generic[Key]):
    """S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023).

    Invariant: a held key is in one of `_small` and `_main`, which together count at most
    `capacity` bytes; `_times` has how often each was asked for since it joined its queue.
    """

    SMALL_SHARE = 0.1
    GHOST_SHARE = 0.9
    PROMOTED_AFTER = 2

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._small_capacity = max(1, int(capacity * self.SMALL_SHARE))
        self._largest_newcomer = max(1, self._small_capacity - 1)
        self._small: ByteQueue[Key] = ByteQueue()
        self._main: ByteQueue[Key] = ByteQueue()
        self._ghosts: Ghosts[Key] = Ghosts(int(capacity * self.GHOST_SHARE))
        self._times: dict[Key, int] = {}
        self._was_full = False

    @property
    def used(self) -> int:
        """Bytes the held keys count."""
        return self._small.used + self._main.used

    def __contains__(self, key: object) -> bool:
        return key in self._times

    def __len__(self) -> int:
        return len(self._times)

    def touch(self, key: Key) -> None:
        """Count one more request for `key`."""
        if key in self._times:
            self._times[key] += 1

    def insert(self, key: Key, size: int) -> Sequence[Key]:
        """Hold `key`: in the main queue if it is remembered, else in the small one.

        A newcomer that would fill the small queue alone is not held; but libcachesim makes room
        before it sees that, and so do we, to be comparable.
        """
        returns = self._ghosts.forget(key)
        if size > min(self._small_capacity, self.capacity):
            return (key,)
        gone: list[Key] = []
        while self.used + size > self.capacity:
            self._was_full = True
            if self._main.used > self.capacity - self._small_capacity or not self._small:
                self._evict_from_main(gone)
            else:
                self._evict_from_small(gone)
        if not returns and size > self._largest_newcomer:
            return [*gone, key]
        filling = not self._was_full and self._small.used >= self._small_capacity
        (self._main if returns or filling else self._small).push(key, size)
        self._times[key] = 0
        return gone

    def discard(self, key: Key) -> None:
        """Hold `key` no longer."""
        self._small.take(key)
        self._main.take(key)
        self._times.pop(key, None)

    def _evict_from_small(self, gone: list[Key]) -> None:
        """Move on what was asked for often enough, until one that was not is given up."""
        while self._small:
            key, size = self._small.pop()
            if self._times[key] < self.PROMOTED_AFTER:
                del self._times[key]
                self._ghosts.remember(key, size)
                gone.append(key)
                return
            self._times[key] = 0
            self._main.push(key, size)

    def _evict_from_main(self, gone: list[Key]) -> None:
        """Send round again, counting down, what was asked for; give up the first that was not."""
        while True:
            key, size = self._main.pop()
            times = self._times[key]
            if times == 0:
                del self._times[key]
                gone.append(key)
                return
            self._times[key] = min(times, _MOST) - 1
            self._main.push(key, size)
