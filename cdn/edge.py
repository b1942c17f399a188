"""An edge: a web cache on a host of its own, before one origin.

It refuses to know who routes clients here and why an object was placed before anyone asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import trio

from cdn.cache import Admits, Cache, Shelf
from cdn.caching_server import CachingServer
from cdn.eviction import Eviction, Lru
from cdn.placement import Placement
from cdn.serving import serve_http
from cdn.upstream import OneOrigin
from cdn.web_cache import WebCache
from net.seam import Address, Listener, Network
from net.trace import Trace, silent
from wire.http.limits import Limits

_PLACERS = 8


class Edge(CachingServer):
    """A shared cache of at most `capacity` bytes before one origin.

    `name` is what Via and Cache-Status call it, by default its host.
    `siblings` are edges that are asked before the origin for what they have; `placers` are hosts
    that may place objects here, besides the origin's and this one. With `whole`, a
    range that is not stored makes the edge fetch the whole object, with `slice_size` its slices of
    so many bytes, else the range alone. `timeout` is the seconds of
    silence after which the origin counts as out of reach.
    """

    def __init__(
        self,
        network: Network,
        origin: Address,
        *,
        name: str | None = None,
        capacity: int,
        wall: Callable[[], float],
        trace: Trace = silent,
        eviction: Eviction[str] | None = None,
        admits: Admits | None = None,
        shelf: Shelf | None = None,
        siblings: Sequence[Address] = (),
        placers: Sequence[str] = (),
        whole: bool = False,
        slice_size: int | None = None,
        connections: int = 32,
        timeout: float = 60.0,
        limits: Limits = Limits(),  # noqa: B008 - immutable
    ) -> None:
        cache = Cache(eviction if eviction is not None else Lru(capacity), admits, shelf)
        upstream = OneOrigin(
            network,
            origin,
            siblings=siblings,
            connections=connections,
            timeout=timeout,
            trace=trace,
        )
        web_cache = WebCache(
            name or network.host,
            upstream,
            cache,
            wall=wall,
            trace=trace,
            limits=limits,
            whole=whole,
            slice_size=slice_size,
        )
        super().__init__(web_cache, wall=wall, trace=trace, limits=limits)
        self._placers = frozenset({origin.host, network.host, *placers})

    async def serve_placement(
        self,
        listener: Listener,
        *,
        task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Take objects placed by the origin's host, this host or loopback, until cancelled."""
        await serve_http(
            listener,
            Placement(self.cache, self.web_cache.place, self._placers, self._wall).answer,
            wall=self._wall,
            trace=self._trace,
            limits=replace(self._limits, body=self.cache.capacity),
            connections=_PLACERS,
            task_status=task_status,
        )
