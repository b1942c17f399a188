"""Delivery over HTTP: from one server, or from the edges of a CDN, warm or cold.

It places cdn's nodes on hosts and knows none of their rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.parse import unquote

import trio

from cdn.client import DownloadError, download
from cdn.edge import Edge
from cdn.origin import Origin
from cdn.push import push
from cdn.routing import Nearest
from cdn.sink import HashSink
from cdn.site import MemoryResource, MemorySite
from cdn.steering import Steering
from experiments import bounds
from experiments.content import Content
from experiments.models.model import register
from experiments.stage import NotDeliveredError, Stage
from experiments.world import SERVER, World
from net.seam import Address


@register
class ClientServer:
    """Everyone downloads from the one server."""

    name = "client-server"
    rank = 0

    def bound(self, world: World, size: int) -> float:
        """Return max{ N F / u_s, F / d_min }."""
        server_up = world.topology.access(SERVER).up
        return bounds.client_server(size, len(world.clients), server_up, world.slowest_down)

    async def deploy(self, stage: Stage) -> None:
        """Start the server, then every client at once."""
        server = await start_origin(stage)
        stage.start_demand()
        for client in stage.world.clients:
            stage.fetch(client, partial(fetch, stage, client, server))


@register
class CdnPull:
    """Everyone downloads from the nearest edge; each edge fetches on its first miss."""

    name = "cdn-pull"
    rank = 2

    def bound(self, world: World, size: int) -> float:
        """Return the cold bound: max{ K' F / u_o, F / d_e, n_e F / u_e, F / d_min }."""
        origin_up = world.topology.access(SERVER).up
        return bounds.cdn_cold(size, world.edge_loads(), world.slowest_down, origin_up)

    async def deploy(self, stage: Stage) -> None:
        """Start the origin and empty edges, then every client at once."""
        origin = await start_origin(stage)
        edges = {name: await start_edge(stage, name, origin) for name in stage.world.edges}
        demand_from_edges(stage, {name: address for name, (_, address) in edges.items()}, origin)


@register
class CdnPush:
    """Everyone downloads from the nearest edge; the origin has filled all edges before."""

    name = "cdn-push"
    rank = 3

    def bound(self, world: World, size: int) -> float:
        """Return the warm bound: max{ n_e F / u_e, F / d_min }."""
        return bounds.cdn_warm(size, world.edge_loads(), world.slowest_down)

    async def deploy(self, stage: Stage) -> None:
        """Start the origin and edges, place the file on all edges, then start the clients."""
        origin = await start_origin(stage)
        edges = {name: await start_edge(stage, name, origin) for name in stage.world.edges}
        await place_on(stage, {name: edge for name, (edge, _) in edges.items()})
        demand_from_edges(stage, {name: address for name, (_, address) in edges.items()}, origin)


def site(stage: Stage) -> MemorySite:
    """Return the site that offers the content."""
    name, data = stage.content.manifest.name, stage.content.data
    return MemorySite({f"/{name}": MemoryResource.of(name, data)})


def site_in_chunks(stage: Stage) -> MemorySite:
    """Return the site that offers the content, and each of its chunks as an object of its own."""
    manifest, data = stage.content.manifest, memoryview(stage.content.data)
    chunks = {}
    for index in range(manifest.chunk_count):
        start = index * manifest.chunk_size
        chunk = data[start : start + manifest.length(index)]
        etag = f'"{manifest.hashes[index].hex()[:32]}"'
        chunks[unquote(f"{chunks_path(stage.content)}/{index}")] = MemoryResource(chunk, etag)
    return MemorySite({**site(stage).resources, **chunks})


def chunks_path(content: Content) -> str:
    """Return the path below which the chunks are objects of their own."""
    return f"{content.path}.chunks"


async def start_origin(stage: Stage, *, with_chunks: bool = False) -> Address:
    """Serve the content on the server; return where."""
    offered = site_in_chunks(stage) if with_chunks else site(stage)
    origin = Origin(offered, wall=stage.wall, trace=stage.trace(SERVER))
    listener = await stage.network(SERVER).listen()
    address: Address = await stage.serve(SERVER, partial(origin.serve, listener))
    return address


async def start_edge(stage: Stage, name: str, origin: Address) -> tuple[Edge, Address]:
    """Start an empty edge on host `name`; return it, and where it serves."""
    edge = Edge(
        stage.network(name),
        origin,
        capacity=2 * stage.content.size,
        wall=stage.wall,
        trace=stage.trace(name),
    )
    listener = await stage.network(name).listen()
    address: Address = await stage.serve(name, partial(edge.serve, listener))
    return edge, address


async def place_on(stage: Stage, edges: Mapping[str, Edge]) -> None:
    """Have the origin place the content on the edges, all at once."""
    doors = []
    for name, edge in edges.items():
        listener = await stage.network(name).listen()
        doors.append(await stage.serve(name, partial(edge.serve_placement, listener)))
    await push(
        stage.network(SERVER),
        site(stage),
        [stage.content.path],
        doors,
        trace=stage.trace(SERVER),
    )


def demand_from_edges(stage: Stage, edges: Mapping[str, Address], origin: Address) -> None:
    """Start every client at once, each at its nearest edge."""
    delay, rng = stage.world.topology.delay, stage.rng(SERVER, "routing")
    steering = Steering(Nearest(), edges, origin, delay=delay, rng=rng)
    stage.start_demand()
    for client in stage.world.clients:
        _, server = steering.choose(client, stage.content.path, trio.current_time())
        stage.fetch(client, partial(fetch, stage, client, server))


async def fetch(stage: Stage, client: str, server: Address) -> str:
    """Download the content to `client`; return the copy's SHA-256."""
    try:
        done = await download(
            stage.network(client),
            f"http://{server}{stage.content.path}",
            sink=HashSink(),
            trace=stage.trace(client),
        )
    except DownloadError as error:
        raise NotDeliveredError(str(error)) from error
    return done.sha256
