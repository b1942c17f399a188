"""When a peer announces itself: at the start, each interval, on completion, at the end.

It keeps the time and retries with back-off; `Announcers` knows how to ask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import trio

from net.trace import Trace
from peer.announce import AnnounceError, Announcers
from wire.announce import DEFAULT_NUMWANT, Event
from wire.message import Contact

FIRST_RETRY, LAST_RETRY = 1.0, 60.0  # seconds to wait for a tracker that failed
FIRST_HUNGER = 2.0  # seconds after an announce that a starving peer may announce again; doubles
FAREWELL = 2.0  # seconds to say goodbye to the tracker


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a peer is, in bytes."""

    left: int
    uploaded: int
    downloaded: int


class Announcing:
    """The announces of one peer, from its start to its end."""

    def __init__(
        self,
        announcers: Announcers,
        *,
        progress: Callable[[], Progress],
        starving: Callable[[], bool],
        learn: Callable[[tuple[Contact, ...]], None],
        trace: Trace,
    ) -> None:
        """Announce through `announcers`.

        Args:
            announcers: whom to ask.
            progress: tells what to say.
            starving: tells whether we need to hear of more peers.
            learn: takes in the peers a tracker names.
            trace: hears of failures.
        """
        self._announcers = announcers
        self._progress = progress
        self._starving = starving
        self._learn = learn
        self._trace = trace
        self._pause = trio.CancelScope()
        self._hungry_until = inf

    def hurry(self) -> None:
        """Announce before the interval is over, if we starve and have not just asked."""
        if trio.current_time() >= self._hungry_until and self._starving():
            self._pause.deadline = trio.current_time()

    async def run(self, completed: trio.Event) -> None:
        """Announce until cancelled, then say goodbye; `completed` is announced when it is set."""
        told = completed.is_set()
        event, retry, hunger = Event.STARTED, FIRST_RETRY, FIRST_HUNGER
        try:
            while True:
                interval = await self._announce(event)
                if interval is None:
                    pause, retry = retry, min(2 * retry, LAST_RETRY)
                else:
                    told = told or event is Event.COMPLETED
                    event, pause, retry = Event.NONE, interval, FIRST_RETRY
                hunger = min(2 * hunger, LAST_RETRY) if self._starving() else FIRST_HUNGER
                self._hungry_until = trio.current_time() + hunger
                with trio.move_on_after(pause) as self._pause:
                    if told or event is Event.COMPLETED:
                        await trio.sleep_forever()
                    await completed.wait()
                    event = Event.COMPLETED
        finally:
            with trio.move_on_after(FAREWELL, shield=True):
                await self._announce(Event.STOPPED)

    async def _announce(self, event: Event) -> float | None:
        """Announce once; returns the interval, or None if nobody answered."""
        progress = self._progress()
        leaving = event in (Event.COMPLETED, Event.STOPPED)
        try:
            reply = await self._announcers.announce(
                event,
                left=progress.left,
                uploaded=progress.uploaded,
                downloaded=progress.downloaded,
                numwant=0 if leaving else DEFAULT_NUMWANT,
            )
        except AnnounceError as error:
            self._trace("announce_failed", reason=str(error))
            return None
        if not leaving:
            self._learn(reply.peers)
        return reply.interval
