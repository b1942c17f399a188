"""Asks a rule which rung to fetch, and whether to go on; checks what it says.

It refuses to know how the rule decides and how segments are fetched. It takes the time as an
argument.
"""

from __future__ import annotations

from cdn.player.abandon import lower_rung
from cdn.player.abr import AbrError
from cdn.player.history import History
from cdn.player.playout import Playout, State
from cdn.player.timeline import Timeline
from cdn.player.view import Abandons, Abr, Progress, Sample, View


class Chooser:
    """A rule with what it is shown; `ahead` is the player's bound on its buffer in seconds.

    Invariant: what it returns is a rung of the ladder, and a fetch is only given up for a lower
    one, so that each segment is given up at most as often as there are rungs.
    """

    def __init__(self, abr: Abr, history: History, ahead: float) -> None:
        self.last: int | None = None
        self._abr = abr
        self._history = history
        self._ahead = ahead

    def note(self, sample: Sample) -> None:
        """Remember a fetch that has just ended."""
        self._history.note(sample)

    def choose(self, timeline: Timeline, index: int, playout: Playout, now: float) -> int:
        """Return the rung for segment `index`.

        Raises:
            AbrError: the rule failed, or chose a rung that does not exist.
        """
        try:
            rung = self._abr.choose(self._view(timeline, index, playout, now))
        except Exception as error:  # foreign code may raise anything
            raise self._failure("choose", error) from error
        return self._checked(rung, len(timeline.bitrates), "rungs")

    def instead(
        self, timeline: Timeline, index: int, playout: Playout, now: float, progress: Progress
    ) -> int | None:
        """Return the rung to fetch segment `index` at instead of going on, None to go on.

        Raises:
            AbrError: the rule failed, or named a rung that is not lower.
        """
        if playout.state is State.STARTING or playout.paused or progress.rung == 0:
            return None
        abandon = self._abr.abandon if isinstance(self._abr, Abandons) else lower_rung
        try:
            rung = abandon(self._view(timeline, index, playout, now), progress)
        except Exception as error:  # foreign code may raise anything
            raise self._failure("abandon", error) from error
        return None if rung is None else self._checked(rung, progress.rung, "lower rungs")

    def _view(self, timeline: Timeline, index: int, playout: Playout, now: float) -> View:
        durations, sizes = timeline.ahead(index)
        return View(
            buffer=playout.level(now),
            max_buffer=self._ahead,
            bitrates=timeline.bitrates,
            durations=durations,
            sizes=sizes,
            samples=self._history.counted,
            last=self.last,
            playing=playout.state is State.PLAYING,
        )

    def _checked(self, rung: object, count: int, what: str) -> int:
        if isinstance(rung, int) and 0 <= rung < count:
            return rung
        raise AbrError(f"{type(self._abr).__name__} chose {rung!r}; {what} are 0 to {count - 1}")

    def _failure(self, method: str, error: Exception) -> AbrError:
        name = type(self._abr).__name__
        return AbrError(f"{name}.{method} failed: {type(error).__name__}: {error}")
