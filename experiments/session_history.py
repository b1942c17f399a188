"""One viewer's session as it went: the link, the chosen rates, the buffer, and the waiting.

Folds over the event log; it draws nothing. Times are seconds since the session began, rates bit/s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from experiments.log import Event
from experiments.video_metrics import (
    ENDED,
    OVER,
    PAUSED,
    PLAYING,
    RECEIVED,
    SOUGHT,
    STALLED,
    STARTED,
    UNPAUSED,
)

LINK_CHANGED = "link_changed"
_WAITING = {STARTED: "start-up", STALLED: "stall", SOUGHT: "seek", PAUSED: "pause"}


@dataclass(slots=True)
class SessionHistory:
    """What a figure of a session shows.

    `capacity` are (time, rate) steps of the client's downlink, as far as it changed; `chosen`
    are (request, arrival, bitrate, hit) of each segment; `levels` are points of the buffer;
    `waits` are (from, to, what for).
    """

    began: float = 0.0
    ended: float = 0.0
    capacity: list[tuple[float, float]] = field(default_factory=list)
    chosen: list[tuple[float, float, float, bool | None]] = field(default_factory=list)
    levels: list[tuple[float, float]] = field(default_factory=list)
    waits: list[tuple[float, float, str]] = field(default_factory=list)


def fold(events: Iterable[Event], client: str) -> SessionHistory:
    """Return the history of the session of `client`."""
    book = _Book()
    for event in events:
        if event.host == client:
            book.note(event)
    return book.finish()


class _Book:
    def __init__(self) -> None:
        self.history = SessionHistory()
        self._rate: float | None = None
        self._state = ""
        self._since = 0.0
        self._paused = False
        self._over = False

    def note(self, event: Event) -> None:
        history, time = self.history, event.time - self.history.began
        if event.name == LINK_CHANGED and event.fields["down"] is not None:
            self._rate = float(event.fields["down"])
            if not self._over:
                history.capacity.append((max(0.0, time), self._rate))
        elif event.name == STARTED:
            history.began = event.time
            history.capacity = [] if self._rate is None else [(0.0, self._rate)]
            history.levels.append((0.0, 0.0))
            self._enter(STARTED, 0.0)
        elif event.name == RECEIVED:
            self._level(time)
            level, hit = float(event.fields["buffer"] or 0), event.fields["hit"]
            history.levels.append((time, level))
            began = time - float(event.fields["seconds"] or 0)
            bitrate = float(event.fields["bitrate"] or 0)
            history.chosen.append((began, time, bitrate, None if hit is None else bool(hit)))
        elif event.name in (PLAYING, STALLED, SOUGHT, OVER):
            self._enter(event.name, time)
        elif event.name in (PAUSED, UNPAUSED):
            self._pause(event.name == PAUSED, time)
        elif event.name == ENDED:
            self._enter(OVER, time)
            history.ended, self._over = time, True

    def finish(self) -> SessionHistory:
        return self.history

    def _level(self, time: float) -> None:
        """Let the buffer drain until `time`."""
        if not self.history.levels:
            return
        last, level = self.history.levels[-1]
        if self._state == PLAYING and not self._paused:
            level = max(0.0, level - (time - last))
        self.history.levels.append((time, level))

    def _enter(self, state: str, time: float) -> None:
        self._level(time)
        if state == SOUGHT:
            self.history.levels.append((time, 0.0))
        if self._state in _WAITING and time > self._since:
            self.history.waits.append((self._since, time, _WAITING[self._state]))
        self._state, self._since = state, time

    def _pause(self, paused: bool, time: float) -> None:
        self._level(time)
        if paused:
            self._pause_began = time
        else:
            self.history.waits.append((self._pause_began, time, _WAITING[PAUSED]))
        self._paused = paused

    _pause_began = 0.0
