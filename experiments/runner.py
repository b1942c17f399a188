"""Runs one scenario on one network and hands back what happened, as values.

It opens the internet, lets a model deploy, waits, and judges; it writes no files.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import trio
from msgspec.structs import replace

from cdn.player.abr import AbrError
from experiments import (
    adversity,
    cdn_metrics,
    changing_links,
    fluid,
    swarm_metrics,
    video_metrics,
    viewer_metrics,
    workload,
)
from experiments import content as contents
from experiments import world as worlds
from experiments.cdn_metrics import CdnMetrics
from experiments.content import Content
from experiments.log import Event, EventLog
from experiments.metrics import Metrics, completions, failures, summarise, waits
from experiments.models import models
from experiments.offload import offload
from experiments.scenario import Scenario
from experiments.stage import Internet, Stage
from experiments.swarm_metrics import SwarmMetrics
from experiments.video_metrics import VideoMetrics, Viewer
from experiments.viewer_metrics import ViewerMetrics
from experiments.world import SERVER, World
from net.calibration import Calibration
from net.clock import VirtualClock
from net.simulation import simulate
from net.virtual import VirtualInternet
from peer.decision import StrategyError

NetworkName = Literal["virtual", "loopback"]

VIRTUAL_EPOCH = 1_700_000_000.0
"""POSIX seconds at the start of every virtual run: HTTP dates must not depend on today."""


@dataclass(frozen=True)
class Outcome:
    """One finished run: its scenario, the file's size, numbers, times (s), event log (gzip).

    `calibration` says whether the links did what they were asked; `swarm` is None where no
    chunks were exchanged, `cdn` where no catalogue was delivered, `video` and `viewers` where
    nobody watched.
    """

    scenario: Scenario
    size: int
    metrics: Metrics
    swarm: SwarmMetrics | None
    times: list[float]
    failures: list[str]
    calibration: Calibration
    events: bytes
    cdn: CdnMetrics | None = None
    video: VideoMetrics | None = None
    viewers: ViewerMetrics | None = None

    @property
    def name(self) -> str:
        """What tells this run from others of one experiment: model and number of clients."""
        return f"{self.metrics.model}-{self.metrics.clients:04d}"


def run(scenario: Scenario, network: NetworkName = "virtual") -> Outcome:
    """Run `scenario`; on the virtual network its event log depends on nothing else.

    Raises:
        OSError: the content cannot be read, or the machine lacks what loopback needs.
        StrategyError: a peer's strategy failed, or decided what it may not.
        AbrError: a player's rule did.
    """
    started = time.perf_counter()
    content, world = contents.load(scenario), worlds.build(scenario)
    perform = _on_virtual if network == "virtual" else _on_loopback
    try:
        log, calibration = perform(world, content)
    except BaseExceptionGroup as errors:
        raise _first_foreign_error(errors) or errors from None
    events = list(log)
    viewers = viewer_metrics.fold(events, world.region) if scenario.video is not None else None
    metrics = summarise(
        events,
        model=scenario.model,
        clients=scenario.client_count,
        seed=scenario.seed,
        bound=_bound(world, content.size),
        valid=calibration.valid,
        digest=log.digest(),
        wall=time.perf_counter() - started,
        offload=offload(events) if viewers is None else viewers.offload,
    )
    return Outcome(
        scenario,
        content.size,
        metrics,
        _as_swarm(events, world, content.size),
        completions(events),
        failures(events),
        calibration,
        log.compressed(),
        _as_cdn(events, world),
        _as_video(events, world),
        viewers,
    )


def _first_foreign_error(
    errors: BaseExceptionGroup[BaseException],
) -> StrategyError | AbrError | None:
    """Return the first error of a class that is not ours."""
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found = _first_foreign_error(error)
        else:
            found = error if isinstance(error, StrategyError | AbrError) else None
        if found is not None:
            return found
    return None


def _bound(world: World, size: int) -> float:
    """Return the model's bound, or one client's alone where clients do not come at once."""
    if world.scenario.staggered:
        return world.bound_of_one(size)
    return models()[world.scenario.model].bound(world, size)


def _as_swarm(events: list[Event], world: World, size: int) -> SwarmMetrics | None:
    if world.scenario.video is not None:
        return None  # a swarm that delivers no file
    hosts = (SERVER, *world.edges, *world.clients)
    uplinks = {host: world.topology.access(host).up for host in hosts}
    metrics = swarm_metrics.fold(events, size=size, server=SERVER, uplinks=uplinks)
    steady = fluid.steady_state(world.scenario, size)
    if metrics is None or steady is None:
        return metrics
    return replace(
        metrics,
        fluid_s=steady.download_time,
        steady_mean_s=fluid.measured(waits(events), world.clients),
    )


def _as_cdn(events: list[Event], world: World) -> CdnMetrics | None:
    scenario = world.scenario
    if scenario.cdn is None or scenario.demand is None:
        return None
    return cdn_metrics.fold(
        events,
        sizes=workload.build(scenario).catalogue.sizes,
        clients=world.clients,
        edges=world.edges,
        warm_up=scenario.demand.warm_up,
        price=scenario.cdn.price,
    )


def _as_video(events: list[Event], world: World) -> VideoMetrics | None:
    scenario = world.scenario
    if scenario.video is None:
        return None
    names, viewers = iter(scenario.client_names), list[Viewer]()
    for number, group in enumerate(scenario.clients, start=1):
        abr = group.abr or scenario.video.abr
        viewers += [Viewer(name, abr, number) for name in islice(names, group.count)]
    return video_metrics.fold(events, viewers)


def _on_virtual(world: World, content: Content) -> tuple[EventLog, Calibration]:
    scenario = world.scenario

    async def main(clock: VirtualClock) -> tuple[EventLog, Calibration]:
        internet = VirtualInternet(
            world.topology, clock=clock, seed=scenario.seed, segment=int(scenario.network.segment)
        )
        log = EventLog(trio.current_time)
        await _perform(world, content, internet, log, lambda: VIRTUAL_EPOCH + trio.current_time())
        return log, internet.calibration()

    return simulate(main, seed=scenario.seed, horizon=2 * scenario.horizon)


def _on_loopback(world: World, content: Content) -> tuple[EventLog, Calibration]:
    scenario = world.scenario

    from net.loopback import LoopbackInternet

    async def main() -> tuple[EventLog, Calibration]:
        async with LoopbackInternet(
            world.topology, seed=scenario.seed, segment=int(scenario.network.segment)
        ) as internet:
            start = trio.current_time()
            log = EventLog(lambda: trio.current_time() - start)
            await _perform(world, content, internet, log, time.time)
            return log, internet.calibration()

    return trio.run(main)


async def _perform(
    world: World,
    content: Content,
    internet: Internet,
    log: EventLog,
    wall: Callable[[], float],
) -> None:
    """Let the model deploy and wait until everyone is served, or the horizon is reached."""
    async with trio.open_nursery() as nursery:
        stage = Stage(world, content, internet, log, wall=wall, nursery=nursery)
        nursery.start_soon(adversity.carry_out, stage)
        nursery.start_soon(changing_links.follow, stage)
        with trio.move_on_after(world.scenario.horizon):
            await models()[world.scenario.model].deploy(stage)
            await stage.everyone_served()
        stage.close()
        nursery.cancel_scope.cancel()
