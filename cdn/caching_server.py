"""A server whose answers come from a web cache, which fetches while it serves.

It refuses to know where the origins are; an edge and a proxy do.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from cdn.serving import HttpServer
from cdn.web_cache import WebCache
from net.seam import Address, Listener
from net.trace import Trace
from wire.http.limits import Limits
from wire.http.message import Request, Response


class CachingServer(HttpServer):
    """Answers from `web_cache`, whose fetches go on as long as it serves."""

    def __init__(
        self, web_cache: WebCache, *, wall: Callable[[], float], trace: Trace, limits: Limits
    ) -> None:
        super().__init__(wall=wall, trace=trace, limits=limits)
        self.web_cache = web_cache
        self.cache = web_cache.cache

    async def serve(
        self,
        listener: Listener,
        *,
        task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Answer the listener's clients until cancelled; what is under way ends with it."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.web_cache.run)
            await super().serve(listener, task_status=task_status)

    async def answer(self, request: Request, remote: Address) -> Response:
        """Return the response to one request of client `remote`."""
        return await self.web_cache.answer(request, remote)
