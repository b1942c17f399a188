"""Push: an origin places its objects in edges before demand.

Refuses to know which objects deserve it and where the edges are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import trio

from cdn.origin import describe
from cdn.site import Moved, Resource, Site
from net.seam import Address, Network
from net.trace import Trace, silent
from wire.http.client import HttpConnection


class PushError(Exception):
    """An edge did not take an object; the message names both and the reason."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was placed: the sum over all edges."""

    objects: int
    bytes: int
    seconds: float


async def push(
    network: Network,
    site: Site,
    paths: Sequence[str],
    edges: Sequence[Address],
    *,
    cache_control: str = "max-age=3600",
    patience: float = 60.0,
    trace: Trace = silent,
) -> Pushed:
    """Place the objects at `paths` of `site` in every edge, all edges at once.

    `edges` are placement ports (`Edge.serve_placement`); `patience` (s) bounds an edge's silence.

    Raises:
        PushError: a path names nothing, or an edge refused.
        OSError: an edge cannot be reached. (Several failures come as an exception group.)
    """
    started = trio.current_time()
    tally = _Tally()
    async with trio.open_nursery() as nursery:
        for edge in edges:
            pusher = _Pusher(network, site, cache_control, patience, trace, tally)
            nursery.start_soon(pusher.push, paths, edge)
    return Pushed(tally.objects, tally.bytes, trio.current_time() - started)


class _Tally:
    objects = 0
    bytes = 0


@dataclass(frozen=True)
class _Pusher:
    network: Network
    site: Site
    cache_control: str
    patience: float
    trace: Trace
    tally: _Tally

    async def push(self, paths: Sequence[str], edge: Address) -> None:
        stream = await self.network.dial(edge)
        connection = HttpConnection(stream, str(edge), timeout=self.patience)
        try:
            for path in paths:
                size = await place(
                    connection, self.site, path, f"edge {edge}", cache_control=self.cache_control
                )
                self.trace("object_placed", path=path, edge=str(edge), bytes=size)
                self.tally.objects += 1
                self.tally.bytes += size
        finally:
            await connection.aclose()


async def place(
    connection: HttpConnection, site: Site, path: str, taker: str, *, cache_control: str
) -> int:
    """Place the object at `path` of `site` over `connection`; return its size in bytes.

    Raises:
        PushError: the path names nothing, or `taker`, who is at the other end, refused.
    """
    found = pushable(site, path)
    headers = describe(found, cache_control)
    body = found.read(0, found.size)
    async with connection.request(
        "PUT", path, headers=headers, body=body, length=found.size
    ) as response:
        if response.status not in (201, 204):
            raise PushError(f"{taker} answered {response.status} to {path}")
        await response.read(limit=1024)
    return found.size


def pushable(site: Site, path: str) -> Resource:
    """Return what `site` has at `path`. Raises `PushError` if that is nothing to push."""
    found = site.lookup(path)
    if found is None or isinstance(found, Moved):
        raise PushError(f"nothing to push at {path}")
    return found
