"""Virtual time: a trio clock that owns the queue of network events.

While any task can run, time stands still; when none can, the clock runs the next event or
jumps to the next deadline. It knows nothing of links, bytes or hosts.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any, Protocol

import trio

FAREWELL = 60.0  # virtual seconds that shielded clean-up has once a run is given up
_IDLE_SLEEP = 0.02  # real seconds; lets trio's own idle detection and shutdown through


class Scheduler(Protocol):
    """What the fabric needs of time: to read it, and to be called later."""

    def now(self) -> float:
        """The present, in seconds."""

    def actual(self) -> float:
        """The time that events really run at; differs from `now` when a machine lags."""

    def call_at(self, when: float, callback: Callable[[Any], None], argument: Any) -> None:
        """Call `callback(argument)` at time `when`, after all earlier calls for that time."""


class StalledError(Exception):
    """The run cannot go on: all tasks are blocked for good, or the horizon was reached."""


class VirtualClock(trio.abc.Clock):
    """A clock for `trio.run` under which waiting costs nothing.

    Always true: `now()` never decreases, and no event runs before its time or out of the
    order `(time, sequence)`. Events run inside `deadline_to_sleep_time`, which trio calls
    exactly when no task is runnable.
    """

    def __init__(self, *, horizon: float = inf) -> None:
        self.horizon = horizon
        self.watchdog: trio.CancelScope | None = None
        self.stall = ""
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._sequence = count()
        self._idle = False
        self._scheduling = _Scheduling()

    def now(self) -> float:
        """Virtual seconds since the start of the run."""
        return self._now

    def actual(self) -> float:
        """The same as `now`: virtual time never lags."""
        return self._now

    def call_at(self, when: float, callback: Callable[[Any], None], argument: Any) -> None:
        """Run `callback(argument)` at virtual time `when`; events of one time run in call order."""
        heappush(self._events, (when, next(self._sequence), callback, argument))

    def start_clock(self) -> None:
        """Called by trio at the start of a run: from now on see which tasks become runnable."""
        trio.lowlevel.add_instrument(self._scheduling)

    def current_time(self) -> float:
        """Trio's name for `now`."""
        return self._now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Advance to the next event or deadline; return the real seconds trio should sleep.

        An event that moves a deadline must wake a task too: only then does time stop for it.
        """
        events, scheduling = self._events, self._scheduling
        idle, self._idle = self._idle and not scheduling.seen, False
        limit = min(deadline, self.horizon)
        scheduling.seen = False
        while events and events[0][0] <= limit:
            when, _, callback, argument = heappop(events)
            self._now = max(self._now, when)
            callback(argument)
            if scheduling.seen and not (events and events[0][0] == when):
                return 0.0
        if deadline <= self.horizon and deadline != inf:
            self._now = max(self._now, deadline)
            return 0.0
        if events or deadline != inf:
            return self._give_up(f"the run did not finish within its horizon of {self.horizon:g} s")
        return self._wait_for_life(idle)

    def _wait_for_life(self, idle: bool) -> float:
        """Neither event nor deadline is left: sleep briefly; if idle before, it is a deadlock."""
        if idle:
            return self._give_up(f"deadlock at {self._now:g} s: {_blocked_tasks()}")
        self._idle = True
        return _IDLE_SLEEP

    def _give_up(self, reason: str) -> float:
        if self.watchdog is None or self.stall:
            raise StalledError(self.stall or reason)
        self.stall = reason
        self.horizon = self._now + FAREWELL
        self.watchdog.cancel()
        return 0.0


class _Scheduling(trio.abc.Instrument):
    """Notices whether any task became runnable, whoever woke it."""

    seen = False

    def task_scheduled(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002 - trio's signature
        self.seen = True


def _blocked_tasks(most: int = 8) -> str:
    """Name the application tasks that are blocked, innermost first, and where they wait."""
    root = trio.lowlevel.current_root_task()
    found: list[str] = []
    waiting = [] if root is None else [root]
    while waiting:
        task = waiting.pop()
        children = [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        waiting.extend(sorted(children, key=lambda child: child.name))
        if not children and not task.name.startswith("<TrioToken"):
            found.append(f"{task.name} in {_place(task)}")
    shown = "; ".join(sorted(found)[:most])
    more = f"; and {len(found) - most} more" if len(found) > most else ""
    return f"{len(found)} tasks blocked with nothing left to wake them: {shown}{more}"


def _place(task: trio.lowlevel.Task) -> str:
    """The innermost frame of a blocked task outside trio, as `file:line function`."""
    places = [
        f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{line} {frame.f_code.co_name}"
        for frame, line in task.iter_await_frames()
        if "/trio/" not in frame.f_code.co_filename
    ]
    return places[-1] if places else "trio"
