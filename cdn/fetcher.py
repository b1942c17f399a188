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
from cdn.courier import Courier
from cdn.directives import of_request
from cdn.fill import Failed, Fill, Fills, Private, Shared
from cdn.forwarding import end_to_end, forwarded, unconditional
from cdn.freshness import SERVER_ERRORS, Exchange, Failure, Verdict, objection
from cdn.pool import GatewayError, PooledResponse
from cdn.stored import Stored, confirms
from cdn.upstream import Upstream
from net.trace import Trace
from wire.http.client import Inform
from wire.http.errors import HttpError
from wire.http.message import Request, nobody
from wire.http.ranges import parse_content_range

UNSHARED = 10.0
"""Seconds for which a key whose answer could not be shared is asked for by each client itself."""
_MOST_UNSHARED = 10_000
_MOST_BESIDE = 2**30
"""Bytes of bodies that may be in memory beside what is stored, if the capacity is not more."""
_IN_VAIN = 2
"""Fetches that turn out to be of no use for a client before it asks itself."""
_CROWDED, _MISMEASURED = "too much is being read", "range of another length"
_OF_THE_MOMENT = frozenset({"request no-store", _CROWDED, _MISMEASURED})
_OF_THE_OBJECT = frozenset({*range(200, 400), 404, 410})


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
    def audience(self) -> str:
        """What the answer can be shared by: what is told to one with credentials may be for it."""
        return f"{self.key} authorized" if "authorization" in self.request.headers else self.key

    @property
    def slot(self) -> str:
        """Asks of one slot at one time can share a fetch."""
        return self.audience if self.range is None else f"{self.audience} {self.range}"

    @property
    def slots(self) -> tuple[str, ...]:
        """The fetches that this one can wait for: of the same bytes, or of the whole."""
        whole = (self.key, self.audience)
        if self.range is None:
            return whole
        return *whole, *(f"{name} {self.range}" for name in whole)

    @property
    def place(self) -> str:
        """The key that what comes is stored under."""
        return self.key if self.slice is None else f"{self.key} #{self.slice}"


@dataclass(frozen=True, slots=True)
class Arriving:
    """A response that may answer.

    `new` if it is stored, or being stored, because of this fetch; `aged` if upstream gave it an
    age.
    """

    stored: Stored
    status: int
    aged: bool
    new: bool = False


@dataclass(frozen=True, slots=True)
class Passing:
    """A response for the asking client alone, and why it is not stored."""

    response: PooledResponse
    why: str


class Fetcher:
    """The fetches of one cache.

    Invariant: only bodies that came to their end are stored, unless their object changed
    meanwhile; an older version never takes the place of a newer one.
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
        self._fills = Fills()
        self._refreshing: set[str] = set()
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
        alone = self._unshared.get(ask.audience, 0.0) > trio.current_time()
        selfish = "no-store" in of_request(ask.request.headers)
        return self._fills.begin(ask.key, ask.slot, joinable=not (alone or selfish))

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
        fill = self._begin(ask)
        try:
            return self._take(ask, fill, exchange, response)
        finally:
            if not fill.pouring:
                self._fills.end(fill)

    def _take(
        self, ask: Ask, fill: Fill, exchange: Exchange, response: PooledResponse
    ) -> Arriving | Passing:
        unfit = objection(exchange) or self._misfit(response, exchange)
        if unfit is not None:
            fill.decide(Private())
            self._reject(ask, response.status, unfit)
            return Passing(response, unfit)
        stored = Stored.of(exchange, self._cache.body(response.length))
        fill.pouring = True
        fill.decide(Shared(stored))
        self._nursery.start_soon(self._pour, ask, fill, stored, response)
        return Arriving(stored, response.status, aged="age" in exchange.response, new=True)

    def _reject(self, ask: Ask, status: int, unfit: str) -> None:
        """Note what an answer that must not be stored says of the object, if it does."""
        if status not in _OF_THE_OBJECT or unfit in _OF_THE_MOMENT:
            return
        self._leave_alone(ask.audience)
        if ask.stale is not None and unfit != "authorization":
            self._cache.drop(ask.place, ask.stale)

    def _validated(self, ask: Ask, stale: Stored, fill: Fill, exchange: Exchange) -> Arriving:
        aged = "age" in exchange.response
        fresh, unfit = stale.validated(exchange)
        if unfit is not None:
            fill.decide(Private())
            self._reject(ask, 304, unfit)
            return Arriving(fresh, 304, aged)
        fill.decide(Shared(fresh))
        if not fill.outdated:
            gone = self._cache.update(ask.place, stale, fresh)
            self._fills.overtake(fill, fresh)
            self._tell_stored("cache_revalidated", ask.key, fresh, gone)
        return Arriving(fresh, 304, aged)

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

    def _misfit(self, response: PooledResponse, exchange: Exchange) -> str | None:
        """Return why a response that may be stored cannot be, None if it can."""
        length, capacity = response.length, self._cache.capacity
        if length is not None and length > capacity:
            return "too large"
        if self._cache.beside + (length or 0) > max(capacity, _MOST_BESIDE):
            return _CROWDED
        found = parse_content_range(exchange.response.get("content-range") or "")
        if response.status == 206 and found and len(found[0]) != length:
            return _MISMEASURED
        return None

    def _leave_alone(self, audience: str) -> None:
        """Let each client ask itself for a while: what comes cannot be shared."""
        self._unshared[audience] = trio.current_time() + UNSHARED
        self._unshared.move_to_end(audience)
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
                    fill.joinable = False
                    if not await body.drained():
                        self._trace("fill_failed", path=ask.key, bytes=body.size, reason="unwanted")
                        return
            body.finish(response.trailers)
            seconds = trio.current_time() - started
            self._trace("fill_finished", path=ask.key, bytes=body.size, seconds=seconds)
            if body.passing:
                self._trace("cache_refused", path=ask.key, bytes=body.size)
            elif not fill.outdated:
                place = ask.key if stored.part is None else ask.place
                self.keep("cache_stored", place, stored)
                self._fills.overtake(fill, stored)
        except HttpError as error:
            self._trace("fill_failed", path=ask.key, bytes=body.size, reason=error.reason)
        finally:
            body.fail()
            self._fills.end(fill)
            with trio.CancelScope(shield=True):
                await response.aclose()

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
