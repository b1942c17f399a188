"""The director: tells each client which edge to go to, by redirect or by rewritten links.

It refuses to know how the edge is chosen, and carries no content itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import trio

from cdn.rewriting import rewrite, rewrites
from cdn.serving import HttpServer
from cdn.site import MemorySite, Moved, Resource, Site
from cdn.steering import Steering
from net.seam import Address
from net.trace import Trace, silent
from wire.http.headers import Headers
from wire.http.limits import Limits
from wire.http.message import Buffer, Request, Response, explain, read_all
from wire.http.target import Target

DIRECTED = "client_directed"
_METHODS = Headers({"allow": "GET, HEAD"})
_NOT_FOR_OTHERS = {"cache-control": "private, no-store"}
_LARGEST_PAGE = 4 * 2**20
_NO_PAGES = MemorySite({})


class Director(HttpServer):
    """Answers for objects with 302 to an edge, and for pages with their links led to edges.

    A page is what `pages` has under that path, in a media type that has links. An answer is for
    its client alone, and is never cached.
    """

    def __init__(
        self,
        steering: Steering,
        *,
        wall: Callable[[], float],
        pages: Site = _NO_PAGES,
        trace: Trace = silent,
        limits: Limits = Limits(),  # noqa: B008 - immutable
    ) -> None:
        super().__init__(wall=wall, trace=trace, limits=limits)
        self._steering = steering
        self._pages = pages

    async def answer(self, request: Request, remote: Address) -> Response:
        """Return where `remote` finds what it asks for."""
        if request.method not in ("GET", "HEAD"):
            return explain(405, f"{request.method} is not allowed here", _METHODS)
        page = self._pages.lookup(request.target.path)
        if page is None or isinstance(page, Moved) or not rewrites(page.media_type):
            location = self._lead(remote.host, _reference(request.target))
            fields = {**_NOT_FOR_OTHERS, "location": location}
            return explain(302, location, Headers(fields))
        text = await _text(page)
        lead = partial(self._lead, remote.host)
        led = rewrite(text, page.media_type, request.target.path, lead).encode()
        self._trace("page_rewritten", path=request.target.path, client=str(remote))
        return Response(200, Headers({**_NOT_FOR_OTHERS, "content-type": page.media_type}), led)

    def _lead(self, client: str, target: str) -> str:
        path = target.partition("?")[0]
        edge, address = self._steering.choose(client, path, trio.current_time())
        self._trace(DIRECTED, client=client, path=path, edge=edge)
        return f"http://{address}{target}"


def _reference(target: Target) -> str:
    return f"{target.path}?{target.query}" if target.query else target.path


async def _text(page: Resource) -> str:
    body = page.read(0, page.size)
    if isinstance(body, Buffer):
        return bytes(body).decode("utf-8", "replace")
    try:
        return (await read_all(body, _LARGEST_PAGE)).decode("utf-8", "replace")
    finally:
        await body.aclose()
