"""What clients of a web cache are told: stored responses, parts, passing ones, and refusals.

Each is marked with the cache's Via and Cache-Status. It refuses to know how the cache came by them.
"""

from __future__ import annotations

from collections.abc import Callable

from cdn import cache_status
from cdn.ask import Arriving, Ask, Passing
from cdn.conditions import Validators, select
from cdn.forwarding import end_to_end, marked
from cdn.pool import PooledResponse
from cdn.reply import Read, reply
from cdn.stored import Stored
from wire.http.message import NO_FIELDS, Buffer, Request, Response, Stream, explain


class Answering:
    """The answers of the cache called `name`; `wall` says how old they are."""

    def __init__(self, name: str, wall: Callable[[], float]) -> None:
        self._name = name
        self._wall = wall

    def ttl(self, stored: Stored) -> float:
        """Return for how long a response stays fresh (s); negative where it is stale."""
        return stored.freshness.lifetime - stored.freshness.age(self._wall())

    def hit(self, request: Request, key: str, stored: Stored) -> Response:
        """Answer from the cache alone."""
        return self.stored(request, stored, cache_status.hit(self.ttl(stored), key))

    def stored(
        self,
        request: Request,
        stored: Stored,
        status: str,
        *,
        aged: bool = True,
        read: Read | None = None,
    ) -> Response:
        """Answer from a stored response, even while its body is still arriving.

        `aged` says to tell its age; `read` reads the representation if `stored` is but a part.
        """
        age = stored.freshness.age(self._wall()) if aged else None
        fields = marked(stored.headers, self._name, status, age)
        read = _reader(stored) if read is None else read
        return reply(request, fields, stored.validators, stored.size, read, status=stored.status)

    def part(self, stored: Stored, status: str) -> Response:
        """Answer with the part upstream chose to send."""
        if stored.part is None:
            raise ValueError("the whole is no part")
        span, size = stored.part.span, stored.part.size
        fields = marked(stored.headers, self._name, status)
        ranged = fields.replace({"content-range": span.content_range(size)})
        return Response(206, ranged, stored.body.read(0, len(span)), len(span))

    async def fetched(self, ask: Ask, answer: Arriving | Passing, why: str) -> Response:
        """Answer with what upstream gave for `ask`."""
        if isinstance(answer, Passing):
            return await self.passing(ask, answer, why)
        stored = answer.stored
        ttl = self.ttl(stored)
        said = cache_status.forwarded(
            why, ask.key, status=answer.status, ttl=ttl, stored=answer.new
        )
        if stored.part is not None and not stored.matches(ask.request.headers):
            return self.part(stored, said)
        return self.stored(ask.request, stored, said, aged=answer.aged)

    async def passing(self, ask: Ask, answer: Passing, why: str) -> Response:
        """Answer with what is not stored; the client's conditions are judged here all the same."""
        response = answer.response
        said = cache_status.forwarded(
            why, ask.key, status=response.status, detail=f"not stored: {answer.why}"
        )
        relayed = self.relayed(response, said)
        if response.status == 200:
            conditions = ask.request.headers.without("range", "if-range")
            choice = select(conditions, Validators.of(response.headers), response.length, 200)
            if choice.status != 200:
                await response.aclose()
                if choice.status == 304:
                    return Response(304, relayed.headers)
                return explain(choice.status, headers=marked(NO_FIELDS, self._name, said))
        return relayed

    def relayed(self, response: PooledResponse, status: str) -> Response:
        """Answer with what upstream sends, as it comes."""
        headers = marked(end_to_end(response.headers), self._name, status)
        return Response(response.status, headers, response, response.length)

    def refusal(self, status: int, reason: str, why: str, key: str) -> Response:
        """Answer that there is nothing to be had."""
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
