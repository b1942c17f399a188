"""A shared web cache: answers from what it keeps, forwards the rest, and says which it did.

The rules live elsewhere (`freshness`, `conditions`, `eviction`); fetching is `fetcher`'s. This
module refuses to know where clients come from and where the origins are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import trio

from cdn import cache_status
from cdn.cache import Cache
from cdn.conditions import Validators, select
from cdn.directives import of_request
from cdn.fetcher import Ask, Fetcher, Passing
from cdn.forwarding import end_to_end, forwarded, marked
from cdn.freshness import Exchange, Failure, Verdict, lifetime
from cdn.hops import hops_left, last_answer, one_hop_less
from cdn.pool import GatewayError, PooledResponse
from cdn.reply import Read, reply
from cdn.slicing import Slicer
from cdn.stored import Stored, confirms
from cdn.upstream import Upstream
from net.seam import Address
from net.trace import Trace, silent
from wire.http.headers import Headers
from wire.http.limits import Limits
from wire.http.message import NO_FIELDS, Buffer, Request, Response, Stream, explain, read_all
from wire.http.ranges import first_byte, is_one_range

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY"})
"""Methods that change nothing (RFC 9110 9.2.1, and the registry); all others invalidate."""


class WebCache:
    """Answers requests from `cache`, and from `upstream` what is not there.

    `name` is what Via and Cache-Status call it. A range that is not stored is fetched and stored
    alone; with `whole`, it makes the cache fetch the whole object, and with `slice_size`, the
    slices of so many bytes that the range touches.
    """

    def __init__(
        self,
        name: str,
        upstream: Upstream,
        cache: Cache,
        *,
        wall: Callable[[], float],
        trace: Trace = silent,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        whole: bool = False,
        slice_size: int | None = None,
    ) -> None:
        self.cache = cache
        self._name = name
        self._upstream = upstream
        self._wall = wall
        self._trace = trace
        self._limits = limits
        self._whole = whole
        self._fetcher = Fetcher(name, upstream, cache, wall=wall, trace=trace)
        self._slicer: Slicer | None = None
        if slice_size is not None:
            self._slicer = Slicer(slice_size, cache, self._fetcher, wall=wall, trace=trace)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Fetch for clients until cancelled; `answer` works only meanwhile."""
        await self._fetcher.run(task_status=task_status)

    async def answer(self, request: Request, remote: Address) -> Response:
        """Return the response to one request of client `remote`."""
        key = self.key(request)
        stored = None
        if request.method in ("GET", "HEAD"):
            stored = self.cache.find(key, request.headers)
        if stored is not None:
            verdict = stored.freshness.judge(request.headers, self._wall())
            if verdict is not Verdict.ASK:
                return self._hit(request, key, stored, verdict, remote)
        courier = self._fetcher.courier(request.inform)
        try:
            told = replace(request, inform=courier.take)
            return await self._forward(told, key, stored, remote)
        finally:
            await courier.done()

    async def _forward(
        self, request: Request, key: str, stored: Stored | None, remote: Address
    ) -> Response:
        if request.method not in ("GET", "HEAD"):
            return await self._relay(request, key, "method")
        why = self._why(key, stored)
        if "only-if-cached" in of_request(request.headers):
            return self._failure(504, "not in the cache, and not to be fetched", why, key)
        if self._slicer is not None and request.method == "GET" and stored is None:
            response = await self._sliced(self._slicer, request, key, why, remote)
            if response is not None:
                return response
        return await self._miss(request, key, stored, why, remote)

    def key(self, request: Request) -> str:
        """Return what answers to `request` are stored under."""
        return self._upstream.key(request)

    def place(self, key: str, stored: Stored) -> bool:
        """Store what was pushed: it is newer than what is being fetched; return whether it fits."""
        self._fetcher.forget(key)
        return self._fetcher.keep("object_pushed", key, stored)

    def invalidate(self, key: str) -> int:
        """Drop what is stored under `key`, and what is being fetched; return how many went."""
        self._fetcher.forget(key)
        return sum([self.cache.discard(place) for place in self._places(key)])

    def expire(self, key: str) -> int:
        """Declare what is stored under `key` stale; return how many responses that were.

        What is being fetched is not stored: it was asked for before.
        """
        self._fetcher.forget(key)
        return sum([self.cache.expire(place, self._wall()) for place in self._places(key)])

    def tagged(self, tag: str) -> tuple[str, ...]:
        """Return the keys of what has, and of what is being fetched and may have, Surrogate-Key."""
        return tuple(dict.fromkeys((*self.cache.tagged(tag), *self._fetcher.tagged(tag))))

    def _places(self, key: str) -> list[str]:
        """Return what the object called `key` is stored under: itself and its slices."""
        if self._slicer is None:
            return [key]
        return [key, *(place for place in self.cache if place.startswith(f"{key} #"))]

    # -- hits ---------------------------------------------------------------------------------

    def _hit(
        self, request: Request, key: str, stored: Stored, verdict: Verdict, remote: Address
    ) -> Response:
        size = stored.body.size
        stale = verdict is not Verdict.FRESH
        self._trace("cache_hit", path=key, bytes=size, client=str(remote), stale=stale)
        if verdict is Verdict.REFRESH:
            self._fetcher.refresh(Ask(request, key, stored, self._range(request, stored)))
        return self._respond(request, stored, cache_status.hit(self._ttl(stored), key))

    def _why(self, key: str, stored: Stored | None) -> str:
        """Return why a request goes forward, in the words of RFC 9211 2.2."""
        if stored is not None:
            age = stored.freshness.age(self._wall())
            return "stale" if age >= stored.freshness.lifetime else "request"
        variants = self.cache.variants(key)
        if not variants:
            return "uri-miss"
        return "partial" if any(one.part is not None for one in variants) else "vary-miss"

    # -- misses -------------------------------------------------------------------------------

    async def _miss(
        self, request: Request, key: str, stored: Stored | None, why: str, remote: Address
    ) -> Response:
        ask = Ask(request, key, stored, self._range(request, stored))
        collapsed = self._fetcher.under_way(ask)
        self._trace("cache_missed", path=key, why=why, client=str(remote), collapsed=collapsed)
        try:
            shared = await self._fetcher.share(ask)
            if shared is not None:
                said = cache_status.forwarded(why, key, ttl=self._ttl(shared), collapsed=True)
                return self._respond(request, shared, said)
            if request.method == "HEAD":
                return await self._relay(request, key, why)
            return await self._lead(ask, why)
        except GatewayError as error:
            self._trace("origin_failed", path=key, status=error.status, reason=error.reason)
            return self._instead(request, key, stored, why, error)

    def _range(self, request: Request, stored: Stored | None) -> str | None:
        """Return the Range to ask for: the client's, unless the whole can be validated."""
        field = request.headers.get("range")
        if self._whole or request.method != "GET" or field is None:
            return None
        if stored is not None and stored.part is None:
            return None
        return field if is_one_range(field) else None

    async def _lead(self, ask: Ask, why: str) -> Response:
        answer = await self._fetcher.fetch(ask)
        if isinstance(answer, Passing):
            return await self._pass(ask, answer, why)
        stored = answer.stored
        said = cache_status.forwarded(
            why,
            ask.key,
            status=answer.status,
            ttl=self._ttl(stored),
            stored=answer.new,
        )
        if stored.part is not None and not stored.matches(ask.request.headers):
            return self._part(stored, said)
        return self._respond(ask.request, stored, said, aged=answer.aged)

    async def _pass(self, ask: Ask, answer: Passing, why: str) -> Response:
        """Answer with what is not stored; the client's conditions are judged here all the same."""
        response = answer.response
        said = cache_status.forwarded(
            why, ask.key, status=response.status, detail=f"not stored: {answer.why}"
        )
        headers = marked(end_to_end(response.headers), self._name, said)
        if response.status == 200:
            conditions = ask.request.headers.without("range", "if-range")
            choice = select(conditions, Validators.of(headers), response.length, 200)
            if choice.status != 200:
                await response.aclose()
                return Response(304, headers) if choice.status == 304 else explain(choice.status)
        return _relayed(response, headers)

    def _instead(
        self, request: Request, key: str, stored: Stored | None, why: str, error: GatewayError
    ) -> Response:
        """Answer although the origin is out of reach: stale, if the rules allow it."""
        if stored is None:
            return self._failure(error.status, error.reason, why, key)
        if stored.freshness.outlasts(Failure.UNREACHABLE, request.headers, self._wall()):
            size = stored.body.size
            self._trace("stale_served", path=key, bytes=size, reason=error.reason)
            said = cache_status.forwarded(
                why, key, ttl=self._ttl(stored), detail="stale: the origin is out of reach"
            )
            return self._respond(request, stored, said)
        must_ask = stored.freshness.never_stale or stored.freshness.always_ask
        return self._failure(504 if must_ask else error.status, error.reason, why, key)

    async def _sliced(
        self, slicer: Slicer, request: Request, key: str, why: str, remote: Address
    ) -> Response | None:
        """Answer from slices; None if the object cannot be had in slices."""
        client = str(remote)
        try:
            first = await slicer.first(request, key, client)
        except GatewayError as error:
            self._trace("origin_failed", path=key, status=error.status, reason=error.reason)
            return self._failure(error.status, error.reason, why, key)
        if first is None or not first.holds(first_byte(request.headers.get("range"))):
            return None
        if not (first.stored.matches(request.headers) or first.extensible):
            return None
        stored, ttl = first.stored, self._ttl(first.stored)
        said = (
            cache_status.hit(ttl, key)
            if first.hit
            else cache_status.forwarded("partial", key, ttl=ttl, stored=True)
        )
        read = slicer.reader(request, key, first, client)
        return self._respond(request, stored, said, read=read)

    # -- other methods ------------------------------------------------------------------------

    async def _relay(self, request: Request, key: str, why: str) -> Response:
        """Forward `request` as it is, for its client alone."""
        if request.method == "CONNECT":
            return self._failure(501, "no tunnels from here", why, key)
        if hops_left(request) == 0:
            return last_answer(request)
        body = await read_all(request.body, self._limits.body)
        headers = one_hop_less(request, forwarded(request.headers, self._name))
        requested = self._wall()
        try:
            response = await self._upstream.send(
                request.method, key, headers=headers, body=body, inform=request.inform
            )
        except GatewayError as error:
            if request.method == "HEAD":
                raise
            self._trace("origin_failed", path=key, status=error.status, reason=error.reason)
            return self._failure(error.status, error.reason, why, key)
        exchange = Exchange(
            "GET",
            end_to_end(request.headers),
            response.status,
            response.headers,
            requested,
            self._wall(),
        )
        if request.method == "HEAD":
            self._learn(key, response.length, exchange)
        elif request.method not in SAFE and response.status < 400:
            self._invalidate_with(request, key, response.headers)
            if request.method == "POST" and self._describes_target(request, key, exchange):
                return await self._adopt(Ask(request, key), exchange, response)
        said = cache_status.forwarded(why, key, status=response.status)
        return _relayed(response, marked(end_to_end(response.headers), self._name, said))

    def _learn(self, key: str, length: int | None, exchange: Exchange) -> None:
        """Update the stored response by the answer to a HEAD, or call it stale (4.3.5)."""
        stored = self.cache.find(key, exchange.request)
        if stored is None or exchange.status != 200:
            return
        news = Validators.of(exchange.response)
        same = confirms(news, stored.validators) and length in (None, stored.size)
        if not same:
            self.cache.update(key, stored, stored.expired(self._wall()))
            return
        new, unfit = stored.validated(exchange)
        if unfit is None:
            self.cache.update(key, stored, new)
        elif unfit not in ("authorization", "request no-store"):
            self.cache.drop(key, stored)

    def _describes_target(self, request: Request, key: str, exchange: Exchange) -> bool:
        """Return whether the answer to a POST is what a GET would get now (RFC 9110 9.3.3)."""
        place = exchange.response.get("content-location")
        if exchange.status != 200 or place is None or lifetime(exchange, guess=False) <= 0:
            return False
        return self._upstream.related(request, place) == key

    async def _adopt(self, ask: Ask, exchange: Exchange, response: PooledResponse) -> Response:
        answer = self._fetcher.adopt(ask, exchange, response)
        if isinstance(answer, Passing):
            return await self._pass(ask, answer, "method")
        said = cache_status.forwarded(
            "method", ask.key, status=answer.status, ttl=self._ttl(answer.stored), stored=True
        )
        return self._respond(ask.request, answer.stored, said, aged=answer.aged)

    def _invalidate_with(self, request: Request, key: str, answer: Headers) -> None:
        """Drop what an unsafe request changed: its target and what the answer names (4.4)."""
        named = (answer.get("location"), answer.get("content-location"))
        related = (self._upstream.related(request, name) for name in named if name is not None)
        for changed in dict.fromkeys((key, *related)):
            if changed is not None and self.invalidate(changed):
                self._trace("cache_invalidated", path=changed, method=request.method)

    # -- answers ------------------------------------------------------------------------------

    def _ttl(self, stored: Stored) -> float:
        return stored.freshness.lifetime - stored.freshness.age(self._wall())

    def _respond(
        self,
        request: Request,
        stored: Stored,
        status: str,
        *,
        aged: bool = True,
        read: Read | None = None,
    ) -> Response:
        """Answer from a stored response, even while its body is still arriving."""
        age = stored.freshness.age(self._wall()) if aged else None
        fields = marked(stored.headers, self._name, status, age)
        read = _reader(stored) if read is None else read
        return reply(request, fields, stored.answering, stored.size, read, status=stored.status)

    def _part(self, stored: Stored, status: str) -> Response:
        """Answer with the part upstream chose to send."""
        if stored.part is None:
            raise ValueError("the whole is no part")
        span, size = stored.part.span, stored.part.size
        fields = marked(stored.headers, self._name, status)
        ranged = fields.replace({"content-range": span.content_range(size)})
        return Response(206, ranged, stored.body.read(0, len(span)), len(span))

    def _failure(self, status: int, reason: str, why: str, key: str) -> Response:
        said = cache_status.forwarded(why, key)
        return explain(status, reason, marked(NO_FIELDS, self._name, said))


def _reader(stored: Stored) -> Read:
    """Return what reads bytes of the representation, wherever the stored ones begin."""
    if stored.part is None:
        return stored.body.read
    begin = stored.part.span.start

    def read(start: int, stop: int | None) -> Buffer | Stream:
        return stored.body.read(start - begin, None if stop is None else stop - begin)

    return read


def _relayed(response: PooledResponse, headers: Headers) -> Response:
    return Response(response.status, headers, response, response.length)
