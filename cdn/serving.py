"""The accept loop every HTTP role of this package shares: a listener in, connections served.

Refuses to know what the handlers answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import trio

from net.seam import Address, Connection, Listener
from net.trace import Trace
from wire.http.limits import Limits
from wire.http.message import Request, Response
from wire.http.server import serve_connection

Answer = Callable[[Request, Address], Awaitable[Response]]


async def serve_http(
    listener: Listener,
    answer: Answer,
    *,
    wall: Callable[[], float],
    trace: Trace,
    limits: Limits = Limits(),  # noqa: B008 - immutable
    connections: int = 10_000,
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
