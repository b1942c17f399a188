"""The playout buffer: what is ahead of the playhead, and whether it moves.

It takes the time as an argument and refuses to know how segments are chosen and fetched.
Times are seconds, of video and of the clock alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import inf

_NOTHING = 1e-9


class State(Enum):
    """What a viewer sees."""

    STARTING = "starting"
    PLAYING = "playing"
    STALLED = "stalled"
    SEEKING = "seeking"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Seconds of video: to `start`, to `resume` after a stall or a seek, and at most `ahead`."""

    start: float = 2.0
    resume: float = 4.0
    ahead: float = 30.0

    def __post_init__(self) -> None:
        if not (0 < self.start <= self.ahead and 0 < self.resume <= self.ahead < inf):
            raise ValueError(
                f"to start ({self.start:g} s) and to resume ({self.resume:g} s) must be above 0 "
                f"and at most what is kept ahead ({self.ahead:g} s)"
            )


@dataclass(frozen=True, slots=True)
class Change:
    """The playout went over to `state` at time `at`."""

    at: float
    state: State


class Playout:
    """One session's buffer.

    Invariant: the level is never negative, and falls, by a second per second, exactly while the
    state is PLAYING and nobody has paused.
    """

    def __init__(self, thresholds: Thresholds, now: float) -> None:
        self.state = State.STARTING
        self.paused = False
        self.played = 0.0
        self._thresholds = thresholds
        self._level = 0.0
        self._since = now
        self._complete = False
        self._changes: list[Change] = []

    def level(self, now: float) -> float:
        """Return the seconds of video ahead of the playhead."""
        return max(0.0, self._level - (now - self._since)) if self._moves else self._level

    def position(self, now: float) -> float:
        """Return the seconds of video that were played."""
        return self.played + self._level - self.level(now)

    def deadline(self) -> float:
        """Return when the buffer runs empty as things are, infinity if it does not."""
        return self._since + self._level if self._moves else inf

    def room_at(self, duration: float, now: float) -> float:
        """Return when a segment of `duration` fits; infinity while paused and full.

        There is always room before playing and in a stall, for the thresholds need it, and for a
        second segment while one is played.
        """
        over = self.level(now) + duration - max(self._thresholds.ahead, 2 * duration)
        if over <= _NOTHING or self.state is not State.PLAYING:
            return now
        return inf if self.paused else now + over

    def advance(self, now: float) -> None:
        """Let the time pass until `now`."""
        if self._moves and now >= self.deadline() - _NOTHING:
            empty = self.deadline()
            self._let_pass(empty)
            self._level = 0.0
            self._enter(State.ENDED if self._complete else State.STALLED, empty)
        self._let_pass(now)

    def add(self, duration: float, now: float) -> None:
        """Take in a segment."""
        self.advance(now)
        self._level += duration
        self._start_if_enough(now)

    def complete(self, now: float) -> None:
        """Note that no segment will follow; what is there is played out."""
        self.advance(now)
        self._complete = True
        self._start_if_enough(now)

    def seek(self, now: float, kept: float = 0.0) -> None:
        """Move the playhead to where `kept` seconds of what is buffered still lie ahead."""
        self.advance(now)
        self._level = kept
        if not kept:
            self._complete = False
            if self.state is not State.STARTING:
                self._enter(State.SEEKING, now)

    def pause(self, now: float) -> None:
        """Hold the playhead until `unpause`; segments may still come."""
        self.advance(now)
        self.paused = True

    def unpause(self, now: float) -> None:
        """Go on after `pause`."""
        self.advance(now)
        self.paused = False

    def take_changes(self) -> list[Change]:
        """Return the changes since this was asked last, in order."""
        changes, self._changes = self._changes, []
        return changes

    @property
    def _moves(self) -> bool:
        return self.state is State.PLAYING and not self.paused

    def _let_pass(self, now: float) -> None:
        level = self.level(now)
        self.played += self._level - level
        self._level, self._since = level, max(now, self._since)

    def _start_if_enough(self, now: float) -> None:
        if self.state in (State.PLAYING, State.ENDED):
            return
        starting = self.state is State.STARTING
        needed = self._thresholds.start if starting else self._thresholds.resume
        if self._level >= needed - _NOTHING or (self._complete and self._level > 0):
            self._enter(State.PLAYING, now)
        elif self._complete:
            self._enter(State.ENDED, now)

    def _enter(self, state: State, at: float) -> None:
        self.state = state
        self._changes.append(Change(at, state))
