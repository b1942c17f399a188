"""The door by which an origin places objects in an edge before anyone asks: HTTP PUT.

Refuses to know when and where placing pays; it only checks, reads and stores.
"""

from __future__ import annotations

from collections.abc import Callable

from cdn.cache import Cache
from cdn.freshness import Exchange, objection
from cdn.stored import Stored
from cdn.upstream import origin_form
from net.seam import Address
from wire.http.headers import Headers
from wire.http.message import NO_FIELDS, Request, Response, explain

Keep = Callable[[str, Stored], bool]

_ALLOW = Headers({"allow": "PUT"})
_OF_THE_REQUEST = ("host", "user-agent", "accept", "expect", "te", "via")


class Placement:
    """Stores what admitted hosts PUT, as if the origin had answered 200 with those fields."""

    def __init__(
        self, cache: Cache, keep: Keep, admitted: frozenset[str], wall: Callable[[], float]
    ) -> None:
        self._cache = cache
        self._keep = keep
        self._admitted = admitted
        self._wall = wall

    async def answer(self, request: Request, remote: Address) -> Response:
        """Store one object: 201 new, 204 replaced; 403, 405, 422 or 507 say why not."""
        if not (remote.host in self._admitted or _is_loopback(remote.host)):
            return explain(403, f"{remote.host} may not place objects here")
        if request.method != "PUT":
            return explain(405, f"{request.method} is not allowed here", _ALLOW)
        now = self._wall()
        fields = request.headers.without(*_OF_THE_REQUEST)
        exchange = Exchange("GET", NO_FIELDS, 200, fields, now, now)
        if (why := objection(exchange)) is not None:
            return explain(422, f"not to be stored: {why}")
        length = fields.get("content-length")
        body = self._cache.body(int(length) if length else None)
        async for data in request.body:
            body.append(data)
        body.finish()
        key = origin_form(request.target)
        known = key in self._cache
        if not self._keep(key, Stored.of(exchange, body)):
            return explain(507, "larger than the cache")
        return Response(204 if known else 201)


def _is_loopback(host: str) -> bool:
    return host == "::1" or host.startswith("127.")
