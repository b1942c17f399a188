"""The tracker as a server: announce and scrape over HTTP.

It knows requests and connections; who is in a swarm is the registry's business.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import trio

from net.seam import Address, Connection, Listener
from net.trace import Trace, silent
from tracker.introduction import Introduction, anyone
from tracker.registry import INTERVAL, FullError, Registry
from wire.announce import ANNOUNCE_PATH, SCRAPE_PATH, Announce, parse_scrape
from wire.errors import ProtocolError
from wire.http.headers import Headers
from wire.http.limits import Limits
from wire.http.message import Request, Response, explain
from wire.http.server import serve_connection

MAX_CONNECTIONS = 4096
_MSGPACK = Headers({"content-type": "application/vnd.msgpack"})
_ALLOW = Headers({"allow": "GET, HEAD"})
_LIMITS = Limits(head=8192, body=0, drain=0)


class Tracker:
    """Introduces the peers of a swarm to each other."""

    def __init__(
        self,
        *,
        rng: random.Random,
        wall: Callable[[], float],
        interval: float = INTERVAL,
        trace: Trace = silent,
        introduce: Introduction = anyone,
    ) -> None:
        """Let `introduce` choose peers with `rng`; `wall` (POSIX seconds) dates responses.

        `interval` is in seconds.
        """
        self._registry = Registry(rng=rng, interval=interval, introduce=introduce)
        self._wall = wall
        self._trace = trace

    async def serve(
        self,
        listener: Listener,
        *,
        task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Answer the listener's clients until cancelled; starts with the listener's address."""
        places = trio.CapacityLimiter(MAX_CONNECTIONS)
        task_status.started(listener.address)
        await trio.serve_listeners(partial(self._serve_connection, places), [listener])

    async def _serve_connection(self, places: trio.CapacityLimiter, connection: Connection) -> None:
        try:
            places.acquire_nowait()
        except trio.WouldBlock:
            self._trace("connection_refused", remote=str(connection.remote))
            await trio.aclose_forcefully(connection)
            return
        try:
            await serve_connection(
                connection,
                partial(self._handle, connection.remote.host),
                wall=self._wall,
                on_error=self._failed,
                limits=_LIMITS,
            )
        finally:
            places.release()

    async def _handle(self, host: str, request: Request) -> Response:
        return self.answer(request, host, trio.current_time())

    def answer(self, request: Request, host: str, now: float) -> Response:
        """Return the response to a request from `host` at time `now`."""
        if request.method not in ("GET", "HEAD"):
            return explain(405, f"{request.method} is not allowed here", _ALLOW)
        try:
            query = request.target.parameters()
            if request.target.path == ANNOUNCE_PATH:
                return self._announce(now, Announce.parse(query), host)
            if request.target.path == SCRAPE_PATH:
                counts = self._registry.scrape(now, parse_scrape(query))
                return Response(200, _MSGPACK, counts.encode())
        except ProtocolError as error:
            return explain(400, error.reason)
        except FullError as error:
            return explain(503, str(error))
        return explain(404, f"ask for {ANNOUNCE_PATH} or {SCRAPE_PATH}")

    def _announce(self, now: float, announce: Announce, host: str) -> Response:
        reply = self._registry.announce(now, announce, host)
        self._trace(
            "peer_announced",
            swarm=announce.swarm_id.hex()[:8],
            peer=announce.peer_id.hex(),
            address=str(Address(host, announce.port)),
            announced=announce.event.value,
            left=announce.left,
            peers=len(reply.peers),
        )
        return Response(200, _MSGPACK, reply.encode())

    def _failed(self, error: Exception) -> None:
        self._trace("handler_failed", error=f"{type(error).__name__}: {error}"[:200])
