"""Fetching for a cache: asks upstream once for everyone, and stores what may be stored.

It awaits, follows the tables of `freshness`, and refuses to know how clients are answered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import trio

from cdn.ask import Arriving, Ask, Passing
from cdn.cache import Cache
from cdn.conditions import Validators
from cdn.courier import Courier
from cdn.directives import of_request
from cdn.fill import Failed, Fill, Fills, Private
from cdn.forwarding import end_to_end, forwarded, unconditional
from cdn.freshness import SERVER_ERRORS, Exchange, Failure, Verdict
from cdn.intake import Intake
from cdn.pool import GatewayError, PooledResponse
from cdn.stored import Stored, confirms
from cdn.upstream import Upstream
from net.trace import Trace
from wire.http.client import Inform
from wire.http.headers import Headers
from wire.http.message import NO_FIELDS, nobody

_IN_VAIN = 2
"""Fetches that turn out to be of no use for a client before it asks itself."""


class Fetcher:
    """The fetches of one cache.

    Invariant: at most one refresh of a slot is under way.
    """

    def __init__(
        self,
        name: str,
        upstream: Upstream,
        cache: Cache,
        *,
        wall: Callable[[], float],
        trace: Trace,
    ) -> None:
        self._name = name
        self._upstream = upstream
        self._wall = wall
        self._trace = trace
        self._fills = Fills()
        self._intake = Intake(cache, self._fills, trace=trace)
        self._refreshing: set[str] = set()
        self._pouring: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Pour bodies until cancelled; fetches under way end with it."""
        if self._pouring is not None:
            raise RuntimeError("this cache is at work already")
        try:
            async with trio.open_nursery() as self._pouring:
                task_status.started()
                await trio.sleep_forever()
        finally:
            self._pouring = None
            with trio.CancelScope(shield=True):
                await self._upstream.aclose()

    def under_way(self, ask: Ask) -> bool:
        """Return whether there is a fetch that `ask` may wait for."""
        return self._promising(ask) is not None

    def _promising(self, ask: Ask) -> Fill | None:
        if "no-cache" in of_request(ask.request.headers):
            return None
        return self._fills.promising(ask.key, ask.slots, ask.request.headers)

    async def share(self, ask: Ask) -> Stored | None:
        """Return what a fetch under way brings for `ask`, None if it has to be made for itself.

        Raises:
            GatewayError: that fetch failed.
        """
        for _ in range(_IN_VAIN):
            fill = self._promising(ask)
            if fill is None:
                return None
            outcome = await fill.outcome()
            if isinstance(outcome, Failed):
                raise GatewayError(outcome.status, outcome.reason)
            if isinstance(outcome, Private):
                return None
            if outcome.stored.matches(ask.request.headers):
                verdict = outcome.stored.freshness.judge(ask.request.headers, self._wall())
                return None if verdict is Verdict.ASK else outcome.stored
        return None

    def keep(self, key: str, stored: Stored) -> bool:
        """Store what was pushed: newer than what is being fetched; return whether it fits."""
        self.forget(key)
        return self._intake.keep("object_pushed", key, stored)

    def forget(self, key: str) -> None:
        """Store nothing of the fetches of `key` under way: the object has changed."""
        self._fills.forget(key)

    def tagged(self, tag: str) -> tuple[str, ...]:
        """Return the keys of fetches under way that may bring Surrogate-Key `tag`."""
        return self._fills.tagged(tag)

    def refresh(self, ask: Ask) -> None:
        """Ask upstream in the background, unless that is being done."""
        if ask.slot not in self._refreshing and not self.under_way(ask):
            self._refreshing.add(ask.slot)
            ask = replace(ask, request=replace(ask.request, inform=nobody))
            self._nursery.start_soon(self._refresh, ask, self._begin(ask))

    async def fetch(self, ask: Ask) -> Arriving | Passing:
        """Ask upstream for everyone who wants the same from now until it is here.

        Raises:
            GatewayError: upstream gave no answer.
        """
        return await self._lead(ask, self._begin(ask))

    def courier(self, inform: Inform) -> Courier:
        """Return what brings interim responses to a client, so that no fetch waits for it."""
        return Courier(inform, self._nursery)

    def _begin(self, ask: Ask) -> Fill:
        """Return a fetch, open to others if what comes can probably be shared."""
        alone = "no-store" in of_request(ask.request.headers)
        joinable = not (alone or self._intake.unshared(ask.audience))
        return self._fills.begin(ask.key, ask.slot, joinable=joinable)

    async def _refresh(self, ask: Ask, fill: Fill) -> None:
        try:
            answer = await self._lead(ask, fill)
        except GatewayError as error:
            self._trace("refresh_failed", path=ask.key, reason=error.reason)
            return
        finally:
            self._refreshing.discard(ask.slot)
        if isinstance(answer, Passing):
            await answer.response.aclose()

    async def _lead(self, ask: Ask, fill: Fill) -> Arriving | Passing:
        try:
            return await self._fetch(ask, fill)
        except GatewayError as error:
            fill.decide(Failed(error.status, error.reason))
            raise
        finally:
            fill.decide(Failed(502, "the fetch was abandoned"))
            if not fill.pouring:
                self._fills.end(fill)

    async def _fetch(self, ask: Ask, fill: Fill) -> Arriving | Passing:
        exchange, response = await self._send(ask)
        try:
            answer = await self._judge(ask, fill, exchange, response)
        except BaseException:
            with trio.CancelScope(shield=True):
                await response.aclose()
            raise
        return await self._fetch(replace(ask, stale=None), fill) if answer is None else answer

    async def _judge(
        self, ask: Ask, fill: Fill, exchange: Exchange, response: PooledResponse
    ) -> Arriving | Passing | None:
        """Return what to make of a response, None if it confirms something else than was asked."""
        if ask.stale is not None:
            if response.status == 304 and ask.stale.validators != Validators():
                await response.aclose()
                if not confirms(Validators.of(response.headers), ask.stale.validators):
                    return None
                return self._intake.validated(ask, ask.stale, fill, exchange)
            if response.status in SERVER_ERRORS and self._outlasts(ask.stale, ask.request.headers):
                await response.aclose()
                failed = Failed(response.status, "the origin failed")
                fill.decide(failed if self._outlasts(ask.stale, NO_FIELDS) else Private())
                return Arriving(ask.stale, response.status, aged=True)
        return self._intake.take(ask, fill, exchange, response, self._nursery)

    def _outlasts(self, stale: Stored, request: Headers) -> bool:
        return stale.freshness.outlasts(Failure.SERVER_ERROR, request, self._wall())

    def adopt(self, ask: Ask, exchange: Exchange, response: PooledResponse) -> Arriving | Passing:
        """Store a response that came for another reason as if `ask` had fetched it."""
        fill = self._begin(ask)
        try:
            return self._intake.take(ask, fill, exchange, response, self._nursery)
        finally:
            if not fill.pouring:
                self._fills.end(fill)

    async def _send(self, ask: Ask) -> tuple[Exchange, PooledResponse]:
        """Ask upstream for the object, or whether the stale one still holds."""
        validators = ask.stale.validators if ask.stale is not None else Validators()
        asked = end_to_end(ask.request.headers)
        sent = forwarded(ask.request.headers, self._name)
        headers = unconditional(sent, validators)
        if ask.range is not None:
            kept = [line for line in sent if line[0] in ("range", "if-range")]
            headers = headers.replace(kept)
        self._trace("fill_started", path=ask.key, revalidation=ask.stale is not None)
        requested = self._wall()
        response = await self._upstream.send(
            "GET", ask.key, headers=headers, inform=ask.request.inform
        )
        received = self._wall()
        fields, status = response.headers, response.status
        return Exchange("GET", asked, status, fields, requested, received), response

    @property
    def _nursery(self) -> trio.Nursery:
        if self._pouring is None:
            raise RuntimeError("this cache is not at work")
        return self._pouring
