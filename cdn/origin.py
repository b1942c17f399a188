"""The origin server: a site's resources over HTTP, GET and HEAD, whole or in part.

Refuses to know where a site keeps its bytes and who caches them on the way.
"""

from __future__ import annotations

from collections.abc import Callable

from cdn.conditions import Validators
from cdn.reply import reply
from cdn.serving import HttpServer
from cdn.site import Moved, Resource, Site
from net.seam import Address
from net.trace import Trace, silent
from wire.http.dates import format_date
from wire.http.headers import Headers
from wire.http.limits import Limits
from wire.http.message import Request, Response, explain

_METHODS = Headers({"allow": "GET, HEAD"})
_STREAMS = ("application/vnd.apple.mpegurl", "application/dash+xml", "video/")
_FOR_PLAYERS = (
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", "age, cache-status"),
)
"""Lets a player on a page of another origin read a stream, and what caches say (Fetch, 3.2)."""


class Origin(HttpServer):
    """Serves `site`; caches are told `cache_control` of what says nothing of its own."""

    def __init__(
        self,
        site: Site,
        *,
        wall: Callable[[], float],
        cache_control: str = "max-age=3600",
        trace: Trace = silent,
        limits: Limits = Limits(),  # noqa: B008 - immutable
    ) -> None:
        super().__init__(wall=wall, trace=trace, limits=limits)
        self._site = site
        self._cache_control = cache_control

    async def answer(self, request: Request, remote: Address) -> Response:
        """Return the response to one request."""
        response = self._respond(request)
        self._trace(
            "request_answered",
            method=request.method,
            path=request.target.path,
            status=response.status,
            bytes=0 if request.method == "HEAD" else response.size,
            client=str(remote),
        )
        return response

    def _respond(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return explain(405, f"{request.method} is not allowed here", _METHODS)
        found = self._site.lookup(request.target.path)
        if found is None:
            return explain(404, request.target.path[:200])
        if isinstance(found, Moved):
            location = _with_query(found.location, request.target.query)
            return explain(301, location, Headers({"location": location}))
        fields = describe(found, self._cache_control)
        return reply(request, fields, Validators.of(fields), found.size, found.read)


def describe(resource: Resource, cache_control: str) -> Headers:
    """Return the fields that go with every answer about `resource`.

    Caches are told `cache_control` unless the resource has its own. Streams are open to players
    on any page.
    """
    modified = resource.last_modified
    return Headers(
        (
            ("content-type", resource.media_type),
            ("etag", resource.etag),
            *((("last-modified", format_date(modified)),) if modified is not None else ()),
            ("cache-control", resource.cache_control or cache_control),
            ("accept-ranges", "bytes"),
            *(_FOR_PLAYERS if resource.media_type.startswith(_STREAMS) else ()),
        )
    )


def _with_query(location: str, query: str) -> str:
    return f"{location}?{query}" if query and "?" not in location else location
