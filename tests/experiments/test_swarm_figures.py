"""Figures of swarms: all of them, the same for the same run, and no run that breaks them."""

from __future__ import annotations

import pytest

from experiments import history, log, runner, swarm_figures, world
from experiments.scenario import (
    Clients,
    Content,
    Crash,
    Duration,
    Fault,
    Poisson,
    Scenario,
    Size,
)

NAMES = {"mesh", "mesh-over-time", "progress", "availability", "sharing"}


def draw(clients: Clients, *, faults: list[Fault], at: float | None = None) -> dict[str, bytes]:
    """Run a small swarm and draw it."""
    outcome = runner.run(
        Scenario(
            name="drawn",
            model="p2p",
            horizon=Duration(600),
            content=Content(size=Size(2**20)),
            clients=[clients],
            faults=faults,
        )
    )
    topology = world.build(outcome.scenario).topology
    return swarm_figures.draw(
        history.fold(log.read(outcome.events), server="server", chunk_count=16),
        caption="x",
        accesses={host: topology.access(host) for host in topology.hosts},
        seed=1,
        at=at,
    )


@pytest.mark.parametrize(
    ("clients", "at"),
    [
        (Clients(count=1), 0.0),
        (Clients(count=6, access={"dsl": 0.5, "fibre": 0.5}), None),
        (Clients(count=4, arrival=Poisson(mean_gap=Duration(2))), 10_000.0),
    ],
)
def test_every_swarm_can_be_drawn(clients: Clients, at: float | None) -> None:
    """One client, a crash, staggered arrivals; before the beginning and after the end."""
    crash = Crash(at=Duration(0.5), host="client-2")
    drawn = draw(clients, faults=[crash] if clients.count > 1 else [], at=at)
    assert set(drawn) == {f"{name}.{form}" for name in NAMES for form in ("png", "svg")}
    assert all(data.startswith(b"\x89PNG") for name, data in drawn.items() if name.endswith(".png"))


def test_equal_runs_give_equal_figures() -> None:
    """No date, no random ids, no layout by chance."""
    first, second = (draw(Clients(count=5), faults=[]) for _ in range(2))
    assert first == second
