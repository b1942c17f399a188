"""Delivery by a swarm with a CDN behind it: clients serve each other, edges are their web seeds.

It places cdn's, tracker's and peer's nodes on hosts and knows none of their rules.
"""

from __future__ import annotations

from functools import partial

from experiments import bounds
from experiments.models.http import chunks_path, place_on, start_edge, start_origin
from experiments.models.model import register
from experiments.models.p2p import join_swarm, start_tracker
from experiments.stage import Stage
from experiments.world import SERVER, World
from net.seam import Address
from peer.store import ChunkPool, MemoryStore
from peer.strategy import Strategies
from peer.web_plan import WebAddress


@register
class Hybrid:
    """Clients swarm, and take from their nearest edge what the swarm does not bring."""

    name = "hybrid"
    rank = 4

    def bound(self, world: World, size: int) -> float:
        """Return max{ F / d_min, F / R, N F / (R + sum u_i) }, R being what edges can send.

        Cold, that is less for the origin's sake, and F / u_o comes in.
        """
        loads = world.edge_loads()
        if world.scenario.web_seed.pushed:
            edges_up = sum(edge.up for edge in loads if edge.clients)
            clients = len(world.clients)
            return bounds.hybrid_warm(size, clients, edges_up, world.clients_up, world.slowest_down)
        origin_up = world.topology.access(SERVER).up
        return bounds.hybrid_cold(size, loads, world.clients_up, world.slowest_down, origin_up)

    async def deploy(self, stage: Stage) -> None:
        """Start origin, edges and trackers, then every client at once, with no chunk."""
        world, manifest, pool = stage.world, stage.content.manifest, ChunkPool()
        origin = await start_origin(stage, with_chunks=True)
        edges = {name: await start_edge(stage, name, origin) for name in world.edges}
        if world.scenario.web_seed.pushed:
            await place_on(stage, {name: edge for name, (edge, _) in edges.items()})
        trackers = [await start_tracker(stage, host) for host in world.scenario.tracker_names]
        stage.start_demand()
        for client, group in zip(world.clients, world.scenario.client_groups, strict=True):
            _, address = edges[nearest(world, client)]
            web = world.scenario.web_seed.settings(_content_at(address, stage))
            strategies = Strategies(group.picker, group.choker, group.seed_choker)
            store = MemoryStore(manifest, pool)
            stage.fetch(
                client, partial(join_swarm, stage, client, store, trackers, strategies, web=web)
            )


def nearest(world: World, client: str) -> str:
    """Return the edge with the least delay to `client`, the first of equals."""
    return min(world.edges, key=lambda edge: world.topology.delay(client, edge))


def _content_at(edge: Address, stage: Stage) -> WebAddress:
    """Return the whole file where it was pushed; else its chunks, for edges pull whole objects."""
    pushed = stage.world.scenario.web_seed.pushed
    path = stage.content.path if pushed else chunks_path(stage.content)
    return WebAddress(edge, path, in_chunks=not pushed)
