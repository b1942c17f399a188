"""What becomes of upstream's answers: stored for everyone, passed to one client, or forgotten.

It follows the tables of `freshness`, and refuses to know who asked upstream and how.
"""

from __future__ import annotations

from collections import OrderedDict

import trio

from cdn.ask import Arriving, Ask, Passing
from cdn.cache import Cache
from cdn.fill import Fill, Fills, Private, Shared
from cdn.freshness import Exchange, objection
from cdn.pool import PooledResponse
from cdn.stored import Stored
from net.trace import Trace
from wire.http.errors import HttpError
from wire.http.ranges import parse_content_range

UNSHARED = 10.0
"""Seconds for which a key whose answer could not be shared is asked for by each client itself."""
_MOST_UNSHARED = 10_000
MOST_BESIDE = 2**30
"""Bytes of bodies that may be in memory beside what is stored, if the capacity is not more."""
OF_THE_REQUEST = frozenset({"request no-store", "authorization"})
"""Objections to storing that say nothing of what others would be told."""
_CROWDED, _MISMEASURED = "too much is being read", "range of another length"
_OF_THE_MOMENT = frozenset({"request no-store", _CROWDED, _MISMEASURED})
_OF_THE_OBJECT = frozenset({*range(200, 400), 404, 410})


class Intake:
    """What comes into `cache`.

    Invariant: only bodies that came to their end are stored, unless their object changed
    meanwhile; an older version never takes the place of a newer one.
    """

    def __init__(self, cache: Cache, fills: Fills, *, trace: Trace) -> None:
        self._cache = cache
        self._fills = fills
        self._trace = trace
        self._unshared: OrderedDict[str, float] = OrderedDict()

    def take(
        self,
        ask: Ask,
        fill: Fill,
        exchange: Exchange,
        response: PooledResponse,
        nursery: trio.Nursery,
    ) -> Arriving | Passing:
        """Return the answer to `ask`, whose body is poured in `nursery` if it is for everyone."""
        unfit = objection(exchange) or self._misfit(response, exchange)
        if unfit is not None:
            fill.decide(Private())
            self._reject(ask, response.status, unfit)
            return Passing(response, unfit)
        stored = Stored.of(exchange, self._cache.body(response.length))
        fill.pouring = True
        fill.decide(Shared(stored))
        nursery.start_soon(self._pour, ask, fill, stored, response)
        return Arriving(stored, response.status, aged="age" in exchange.response, new=True)

    def _reject(self, ask: Ask, status: int, unfit: str) -> None:
        """Note what an answer that must not be stored says of the object, if it does."""
        if status not in _OF_THE_OBJECT or unfit in _OF_THE_MOMENT:
            return
        self._leave_alone(ask.audience)
        if ask.stale is not None and unfit != "authorization":
            self._cache.drop(ask.place, ask.stale)

    def validated(self, ask: Ask, stale: Stored, fill: Fill, exchange: Exchange) -> Arriving:
        """Return `stale` as a 304 renews it."""
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

    def _misfit(self, response: PooledResponse, exchange: Exchange) -> str | None:
        """Return why a response that may be stored cannot be, None if it can."""
        length, capacity = response.length, self._cache.capacity
        if length is not None and length > capacity:
            return "too large"
        if self._cache.beside + (length or 0) > max(capacity, MOST_BESIDE):
            return _CROWDED
        found = parse_content_range(exchange.response.get("content-range") or "")
        if response.status == 206 and found and len(found[0]) != length:
            return _MISMEASURED
        return None

    def unshared(self, audience: str) -> bool:
        """Return whether what came lately could not be shared."""
        return self._unshared.get(audience, 0.0) > trio.current_time()

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
        except (HttpError, OSError) as error:
            self._trace("fill_failed", path=ask.key, bytes=body.size, reason=str(error))
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
