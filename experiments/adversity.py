"""Lets a scenario's faults strike a stage when they are due.

It knows times and who is struck; how a host fails is the stage's and the fabric's business, and
no node is ever told.
"""

from __future__ import annotations

import random

import trio

from experiments.faults import (
    Crash,
    Crashes,
    Fault,
    Freeze,
    Leave,
    Outage,
    Partition,
    SlowLink,
    TrackerOutage,
)
from experiments.quantities import Duration
from experiments.stage import Stage


async def carry_out(stage: Stage) -> None:
    """Wait for the start of demand, then apply every fault of the scenario in its time."""
    await stage.demand_started.wait()
    async with trio.open_nursery() as nursery:
        for fault in _each(stage):
            nursery.start_soon(_strike, stage, fault)


def _each(stage: Stage) -> list[Fault]:
    """Return the scenario's faults, with `Crashes` written out."""
    scenario = stage.world.scenario
    faults: list[Fault] = []
    for index, fault in enumerate(scenario.faults):
        if isinstance(fault, Crashes):
            rng = random.Random(f"{scenario.seed}/faults/{index}")
            count = round(fault.share * len(stage.world.clients))
            for host in rng.sample(stage.world.clients, count):
                at = Duration(rng.uniform(fault.at, fault.at + fault.lasts))
                faults.append(Crash(at=at, host=host))
        else:
            faults.append(fault)
    return faults


async def _strike(stage: Stage, fault: Fault) -> None:
    await trio.sleep(fault.at)
    match fault:
        case Crash(host=host):
            stage.crash(host)
        case Leave(host=host):
            stage.leave(host)
        case SlowLink(host=host, up=up, down=down):
            stage.set_access(host, up=up, down=down)
        case TrackerOutage(host=host, lasts=lasts) | Outage(host=host, lasts=lasts):
            stage.stop(host)
            await trio.sleep(lasts)
            await stage.start_again(host)
        case Partition(hosts=hosts, lasts=lasts):
            await _apart(stage, hosts, lasts)
        case Freeze(host=host, lasts=lasts):
            stage.trace(host)("host_froze")
            await _apart(stage, [host], lasts)
            stage.trace(host)("host_thawed")


async def _apart(stage: Stage, hosts: list[str], lasts: float | None) -> None:
    stage.partition(hosts)
    if lasts is not None:
        await trio.sleep(lasts)
        stage.heal(hosts)
