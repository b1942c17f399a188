"""Delivery by a swarm: the server seeds, a tracker introduces, clients serve each other.

It places tracker and peers on hosts and knows none of their rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial

import trio

from experiments import bounds
from experiments.models.model import register
from experiments.stage import Stage
from experiments.world import SERVER, World
from net.seam import Address
from net.trace import Trace
from peer.node import Peer
from peer.store import ChunkPool, ChunkStore, MemoryStore
from peer.strategy import Strategies
from peer.web_plan import WebSettings
from tracker.introduction import Introduction, anyone
from tracker.node import Tracker

LOOK_ROUND = 0.25  # seconds between looks whether the seed may leave


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
        """Start the trackers and the seed, then every client at once, with no chunk."""
        scenario, manifest, pool = stage.world.scenario, stage.content.manifest, ChunkPool()
        trackers = [await start_tracker(stage, host) for host in scenario.tracker_names]
        full = MemoryStore.full(manifest, stage.content.data, pool)
        seed = _peer(stage, SERVER, full, trackers, Strategies(seed_choker=scenario.server.choker))
        stores = [MemoryStore(manifest, pool) for _ in stage.world.clients]
        copies = scenario.server.leaves_after
        if copies is None:
            await stage.serve(SERVER, seed.run)
        else:
            trace = stage.trace(SERVER)
            await stage.serve(SERVER, partial(_seed_until_spread, seed, stores, copies, trace))
        stage.start_demand()
        clients = zip(stage.world.clients, scenario.client_groups, stores, strict=True)
        for client, group, store in clients:
            strategies = Strategies(group.picker, group.choker, group.seed_choker)
            stage.fetch(client, partial(join_swarm, stage, client, store, trackers, strategies))


async def start_tracker(stage: Stage, host: str, *, introduce: Introduction = anyone) -> Address:
    """Run a tracker on `host`, whose links are no bottleneck; return where.

    Started again, it listens where it did, and knows nobody.
    """
    port = 0

    async def run(*, task_status: trio.TaskStatus[Address]) -> None:
        nonlocal port
        tracker = Tracker(
            rng=stage.rng(host, "tracker"), wall=stage.wall, trace=stage.trace(host),
            introduce=introduce,
        )  # fmt: skip
        listener = await stage.network(host).listen(port)
        port = listener.address.port
        await tracker.serve(listener, task_status=task_status)

    address: Address = await stage.serve(host, run)
    return address


def _peer(
    stage: Stage,
    host: str,
    store: ChunkStore,
    trackers: Sequence[Address],
    strategies: Strategies,
    *,
    web: WebSettings | None = None,
) -> Peer:
    return Peer(
        stage.network(host),
        store,
        *trackers,
        rng=stage.rng(host, "peer"),
        trace=stage.trace(host),
        settings=stage.world.scenario.peers.settings(),
        strategies=strategies,
        web=web,
    )


async def _seed_until_spread(
    peer: Peer,
    stores: Sequence[ChunkStore],
    copies: int,
    trace: Trace,
    *,
    task_status: trio.TaskStatus[Address],
) -> None:
    """Seed until each chunk is in so many stores, then leave with a goodbye."""
    async with trio.open_nursery() as nursery:
        task_status.started(await nursery.start(peer.run))
        while not _spread(stores, copies):  # noqa: ASYNC110 - stores tell nobody
            await trio.sleep(LOOK_ROUND)
        trace("seed_left", uploaded=peer.uploaded)
        nursery.cancel_scope.cancel()


def _spread(stores: Sequence[ChunkStore], copies: int) -> bool:
    """Whether each chunk is in at least so many of `stores`."""
    at_least = [0] * copies  # masks of the chunks seen once, twice, ...
    for store in stores:
        for level in range(copies - 1, 0, -1):
            at_least[level] |= at_least[level - 1] & store.have
        at_least[0] |= store.have
    return at_least[-1].bit_count() == stores[0].manifest.chunk_count


async def join_swarm(
    stage: Stage,
    client: str,
    store: ChunkStore,
    trackers: Sequence[Address],
    strategies: Strategies,
    *,
    web: WebSettings | None = None,
) -> str:
    """Join the swarm, wait for every chunk, and go on serving; return the copy's SHA-256."""
    peer = _peer(stage, client, store, trackers, strategies, web=web)
    await stage.serve(client, peer.run)
    await peer.completed.wait()
    digest = hashlib.sha256()
    for index in range(store.manifest.chunk_count):
        digest.update(store.read(index))
    return digest.hexdigest()
