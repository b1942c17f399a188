"""Lets access links change during a run as link traces say.

It knows who has which trace and when time is up; what a link is, is the fabric's business.
"""

from __future__ import annotations

import trio

from experiments.capacity import LinkTrace, find
from experiments.scenario import ChangingLink, Scenario
from experiments.stage import Stage


async def follow(stage: Stage) -> None:
    """From the start of demand, change every link of the scenario that has a trace."""
    await stage.demand_started.wait()
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for link in every(stage.world.scenario):
            nursery.start_soon(_change, stage, link, find(link.trace), began)


def every(scenario: Scenario) -> list[ChangingLink]:
    """Return each link that changes: those of groups of clients first."""
    clients = zip(scenario.client_names, scenario.client_groups, strict=True)
    grouped = [
        ChangingLink(host=client, trace=group.trace)
        for client, group in clients
        if group.trace is not None
    ]
    return [*grouped, *scenario.links]


async def _change(stage: Stage, link: ChangingLink, trace: LinkTrace, began: float) -> None:
    for time, rate in trace.changes():
        await trio.sleep_until(began + time)
        stage.set_access(
            link.host,
            down=rate if link.direction != "up" else None,
            up=rate if link.direction != "down" else None,
        )
