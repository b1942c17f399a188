"""Interim responses on their way to one client, who may be slow to take them, or gone.

Refuses to know what they say.
"""

from __future__ import annotations

from collections import deque

import trio

from cdn.forwarding import end_to_end
from wire.http.client import Inform
from wire.http.headers import Headers

_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


class Courier:
    """Takes interim responses at once, and hands them on in order by `inform`, in `nursery`.

    Invariant: at most one is being handed on, and none after `done` has returned.
    """

    def __init__(self, inform: Inform, nursery: trio.Nursery) -> None:
        self._inform = inform
        self._nursery = nursery
        self._waiting: deque[tuple[int, Headers]] = deque()
        self._idle: trio.Event | None = None
        self._over = False

    async def take(self, status: int, headers: Headers) -> None:
        """Take an interim response; fields of the connection it came over go no further."""
        if self._over:
            return
        self._waiting.append((status, end_to_end(headers)))
        if self._idle is None:
            self._idle = trio.Event()
            self._nursery.start_soon(self._hand_on, self._idle)

    async def _hand_on(self, idle: trio.Event) -> None:
        try:
            while self._waiting:
                await self._inform(*self._waiting.popleft())
        except _GONE:
            self._over = True  # who hears nothing any more gets no final response either
        finally:
            self._idle = None
            idle.set()

    async def done(self) -> None:
        """Wait until all that was taken is handed on; take no more."""
        self._over = True
        if self._idle is not None:
            await self._idle.wait()
