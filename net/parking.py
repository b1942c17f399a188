"""Where tasks of an emulated internet wait for an event: a parking lot for one, and a mailbox.

They know nothing of what is waited for.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class Parking:
    """Room for one waiting task."""

    __slots__ = ("_task",)

    def __init__(self) -> None:
        self._task: trio.lowlevel.Task | None = None

    @property
    def taken(self) -> bool:
        """Whether a task waits here."""
        return self._task is not None

    async def wait(self) -> None:
        """Park the calling task until `wake`."""
        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._leave)

    def wake(self) -> None:
        """Wake the task that waits, if one does."""
        if self._task is not None:
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task)

    def _leave(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED


class Mailbox(Generic[T]):
    """Things that arrive, and the tasks that wait for them.

    Always true: it holds at most `capacity` things, and while it holds any no task waits.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._waiting: deque[Parking] = deque()
        self._closed = False

    def put(self, item: T) -> bool:
        """Add `item` and wake who waits longest; False if full or closed."""
        if self._closed or len(self._items) >= self._capacity:
            return False
        self._items.append(item)
        self._wake_next()
        return True

    async def get(self) -> T:
        """Return the oldest thing.

        Raises:
            trio.ClosedResourceError: the mailbox is closed, now or while waiting.
        """
        if self._items or self._closed:
            await trio.lowlevel.checkpoint()
        while not self._items and not self._closed:
            parking = Parking()
            self._waiting.append(parking)
            try:
                await parking.wait()
            finally:
                if parking in self._waiting:
                    self._waiting.remove(parking)
        if self._closed:
            raise trio.ClosedResourceError("this port was closed")
        item = self._items.popleft()
        if self._items:
            self._wake_next()
        return item

    def close(self) -> list[T]:
        """Refuse everything from now on; returns what nobody took."""
        self._closed = True
        left = list(self._items)
        self._items.clear()
        while self._waiting:
            self._wake_next()
        return left

    def _wake_next(self) -> None:
        if self._waiting:
            self._waiting.popleft().wake()
