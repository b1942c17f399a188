"""Delivery by a swarm: the server seeds, a tracker introduces, clients serve each other.

It places tracker and peers on hosts and knows none of their rules.
"""

from __future__ import annotations

import hashlib
from functools import partial

from experiments import bounds
from experiments.models.model import register
from experiments.stage import Stage
from experiments.world import SERVER, TRACKER, World
from net.seam import Address
from peer.node import Peer
from peer.store import ChunkPool, ChunkStore, MemoryStore
from peer.strategy import Strategies
from tracker.node import Tracker


@register
class P2p:
    """Everyone fetches chunks from everyone; the server is the seed."""

    name = "p2p"
    rank = 1

    def bound(self, world: World, size: int) -> float:
        """Return max{ F / u_s, F / d_min, N F / (u_s + sum u_i) }."""
        server_up = world.topology.access(SERVER).up
        return bounds.p2p(size, len(world.clients), server_up, world.slowest_down, world.clients_up)

    async def deploy(self, stage: Stage) -> None:
        """Start the tracker and the seed, then every client at once, with no chunk."""
        scenario, manifest, pool = stage.world.scenario, stage.content.manifest, ChunkPool()
        tracker = await start_tracker(stage)
        full = MemoryStore.full(manifest, stage.content.data, pool)
        seed = _peer(stage, SERVER, full, tracker, Strategies(seed_choker=scenario.server.choker))
        await stage.serve(SERVER, seed.run)
        stage.start_demand()
        for client, group in zip(stage.world.clients, scenario.client_groups, strict=True):
            store = MemoryStore(manifest, pool)
            strategies = Strategies(group.picker, group.choker, group.seed_choker)
            stage.fetch(client, partial(_fetch, stage, client, store, tracker, strategies))


async def start_tracker(stage: Stage) -> Address:
    """Run a tracker on its own host, whose links are no bottleneck; return where."""
    tracker = Tracker(
        rng=stage.rng(TRACKER, "tracker"), wall=stage.wall, trace=stage.trace(TRACKER)
    )
    listener = await stage.network(TRACKER).listen()
    address: Address = await stage.serve(TRACKER, partial(tracker.serve, listener))
    return address


def _peer(
    stage: Stage, host: str, store: ChunkStore, tracker: Address, strategies: Strategies
) -> Peer:
    return Peer(
        stage.network(host),
        store,
        tracker,
        rng=stage.rng(host, "peer"),
        trace=stage.trace(host),
        settings=stage.world.scenario.peers.settings(),
        strategies=strategies,
    )


async def _fetch(
    stage: Stage, client: str, store: ChunkStore, tracker: Address, strategies: Strategies
) -> str:
    """Join the swarm, wait for every chunk, and go on serving; return the copy's SHA-256."""
    peer = _peer(stage, client, store, tracker, strategies)
    await stage.serve(client, peer.run)
    await peer.completed.wait()
    digest = hashlib.sha256()
    for index in range(store.manifest.chunk_count):
        digest.update(store.read(index))
    return digest.hexdigest()
