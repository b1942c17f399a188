"""Fetching for a cache: asks upstream once for everyone, and stores what may be stored.

It awaits, follows the tables of `freshness`, and refuses to know how clients are answered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

import trio

from cdn.cache import Cache
from cdn.conditions import Validators
from cdn.fill import Failed, Fill, Private, Shared
from cdn.forwarding import forwarded, unconditional
from cdn.freshness import SERVER_ERRORS, Exchange, Failure, objection
from cdn.pool import GatewayError, PooledResponse
from cdn.stored import Stored, confirms
from cdn.upstream import Upstream
from net.trace import Trace
from wire.http.errors import HttpError
from wire.http.message import Request, nobody
from wire.http.ranges import parse_content_range

UNSHARED = 10.0
"""Seconds for which a key whose answer could not be shared is asked for by each client itself."""
_MOST_UNSHARED = 10_000
_OF_THE_REQUEST = frozenset({"request no-store", "authorization"})


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be fetched: `key` for `request`, which `stale` could not answer unvalidated.

    `range` is the Range field to ask with, None for the whole; `slice` counts aligned ranges,
    which are stored apart.
    """

    request: Request
    key: str
    stale: Stored | None = None
    range: str | None = None
    slice: int | None = None

    @property
    def slot(self) -> str:
        """Asks of one slot at one time can share a fetch."""
        return self.key if self.range is None else f"{self.key} {self.range}"

    @property
    def place(self) -> str:
        """The key that what comes is stored under."""
        return self.key if self.slice is None else f"{self.key} #{self.slice}"


@dataclass(frozen=True, slots=True)
class Arriving:
    """A response that may answer, stored or being stored; `aged` if upstream gave it an age."""

    stored: Stored
    status: int
    aged: bool


@dataclass(frozen=True, slots=True)
class Passing:
    """A response for the asking client alone, and why it is not stored."""

    response: PooledResponse
    why: str


