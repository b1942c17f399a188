"""A shared web cache: answers from what it keeps, forwards the rest, and says which it did.

The rules live elsewhere (`freshness`, `conditions`, `eviction`); fetching is `fetcher`'s. This
module refuses to know where clients come from and where the origins are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import trio

from cdn import cache_status
from cdn.answering import Answering
from cdn.ask import Ask, Passing
from cdn.cache import Cache
from cdn.directives import of_request
from cdn.fetcher import Fetcher
from cdn.freshness import Failure, Verdict
from cdn.pool import GatewayError
from cdn.relay import Relay
from cdn.slicing import Slicer
from cdn.stored import Stored
from cdn.upstream import Upstream
from net.seam import Address
from net.trace import Trace, silent
from wire.http.limits import Limits
from wire.http.message import Request, Response
from wire.http.ranges import first_byte, is_one_range


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
        self._upstream = upstream
        self._wall = wall
        self._trace = trace
        self._whole = whole
        self._answering = Answering(name, wall)
        self._fetcher = Fetcher(name, upstream, cache, wall=wall, trace=trace)
        self._relay = Relay(
            name,
            upstream,
            cache,
            self._fetcher,
            self._answering,
            invalidate=self.invalidate,
            wall=wall,
            trace=trace,
            most=limits.body,
        )
        self._slicer: Slicer | None = None
        if slice_size is not None:
            self._slicer = Slicer(slice_size, cache, self._fetcher, wall=wall, trace=trace)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Fetch for clients until cancelled; `answer` works only meanwhile."""
        await self._fetcher.run(task_status=task_status)

    # -- what is stored -----------------------------------------------------------------------

    def key(self, request: Request) -> str:
        """Return what answers to `request` are stored under."""
        return self._upstream.key(request)

    def place(self, key: str, stored: Stored) -> bool:
        """Store what was pushed, in the place of all there is; return whether it fits."""
        for piece in self.cache.pieces(key):
            self.cache.discard(piece)
        return self._fetcher.keep(key, stored)

    def invalidate(self, key: str) -> int:
        """Drop what is stored under `key`, and what is being fetched; return how many went."""
        self._fetcher.forget(key)
        return sum([self.cache.discard(place) for place in (key, *self.cache.pieces(key))])

    def expire(self, key: str) -> int:
        """Declare what is stored under `key` stale; return how many responses that were.

        What is being fetched is not stored: it was asked for before.
        """
        self._fetcher.forget(key)
        now, places = self._wall(), (key, *self.cache.pieces(key))
        return sum([self.cache.expire(place, now) for place in places])

    def tagged(self, tag: str) -> tuple[str, ...]:
        """Return the keys of what has Surrogate-Key `tag`, or is being fetched and may have it."""
        return tuple(dict.fromkeys((*self.cache.tagged(tag), *self._fetcher.tagged(tag))))

    # -- hits ---------------------------------------------------------------------------------

    async def answer(self, request: Request, remote: Address) -> Response:
        """Return the response to one request of client `remote`."""
        key = self.key(request)
        stored = None
        if request.method in ("GET", "HEAD"):
            stored = self.cache.find(key, request.headers)
        if stored is not None:
            verdict = stored.freshness.judge(request.headers, self._wall())
            if verdict is not Verdict.ASK:
                try:
                    return self._hit(request, key, stored, verdict, remote)
                except OSError as error:
                    self._trace("stored_lost", path=key, reason=str(error))
                    self.cache.drop(key, stored)
                    stored = None
        courier = self._fetcher.courier(request.inform)
        try:
            heard = replace(request, inform=courier.take)
            return await self._forward(heard, key, stored, remote)
        finally:
            await courier.done()

    def _hit(
        self, request: Request, key: str, stored: Stored, verdict: Verdict, remote: Address
    ) -> Response:
        response = self._answering.hit(request, key, stored)
        size = stored.body.size
        stale = verdict is not Verdict.FRESH
        self._trace("cache_hit", path=key, bytes=size, client=str(remote), stale=stale)
        if verdict is Verdict.REFRESH:
            self._fetcher.refresh(Ask(request, key, stored, self._range(request, stored)))
        return response

    # -- misses -------------------------------------------------------------------------------

    async def _forward(
        self, request: Request, key: str, stored: Stored | None, remote: Address
    ) -> Response:
        if request.method not in ("GET", "HEAD"):
            return await self._relay.answer(request, key)
        why = self._why(key, stored)
        if "only-if-cached" in of_request(request.headers):
            return self._answering.refusal(504, "not in the cache, and not to be fetched", why, key)
        if self._slicer is not None and request.method == "GET" and stored is None:
            response = await self._sliced(self._slicer, request, key, why, remote)
            if response is not None:
                return response
        return await self._miss(request, key, stored, why, remote)

    def _why(self, key: str, stored: Stored | None) -> str:
        """Return why a request goes forward, in the words of RFC 9211 2.2."""
        if stored is not None:
            age = stored.freshness.age(self._wall())
            return "stale" if age >= stored.freshness.lifetime else "request"
        variants = self.cache.variants(key)
        if not variants:
            return "uri-miss"
        return "partial" if any(one.part is not None for one in variants) else "vary-miss"

    async def _miss(
        self, request: Request, key: str, stored: Stored | None, why: str, remote: Address
    ) -> Response:
        ask = Ask(request, key, stored, self._range(request, stored))
        collapsed = self._fetcher.under_way(ask)
        self._trace("cache_missed", path=key, why=why, client=str(remote), collapsed=collapsed)
        try:
            shared = await self._fetcher.share(ask)
            if shared is not None:
                ttl = self._answering.ttl(shared)
                said = cache_status.forwarded(why, key, ttl=ttl, collapsed=True)
                return self._answering.stored(request, shared, said)
            if request.method == "HEAD":
                return await self._relay.forward(request, key, why)
            return await self._answering.fetched(ask, await self._fetcher.fetch(ask), why)
        except GatewayError as error:
            return self._instead(request, key, stored, why, error)

    def _range(self, request: Request, stored: Stored | None) -> str | None:
        """Return the Range to ask for: the client's, unless the whole can be validated."""
        field = request.headers.get("range")
        if self._whole or request.method != "GET" or field is None:
            return None
        if stored is not None and stored.part is None:
            return None
        return field if is_one_range(field) else None

    def _instead(
        self, request: Request, key: str, stored: Stored | None, why: str, error: GatewayError
    ) -> Response:
        """Answer although the origin is out of reach: stale, if the rules allow it."""
        self._trace("origin_failed", path=key, status=error.status, reason=error.reason)
        if stored is None:
            return self._answering.refusal(error.status, error.reason, why, key)
        if stored.freshness.outlasts(Failure.UNREACHABLE, request.headers, self._wall()):
            size, ttl = stored.body.size, self._answering.ttl(stored)
            self._trace("stale_served", path=key, bytes=size, reason=error.reason)
            detail = "stale: the origin is out of reach"
            said = cache_status.forwarded(why, key, ttl=ttl, detail=detail)
            return self._answering.stored(request, stored, said)
        must_ask = stored.freshness.never_stale or stored.freshness.always_ask
        return self._answering.refusal(504 if must_ask else error.status, error.reason, why, key)

    async def _sliced(
        self, slicer: Slicer, request: Request, key: str, why: str, remote: Address
    ) -> Response | None:
        """Answer from slices; None if the object cannot be had in slices."""
        client = str(remote)
        try:
            first = await slicer.first(request, key, client)
        except GatewayError as error:
            return self._instead(request, key, None, why, error)
        if isinstance(first, Passing):
            return await self._answering.passing(Ask(request, key), first, why)
        if first is None or not first.holds(first_byte(request.headers.get("range"))):
            return None
        if not (first.stored.matches(request.headers) or first.extensible):
            return None
        stored, ttl = first.stored, self._answering.ttl(first.stored)
        said = (
            cache_status.hit(ttl, key)
            if first.hit
            else cache_status.forwarded("partial", key, ttl=ttl, stored=True)
        )
        read = slicer.reader(request, key, first, client)
        try:
            return self._answering.stored(request, stored, said, read=read)
        except OSError as error:
            self._trace("stored_lost", path=key, reason=str(error))
            slicer.drop(request, key, first.start)
            return None
