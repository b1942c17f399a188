"""Real time for the fabric: a scheduler that runs its events when the wall clock says so.

Events see the time they were due, so the fabric's timetable stays exact while the machine keeps
up; how late they really ran is measured. It knows nothing of links or bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any

import trio


class RealTimeScheduler:
    """A queue of events over trio's own clock.

    Always true: no event runs before its time, and events run in the order `(time, call)`.
    """

    def __init__(self) -> None:
        self.events_run = 0
        self.total_lag = 0.0
        self.max_lag = 0.0
        self._events: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._sequence = count()
        self._due: float | None = None  # the time of the event that runs now
        self._sleep = trio.CancelScope()

    @property
    def mean_lag(self) -> float:
        """By how many seconds events ran late, on average."""
        return self.total_lag / self.events_run if self.events_run else 0.0

    def now(self) -> float:
        """The time of the event that runs, or the present."""
        return trio.current_time() if self._due is None else self._due

    def actual(self) -> float:
        """The present, in seconds."""
        return trio.current_time()

    def call_at(self, when: float, callback: Callable[[Any], None], argument: Any) -> None:
        """Call `callback(argument)` at `when`, or as soon after it as the machine can."""
        heappush(self._events, (when, next(self._sequence), callback, argument))
        if self._due is None and self._events[0][0] == when:
            self._sleep.deadline = when

    async def run(self) -> None:
        """Run events until cancelled."""
        while True:
            deadline = self._events[0][0] if self._events else inf
            with trio.CancelScope(deadline=deadline) as self._sleep:
                await trio.sleep_forever()
            self._run_due()

    def _run_due(self) -> None:
        now = trio.current_time()
        try:
            while self._events and self._events[0][0] <= now:
                self._due, _, callback, argument = heappop(self._events)
                lag = now - self._due
                self.events_run += 1
                self.total_lag += lag
                self.max_lag = max(self.max_lag, lag)
                callback(argument)
                now = trio.current_time()
        finally:
            self._due = None
