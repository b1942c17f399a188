"""Delivery of a whole catalogue by a CDN: tiers of caches, a director, and clients in sessions.

It puts the pieces on the stage; how each works is its own business.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial

import trio

from cdn.director import Director
from cdn.health import Prober, Probing
from cdn.routing import find_router
from cdn.steering import Steering
from experiments import placing, tiers, workload
from experiments.catalogue import Library
from experiments.demand import Session
from experiments.models.model import register
from experiments.placing import Census, Placer
from experiments.scenario import Cdn
from experiments.stage import Stage
from experiments.tiers import Caches
from experiments.visitors import Visitors, pages
from experiments.world import World
from net.seam import Address

DIRECTOR = "director"
PROBED = "/probe"


@register
class CdnCatalogue:
    """Clients ask for objects of a catalogue; the director sends each request to an edge."""

    name = "cdn"
    rank = 5

    def bound(self, world: World, size: int) -> float:  # noqa: ARG002 - objects have their sizes
        """Return 0: requests come over time, and no one time bounds them all."""
        return 0.0

    async def deploy(self, stage: Stage) -> None:
        """Start the caches, fill them if asked to, start the director, then demand."""
        work = workload.build(stage.world.scenario)
        cdn = tiers.of(stage.world.scenario)
        library = Library(work.catalogue, {PROBED: cdn.health.bytes})
        caches = await tiers.deploy(stage, work.catalogue, library)
        placer, census = Placer(stage, work.catalogue, library, caches), Census()
        if cdn.placement != "none":
            await placer.place(placing.expected(stage, work.catalogue, work.shares))
        director = await _start_director(stage, caches, work.sessions, census)
        stage.start_demand()
        stage.note_bytes()
        visitors = Visitors(
            stage,
            library,
            director,
            work.sessions,
            rewrite=cdn.steering == "rewrite",
            patience=work.demand.patience,
        )
        visitors.come()
        if cdn.replacement is not None:
            await stage.serve(DIRECTOR, partial(placer.replace, census, cdn.replacement))
        if work.demand.warm_up:
            await trio.sleep(work.demand.warm_up)
            stage.note_bytes()


async def _start_director(
    stage: Stage, caches: Caches, sessions: Sequence[Session], census: Census
) -> Address:
    cdn, trace = tiers.of(stage.world.scenario), stage.trace(DIRECTOR)
    names = {stage.network(host).host: host for host in stage.world.topology.hosts}

    @cache
    def delay(client: str, edge: str) -> float:
        return stage.world.topology.delay(names[client], edge)

    steering = Steering(
        find_router(cdn.routing)(),
        caches.edges,
        caches.origin,
        delay=delay,
        rng=stage.rng(DIRECTOR, "routing"),
    )
    director = Director(
        steering, wall=stage.wall, pages=pages(sessions), trace=census.watching(trace)
    )
    port = 0

    async def run(*, task_status: trio.TaskStatus[Address]) -> None:
        nonlocal port
        listener = await stage.network(DIRECTOR).listen(port)
        port = listener.address.port
        await director.serve(listener, task_status=task_status)

    address: Address = await stage.serve(DIRECTOR, run)
    prober = Prober(
        stage.network(DIRECTOR), caches.edges, steering.mark, probing=_probing(cdn), trace=trace
    )
    await stage.serve(DIRECTOR, prober.run)
    return address


def _probing(cdn: Cdn) -> Probing:
    health = cdn.health
    return Probing(
        health.interval,
        health.timeout,
        health.down_after,
        health.up_after,
        deep=health.deep,
        path=PROBED,
    )
