"""An edge: answers for an origin from its cache, and fetches what it lacks once for everyone.

The rules live elsewhere (`freshness`, `conditions`, `eviction`); this module awaits. It refuses
to know who routes clients here and why an object was placed before anyone asked for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import trio

from cdn.body import Body
from cdn.cache import Cache, Stored
from cdn.conditions import Validators
from cdn.eviction import Eviction, Lru
from cdn.fill import Failed, Fill, Private, Shared
from cdn.forwarding import cache_key, end_to_end, forwarded, marked, unconditional
from cdn.freshness import Exchange, Verdict, directives, objection
from cdn.placement import Placement
from cdn.pool import GatewayError, Pool, PooledResponse
from cdn.reply import reply
from cdn.serving import serve_http
from net.seam import Address, Listener, Network
from net.trace import Trace, silent
from wire.http.errors import HttpError
from wire.http.limits import Limits
from wire.http.message import NO_FIELDS, Request, Response, explain, read_all

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_PLACERS = 8


class Edge:
    """A shared cache of at most `capacity` bytes before one origin.

    Invariant: `_fills` holds the one fetch per key that newcomers join; a fetch that was taken
    out (its object changed meanwhile) still serves who joined it. Only whole bodies are cached.
    """

    def __init__(
        self,
        network: Network,
        origin: Address,
        *,
        capacity: int,
        wall: Callable[[], float],
        trace: Trace = silent,
        eviction: Eviction[str] | None = None,
        connections: int = 32,
        timeout: float = 60.0,
        limits: Limits = Limits(),  # noqa: B008 - immutable
    ) -> None:
        self.cache = Cache(eviction if eviction is not None else Lru(capacity))
        self._name = network.host
        self._origin = origin
        self._wall = wall
        self._trace = trace
        self._limits = limits
        self._pool = Pool(network, origin, size=connections, timeout=timeout)
        self._fills: dict[str, Fill] = {}
        self._pouring: trio.Nursery | None = None

    async def serve(
        self,
        listener: Listener,
        *,
        task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Answer the listener's clients until cancelled; fetches under way end with it."""
        if self._pouring is not None:
            raise RuntimeError("this edge is serving already")
        try:
            async with trio.open_nursery() as self._pouring:
                await serve_http(
                    listener,
                    self.answer,
                    wall=self._wall,
                    trace=self._trace,
                    limits=self._limits,
                    task_status=task_status,
                )
        finally:
            self._pouring = None
            with trio.CancelScope(shield=True):
                await self._pool.aclose()

    async def serve_placement(
        self,
        listener: Listener,
        *,
        task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Take objects placed by the origin's host, this host or loopback, until cancelled."""
        admitted = frozenset({self._origin.host, self._name})
        await serve_http(
            listener,
            Placement(self.cache, self._place, admitted, self._wall).answer,
            wall=self._wall,
            trace=self._trace,
            limits=replace(self._limits, body=self.cache.capacity),
            connections=_PLACERS,
            task_status=task_status,
        )

    async def answer(self, request: Request, remote: Address) -> Response:
        """Return the response to one request of client `remote`."""
        if request.method == "CONNECT":
            return self._failure(501, "this is no proxy for CONNECT")
        try:
            if request.method in ("GET", "HEAD"):
                return await self._cached(request, remote)
            return await self._relay(request, "fwd=method")
        except GatewayError as error:
            key = cache_key(request.target)
            self._trace("origin_failed", path=key, status=error.status, reason=error.reason)
            return self._failure(error.status, error.reason)

    async def _cached(self, request: Request, remote: Address) -> Response:
        key = cache_key(request.target)
        stored, why = self._find(key, request)
        if stored is not None and why == "hit":
            size = stored.body.size
            self._trace("cache_hit", path=key, bytes=size, client=str(remote))
            return self._respond(request, stored, why)
        if "only-if-cached" in directives(request.headers):
            return self._failure(504, "not in the cache, and not to be fetched")
        fill = self._fills.get(key)
        collapsed = fill is not None
        self._trace("cache_missed", path=key, why=why, client=str(remote), collapsed=collapsed)
        if fill is not None:
            return await self._join(fill, request, why)
        if request.method == "HEAD":
            return await self._relay(request, why)
        stale = stored if stored is not None and stored.validators != Validators() else None
        return await self._lead(request, key, stale, why)

    def _find(self, key: str, request: Request) -> tuple[Stored | None, str]:
        """Return what is stored for `request`, and a hit or why it must be forwarded."""
        stored = self.cache.get(key)
        if stored is None:
            return None, "fwd=miss"
        if not stored.matches(request.headers):
            return None, "fwd=vary-miss"
        verdict = stored.freshness.judge(request.headers, self._wall())
        return stored, "hit" if verdict is Verdict.FRESH else "fwd=stale"

    async def _join(self, fill: Fill, request: Request, why: str) -> Response:
        outcome = await fill.outcome()
        if isinstance(outcome, Failed):
            return self._failure(outcome.status, outcome.reason)
        if isinstance(outcome, Private) or not outcome.stored.matches(request.headers):
            return await self._relay(request, why)
        return self._respond(request, outcome.stored, f"{why}; collapsed")

    async def _lead(self, request: Request, key: str, stale: Stored | None, why: str) -> Response:
        """Fetch for everyone who asks for `key` from now until its body is here."""
        fill = self._fills[key] = Fill()
        try:
            return await self._fetch(fill, request, key, stale, why)
        except GatewayError as error:
            fill.decide(Failed(error.status, error.reason))
            raise
        finally:
            fill.decide(Failed(502, "the fetch was abandoned"))
            if not fill.pouring:
                self._retire(key, fill)

    async def _fetch(
        self, fill: Fill, request: Request, key: str, stale: Stored | None, why: str
    ) -> Response:
        exchange, response = await self._ask(request, key, stale)
        status = f"{why}; fwd-status={response.status}"
        if response.status == 304 and stale is not None:
            await response.aclose()
            fresh = stale.validated(exchange)
            fill.decide(Shared(fresh))
            self._keep("cache_revalidated", key, fresh)
            return self._respond(request, fresh, status, aged="age" in exchange.response)
        unfit = objection(exchange) or self._oversize(response)
        if unfit is not None:
            fill.decide(Private())
            if response.status < 500:
                self.cache.discard(key)
            return self._pass(response, f'{status}; detail="{unfit}"')
        stored = Stored.of(exchange, Body(response.length, limit=self.cache.capacity))
        self._pour_soon(fill, key, stored, response)
        return self._respond(request, stored, f"{status}; stored", aged="age" in exchange.response)

    async def _ask(
        self, request: Request, key: str, stale: Stored | None
    ) -> tuple[Exchange, PooledResponse]:
        """Ask the origin for the whole object, or whether the stale one still holds."""
        validators = stale.validators if stale is not None else Validators()
        headers = unconditional(forwarded(request.headers, self._name), validators)
        self._trace("fill_started", path=key, revalidation=stale is not None)
        requested = self._wall()
        response = await self._pool.send("GET", key, headers=headers)
        received = self._wall()
        return (
            Exchange(
                "GET", request.headers, response.status, response.headers, requested, received
            ),
            response,
        )

    def _pour_soon(self, fill: Fill, key: str, stored: Stored, response: PooledResponse) -> None:
        if self._pouring is None:
            raise RuntimeError("this edge is not serving")
        fill.pouring = True
        fill.decide(Shared(stored))
        self._pouring.start_soon(self._pour, fill, key, stored, response)

    async def _pour(self, fill: Fill, key: str, stored: Stored, response: PooledResponse) -> None:
        """Read the whole body, whoever still wants it, and cache it once it is whole."""
        started = trio.current_time()
        body = stored.body
        try:
            async for data in response:
                body.append(data)
            body.finish()
            seconds = trio.current_time() - started
            self._trace("fill_finished", path=key, bytes=body.size, seconds=seconds)
            if self._retire(key, fill):
                self._keep("cache_stored", key, stored)
        except HttpError as error:
            self._trace("fill_failed", path=key, bytes=body.size, reason=error.reason)
        finally:
            body.fail()
            self._retire(key, fill)
            with trio.CancelScope(shield=True):
                await response.aclose()

    def _retire(self, key: str, fill: Fill) -> bool:
        """Let nobody join `fill` any more; return whether it was still the one to join."""
        current = self._fills.get(key) is fill
        if current:
            del self._fills[key]
        return current

    def _place(self, key: str, stored: Stored) -> bool:
        """Store what was pushed; it is newer than what is being fetched."""
        self._fills.pop(key, None)
        return self._keep("object_pushed", key, stored)

    def _keep(self, event: str, key: str, stored: Stored) -> bool:
        """Put a whole response into the cache, trace `event`; return whether it fits."""
        evicted = self.cache.put(key, stored)
        if evicted is None:
            self._trace("cache_refused", path=key, bytes=stored.body.size)
            return False
        for victim, gone in evicted:
            self._trace("cache_evicted", path=victim, bytes=gone.body.size)
        self._trace(event, path=key, bytes=stored.body.size)
        return True

    async def _relay(self, request: Request, why: str) -> Response:
        """Forward `request` as it is, for its client alone."""
        body = await read_all(request.body, self._limits.body)
        key = cache_key(request.target)
        headers = forwarded(request.headers, self._name)
        response = await self._pool.send(request.method, key, headers=headers, body=body)
        if request.method not in _SAFE and response.status < 400:
            self._fills.pop(key, None)
            self.cache.discard(key)  # RFC 9111 4.4
        return self._pass(response, f"{why}; fwd-status={response.status}")

    def _oversize(self, response: PooledResponse) -> str | None:
        over = response.length is not None and response.length > self.cache.capacity
        return "too large" if over else None

    def _pass(self, response: PooledResponse, status: str) -> Response:
        headers = marked(end_to_end(response.headers), self._name, status)
        return Response(response.status, headers, response, response.length)

    def _respond(
        self, request: Request, stored: Stored, status: str, *, aged: bool = True
    ) -> Response:
        """Answer from a stored response, even while its body is still arriving."""
        fields = marked(stored.headers, self._name, status)
        if aged:
            fields = fields.replace({"age": str(int(stored.freshness.age(self._wall())))})
        body = stored.body
        return reply(
            request, fields, stored.validators, body.length, body.read, status=stored.status
        )

    def _failure(self, status: int, reason: str) -> Response:
        return explain(status, reason, marked(NO_FIELDS, self._name, "fwd=miss"))
