"""A scheduler driven by hand: tests say how far time goes on, and how late events run."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any


class Timetable:
    """Events in the order `(time, call)`; `lag` is how many seconds late they really run."""

    def __init__(self) -> None:
        self.lag = 0.0
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._sequence = count()

    def now(self) -> float:
        """The time of the last event, or the one that `run` was given."""
        return self._now

    def actual(self) -> float:
        """The present of a machine that runs `lag` seconds late."""
        return self._now + self.lag

    def call_at(self, when: float, callback: Callable[[Any], None], argument: Any) -> None:
        """Note an event; one in the past is an error."""
        assert when >= self._now
        heappush(self._events, (when, next(self._sequence), callback, argument))

    def run(self, until: float = inf) -> None:
        """Run every event up to `until`, and go there."""
        while self._events and self._events[0][0] <= until:
            self._now, _, callback, argument = heappop(self._events)
            callback(argument)
        if until < inf:
            self._now = max(self._now, until)
