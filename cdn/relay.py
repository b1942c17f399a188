"""Requests that a cache does not answer itself: other methods, and HEAD where nothing is stored.

What their answers say of the stored responses is noted. It refuses to know how a GET is answered.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from cdn import cache_status
from cdn.answering import Answering
from cdn.ask import Ask
from cdn.cache import Cache
from cdn.conditions import Validators
from cdn.fetcher import Fetcher
from cdn.forwarding import end_to_end, forwarded
from cdn.freshness import Exchange, lifetime
from cdn.hops import hops_left, last_answer, one_hop_less
from cdn.intake import OF_THE_REQUEST
from cdn.pool import GatewayError, PooledResponse
from cdn.stored import confirms
from cdn.upstream import Upstream
from net.trace import Trace
from wire.http.headers import Headers
from wire.http.message import Request, Response, read_all

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY"})
"""Methods that change nothing (RFC 9110 9.2.1, and the registry); all others invalidate."""


class Relay:
    """Forwards requests as they are, each for its client alone.

    `invalidate` drops what a key holds; bodies of requests have at most `most` bytes.
    """

    def __init__(
        self,
        name: str,
        upstream: Upstream,
        cache: Cache,
        fetcher: Fetcher,
        answering: Answering,
        *,
        invalidate: Callable[[str], int],
        wall: Callable[[], float],
        trace: Trace,
        most: int,
    ) -> None:
        self._name = name
        self._upstream = upstream
        self._cache = cache
        self._fetcher = fetcher
        self._answering = answering
        self._invalidate = invalidate
        self._wall = wall
        self._trace = trace
        self._most = most

    async def answer(self, request: Request, key: str) -> Response:
        """Return the answer to a request whose method is never answered from the cache."""
        if request.method == "CONNECT":
            return self._answering.refusal(501, "no tunnels from here", "method", key)
        if hops_left(request) == 0:
            return last_answer(request)
        try:
            return await self.forward(request, key, "method")
        except GatewayError as error:
            self._trace("origin_failed", path=key, status=error.status, reason=error.reason)
            return self._answering.refusal(error.status, error.reason, "method", key)

    async def forward(self, request: Request, key: str, why: str) -> Response:
        """Return what upstream answers.

        Raises:
            GatewayError: nothing.
        """
        body = await read_all(request.body, self._most)
        headers = one_hop_less(request, forwarded(request.headers, self._name))
        requested = self._wall()
        response = await self._upstream.send(
            request.method, key, headers=headers, body=body, inform=request.inform
        )
        try:
            asked, received = end_to_end(request.headers), self._wall()
            exchange = Exchange(
                "GET", asked, response.status, response.headers, requested, received
            )
            return await self._answer(request, key, why, exchange, response)
        except BaseException:
            with trio.CancelScope(shield=True):
                await response.aclose()
            raise

    async def _answer(
        self, request: Request, key: str, why: str, exchange: Exchange, response: PooledResponse
    ) -> Response:
        if request.method == "HEAD":
            self._learn(key, response.length, exchange)
        elif request.method not in SAFE and response.status < 400:
            self._invalidate_with(request, key, response.headers)
            if request.method == "POST" and self._describes_target(request, key, exchange):
                ask = Ask(request, key)
                answer = self._fetcher.adopt(ask, exchange, response)
                return await self._answering.fetched(ask, answer, "method")
        said = cache_status.forwarded(why, key, status=response.status)
        return self._answering.relayed(response, said)

    def _learn(self, key: str, length: int | None, exchange: Exchange) -> None:
        """Update the stored response by the answer to a HEAD, or call it stale (4.3.5)."""
        stored = self._cache.find(key, exchange.request)
        if stored is None or exchange.status != 200:
            return
        news = Validators.of(exchange.response)
        if not confirms(news, stored.validators) or length not in (None, stored.size):
            self._cache.update(key, stored, stored.expired(self._wall()))
            return
        new, unfit = stored.validated(exchange)
        if unfit is None:
            self._cache.update(key, stored, new)
        elif unfit not in OF_THE_REQUEST:
            self._cache.drop(key, stored)

    def _describes_target(self, request: Request, key: str, exchange: Exchange) -> bool:
        """Return whether the answer to a POST is what a GET would get now (RFC 9110 9.3.3)."""
        place = exchange.response.get("content-location")
        if exchange.status != 200 or place is None or lifetime(exchange, guess=False) <= 0:
            return False
        return self._upstream.related(request, place) == key

    def _invalidate_with(self, request: Request, key: str, answer: Headers) -> None:
        """Drop what an unsafe request changed: its target and what the answer names (4.4)."""
        named = (answer.get("location"), answer.get("content-location"))
        related = (self._upstream.related(request, name) for name in named if name is not None)
        for changed in dict.fromkeys((key, *related)):
            if changed is not None and self._invalidate(changed):
                self._trace("cache_invalidated", path=changed, method=request.method)
