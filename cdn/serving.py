"""What every HTTP role of this package shares: a listener in, connections served.

Refuses to know what is answered.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from net.seam import Address, Connection, Listener
from net.trace import Trace, silent
from wire.http.limits import Limits
from wire.http.message import Request, Response
from wire.http.server import serve_connection

Answer = Callable[[Request, Address], Awaitable[Response]]
MOST_CONNECTIONS = 10_000


class HttpServer(ABC):
    """One that answers HTTP requests: at most `connections` clients at once, within `limits`."""

    def __init__(
        self,
        *,
        wall: Callable[[], float],
        trace: Trace = silent,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._wall = wall
        self._trace = trace
        self._limits = limits
        self._connections = connections

    @abstractmethod
    async def answer(self, request: Request, remote: Address) -> Response:
        """Return the response to one request of client `remote`."""

    async def serve(
        self,
        listener: Listener,
        *,
        task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Answer the listener's clients until cancelled."""
        await serve_http(
            listener,
            self.answer,
            wall=self._wall,
            trace=self._trace,
            limits=self._limits,
            connections=self._connections,
            task_status=task_status,
        )


async def serve_http(
    listener: Listener,
    answer: Answer,
    *,
    wall: Callable[[], float],
    trace: Trace,
    limits: Limits = Limits(),  # noqa: B008 - immutable
    connections: int = MOST_CONNECTIONS,
    task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer every connection of `listener` with `answer(request, remote)`, until cancelled.

    Starts with the listener's address. Beyond `connections` at once, new ones are closed.
    """
    places = trio.CapacityLimiter(connections)

    def failed(error: Exception) -> None:
        trace("handler_failed", error=f"{type(error).__name__}: {error}"[:200])

    async def serve(stream: Connection) -> None:
        try:
            places.acquire_nowait()
        except trio.WouldBlock:
            trace("connection_refused", remote=str(stream.remote))
            await trio.aclose_forcefully(stream)
            return
        handler = partial(_with_remote, answer, stream.remote)
        try:
            await serve_connection(stream, handler, wall=wall, on_error=failed, limits=limits)
        finally:
            places.release()

    task_status.started(listener.address)
    await trio.serve_listeners(serve, [listener])


async def _with_remote(answer: Answer, remote: Address, request: Request) -> Response:
    return await answer(request, remote)
