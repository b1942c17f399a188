"""Spreading objects over edges along a tree: each edge passes on what it was given.

It refuses to know which objects deserve it, and who is whose child.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import trio

from cdn.client import download
from cdn.push import place, pushable
from cdn.sink import MemorySink
from cdn.site import MemoryResource, MemorySite, Site
from net.seam import Address, Network
from net.trace import Trace, silent
from wire.http.client import HttpConnection
from wire.http.headers import Headers

_LARGEST = 256 * 2**20
_ONLY_IF_CACHED = Headers({"cache-control": "only-if-cached"})
ROOT = None
"""The name of the origin in a tree."""
Tree = Mapping[str | None, Sequence[str]]
"""The children of the origin and of each edge that has any."""


@dataclass(frozen=True, slots=True)
class Station:
    """One edge to spread over: its host, where it serves, and where objects are placed in it."""

    network: Network
    server: Address
    door: Address
    trace: Trace = silent


def k_ary(edges: Sequence[str], arity: int) -> Tree:
    """Return the tree in which the origin and every edge have `arity` children, level by level."""
    if arity < 1:
        raise ValueError(f"a tree needs an arity of at least 1, not {arity}")
    parents = (ROOT, *edges)
    return {
        parents[number]: edges[number * arity : (number + 1) * arity]
        for number in range(math.ceil(len(edges) / arity))
    }


async def spread(
    network: Network,
    site: Site,
    wanted: Mapping[str, Sequence[str]],
    stations: Mapping[str, Station],
    tree: Tree,
    *,
    cache_control: str = "max-age=3600",
    spare: bool = False,
    trace: Trace = silent,
) -> None:
    """Place in each edge the paths it is `wanted` to have, along `tree`; return when all do.

    An object goes on from an edge as soon as it has it. What an edge wants and its parent does
    not, comes straight from the origin, on `network`. With `spare` an edge is asked first, and
    given only what it does not have already.

    Raises:
        PushError: an edge refused, or there is nothing at a path.
        DownloadError: an edge does not have what it was given.
        OSError: an edge cannot be reached. (Several failures come as an exception group.)
    """
    work = _Work(network, site, stations, cache_control, spare, trace)
    parents = {child: parent for parent, children in tree.items() for child in children}
    queues = {edge: trio.open_memory_channel[str](math.inf) for edge in wanted}

    def onward(edge: str) -> list[_Branch]:
        children = [child for child in tree.get(edge, ()) if child in wanted]
        return [_Branch(queues[child][0].clone(), frozenset(wanted[child])) for child in children]

    async with trio.open_nursery() as nursery:
        for edge, paths in wanted.items():
            parent = parents.get(edge, ROOT)
            held = frozenset(wanted.get(parent, ())) if parent is not ROOT else frozenset[str]()
            direct = [path for path in paths if path not in held]
            nursery.start_soon(work.give_all, edge, direct, onward(edge))
            if parent is not ROOT:
                nursery.start_soon(work.pass_on, parent, edge, queues[edge][1], onward(edge))
        for send, _ in queues.values():
            send.close()


@dataclass(frozen=True, slots=True)
class _Branch:
    """What a child is told of: the paths its parent has got and it wants too."""

    queue: trio.MemorySendChannel[str]
    wants: frozenset[str]


@dataclass(frozen=True)
class _Work:
    network: Network
    site: Site
    stations: Mapping[str, Station]
    cache_control: str
    spare: bool
    trace: Trace

    async def give_all(self, taker: str, paths: Sequence[str], branches: list[_Branch]) -> None:
        """Place `paths` from the origin in `taker`."""
        try:
            async with aclosing(await _dial(self.network, self.stations[taker].door)) as door:
                for path in paths:
                    if not await self._has(self.network, taker, path):
                        await self._put(door, self.site, path, taker, self.trace)
                    _tell(branches, path)
        finally:
            _close(branches)

    async def pass_on(
        self,
        giver: str,
        taker: str,
        queue: trio.MemoryReceiveChannel[str],
        branches: list[_Branch],
    ) -> None:
        """Place in `taker` what `giver` has got, as it comes."""
        station = self.stations[giver]
        try:
            async with aclosing(await _dial(station.network, self.stations[taker].door)) as door:
                async for path in queue:
                    if not await self._has(station.network, taker, path):
                        site = await _held(station, path, self.site)
                        await self._put(door, site, path, taker, station.trace)
                    _tell(branches, path)
        finally:
            _close(branches)

    async def _has(self, network: Network, taker: str, path: str) -> bool:
        """Ask `taker`, if it is to be spared, whether it has a fresh copy."""
        if not self.spare:
            return False
        async with (
            aclosing(await _dial(network, self.stations[taker].server)) as connection,
            connection.request("HEAD", path, headers=_ONLY_IF_CACHED) as response,
        ):
            return response.status == 200

    async def _put(
        self, door: HttpConnection, site: Site, path: str, taker: str, trace: Trace
    ) -> None:
        size = await place(door, site, path, taker, cache_control=self.cache_control)
        trace("object_placed", path=path, edge=taker, bytes=size)


async def _dial(network: Network, address: Address) -> HttpConnection:
    return HttpConnection(await network.dial(address), str(address))


async def _held(station: Station, path: str, described: Site) -> Site:
    """Return what the edge itself has at `path`, with the type and lifetime of the original."""
    sink = MemorySink(_LARGEST)
    await download(station.network, f"http://{station.server}{path}", sink=sink, retries=0)
    found = pushable(described, path)
    copy = MemoryResource(
        bytes(sink.content),
        sink.validator or '""',
        media_type=found.media_type,
        cache_control=found.cache_control,
    )
    return MemorySite({path: copy})


def _tell(branches: list[_Branch], path: str) -> None:
    for branch in branches:
        if path in branch.wants:
            branch.queue.send_nowait(path)


def _close(branches: list[_Branch]) -> None:
    for branch in branches:
        branch.queue.close()