class Fetcher:
    """The fetches of one cache.

    Invariant: `_fills` holds the one fetch per slot that newcomers join, `_alive` all of them with
    their keys; a fetch taken out because its object changed still serves who joined it, and is
    not stored. Only bodies that came to their end are stored.
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
        self._cache = cache
        self._wall = wall
        self._trace = trace
        self._fills: dict[str, Fill] = {}
        self._alive: dict[Fill, str] = {}
        self._unshared: OrderedDict[str, float] = OrderedDict()
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

    def under_way(self, ask: Ask) -> Fill | None:
        """Return the fetch that `ask` can wait for: of the same bytes, or of the whole."""
        return self._fills.get(ask.key) or self._fills.get(ask.slot)

    def forget(self, key: str) -> None:
        """Store nothing of the fetches of `key` under way: the object has changed."""
        outdated = [fill for fill, fetched in self._alive.items() if fetched == key]
        for fill in outdated:
            del self._alive[fill]
        for slot in [slot for slot, fill in self._fills.items() if fill in outdated]:
            del self._fills[slot]

    def refresh(self, ask: Ask) -> None:
        """Ask upstream in the background, unless that is being done."""
        if self.under_way(ask) is None:
            ask = replace(ask, request=replace(ask.request, inform=nobody))
            self._nursery.start_soon(self._refresh, ask, self._open(ask))

    async def fetch(self, ask: Ask) -> Arriving | Passing:
        """Ask upstream for everyone who wants the same from now until it is here.

        Raises:
            GatewayError: upstream gave no answer.
        """
        return await self._lead(ask, self._open(ask))

    def _open(self, ask: Ask) -> Fill:
        """Return a fetch, open to others if what comes can probably be shared."""
        fill = Fill()
        self._alive[fill] = ask.key
        alone = self._unshared.get(ask.key, 0.0) > self._wall()
        if not alone and ask.slot not in self._fills:
            self._fills[ask.slot] = fill
        return fill

    async def _refresh(self, ask: Ask, fill: Fill) -> None:
        try:
            answer = await self._lead(ask, fill)
        except GatewayError as error:
            self._trace("refresh_failed", path=ask.key, reason=error.reason)
            return
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
                self._end(ask, fill)

    async def _fetch(self, ask: Ask, fill: Fill) -> Arriving | Passing:
        exchange, response = await self._send(ask)
        if ask.stale is not None:
            if response.status == 304 and ask.stale.validators != Validators():
                await response.aclose()
                if not confirms(Validators.of(response.headers), ask.stale.validators):
                    return await self._fetch(replace(ask, stale=None), fill)
                return self._validated(ask, ask.stale, fill, exchange)
            if response.status in SERVER_ERRORS and ask.stale.freshness.outlasts(
                Failure.SERVER_ERROR, ask.request.headers, self._wall()
            ):
                await response.aclose()
                fill.decide(Failed(response.status, "the origin failed"))
                return Arriving(ask.stale, response.status, aged=True)
        return self._take(ask, fill, exchange, response)

    def adopt(self, ask: Ask, exchange: Exchange, response: PooledResponse) -> Arriving | Passing:
        """Store a response that came for another reason as if `ask` had fetched it."""
        return self._take(ask, self._open(ask), exchange, response)

    def _take(
        self, ask: Ask, fill: Fill, exchange: Exchange, response: PooledResponse
    ) -> Arriving | Passing:
        unfit = objection(exchange) or self._misfit(response, exchange)
        if unfit is not None:
            self._leave_alone(ask.key, fill)
            if response.status < 500 and unfit not in _OF_THE_REQUEST:
                self._cache.discard(ask.place)
            return Passing(response, unfit)
        stored = Stored.of(exchange, self._cache.body(response.length))
        fill.pouring = True
        fill.decide(Shared(stored))
        self._nursery.start_soon(self._pour, ask, fill, stored, response)
        return Arriving(stored, response.status, aged="age" in exchange.response)

    def _validated(self, ask: Ask, stale: Stored, fill: Fill, exchange: Exchange) -> Arriving:
        fresh = stale.validated(exchange)
        fill.decide(Shared(fresh))
        gone = self._cache.update(ask.place, stale, fresh)
        self._tell_stored("cache_revalidated", ask.key, fresh, gone)
        return Arriving(fresh, 304, aged="age" in exchange.response)

    async def _send(self, ask: Ask) -> tuple[Exchange, PooledResponse]:
        """Ask upstream for the object, or whether the stale one still holds."""
        validators = ask.stale.validators if ask.stale is not None else Validators()
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
        return Exchange("GET", ask.request.headers, status, fields, requested, received), response

    def _misfit(self, response: PooledResponse, exchange: Exchange) -> str | None:
        """Return why a response that may be stored cannot be, None if it can."""
        if response.length is not None and response.length > self._cache.capacity:
            return "too large"
        found = parse_content_range(exchange.response.get("content-range") or "")
        if response.status == 206 and found and len(found[0]) != response.length:
            return "range of another length"
        return None

    def _leave_alone(self, key: str, fill: Fill) -> None:
        """Let each client ask for `key` itself for a while: what comes cannot be shared."""
        fill.decide(Private())
        self._unshared[key] = self._wall() + UNSHARED
        self._unshared.move_to_end(key)
        if len(self._unshared) > _MOST_UNSHARED:
            self._unshared.popitem(last=False)

    async def _pour(self, ask: Ask, fill: Fill, stored: Stored, response: PooledResponse) -> None:
        """Read the body to its end, whoever still wants it, and store it once it is whole."""
        started = trio.current_time()
        body = stored.body
        try:
            async for data in response:
                body.append(data)
                if body.passing:
                    self._close(ask.slot, fill)
                    if not await body.drained():
                        self._trace("fill_failed", path=ask.key, bytes=body.size, reason="unwanted")
                        return
            body.finish(response.trailers)
            seconds = trio.current_time() - started
            self._trace("fill_finished", path=ask.key, bytes=body.size, seconds=seconds)
            if body.passing:
                self._trace("cache_refused", path=ask.key, bytes=body.size)
            elif fill in self._alive:
                place = ask.key if stored.part is None else ask.place
                self.keep("cache_stored", place, stored)
        except HttpError as error:
            self._trace("fill_failed", path=ask.key, bytes=body.size, reason=error.reason)
        finally:
            body.fail()
            self._end(ask, fill)
            with trio.CancelScope(shield=True):
                await response.aclose()

    def _close(self, slot: str, fill: Fill) -> None:
        """Let nobody join `fill` any more."""
        if self._fills.get(slot) is fill:
            del self._fills[slot]

    def _end(self, ask: Ask, fill: Fill) -> None:
        self._close(ask.slot, fill)
        self._alive.pop(fill, None)

    def keep(self, event: str, key: str, stored: Stored) -> bool:
        """Put a whole response into the cache, trace `event`; return whether it stays."""
        self._unshared.pop(key, None)
        gone = self._cache.put(key, stored)
        self._tell_stored(event, key, stored, gone)
        return gone is not None

    def _tell_stored(
        self, event: str, key: str, stored: Stored, gone: list[tuple[str, Stored]] | None
    ) -> None:
        """Trace `event`, and what had to go; or that `stored` could not stay."""
        if gone is None:
            self._trace("cache_refused", path=key, bytes=stored.body.size)
            return
        for victim, evicted in gone:
            self._trace("cache_evicted", path=victim, bytes=evicted.body.size)
        self._trace(event, path=key, bytes=stored.body.size)

    @property
    def _nursery(self) -> trio.Nursery:
        if self._pouring is None:
            raise RuntimeError("this cache is not at work")
        return self._pouring
