"""The hybrid in virtual time: against its bounds, with an edge that fails, and by policy."""

from __future__ import annotations

import pytest

from experiments import runner
from experiments.metrics import Metrics
from experiments.runner import Outcome
from experiments.scenario import (
    Clients,
    Content,
    Crash,
    Duration,
    Fault,
    Scenario,
    Size,
    WebSeed,
)

MIB = 2**20


def run(
    clients: int,
    web_seed: WebSeed = WebSeed(),  # noqa: B008 - immutable
    *,
    size: int = 8 * MIB,
    faults: list[Fault] | None = None,
) -> Outcome:
    """Run the hybrid on the default map."""
    return runner.run(
        Scenario(
            name="test",
            model="hybrid",
            horizon=Duration(600),
            content=Content(size=Size(size)),
            clients=[Clients(count=clients)],
            web_seed=web_seed,
            faults=faults or [],
        )
    )


def ratio(got: Metrics) -> float:
    """Return last over bound."""
    assert got.ratio is not None
    return got.ratio


@pytest.mark.parametrize(("clients", "most"), [(1, 1.2), (5, 1.3)])
def test_cold_edges_come_near_the_bound(clients: int, most: float) -> None:
    """16 MiB through empty edges."""
    got = run(clients, size=16 * MIB).metrics
    assert 1 <= ratio(got) <= most


@pytest.mark.parametrize(("clients", "most"), [(1, 1.15), (12, 1.3)])
def test_warm_edges_come_near_the_bound(clients: int, most: float) -> None:
    """Half of it, pushed to the edges before anyone asks."""
    got = run(clients, WebSeed(pushed=True)).metrics
    assert 1 <= ratio(got) <= most


def test_a_hybrid_spares_edges_and_origin() -> None:
    """Edges send less than to clients that do not swarm, the origin no more than to each edge."""
    outcome = run(12)
    assert outcome.failures == []
    assert outcome.metrics.offload is not None
    assert 0.3 <= outcome.metrics.offload <= 1
    assert outcome.metrics.edge_bytes < 0.7 * 12 * 8 * MIB
    assert outcome.metrics.server_bytes < 4.1 * 8 * MIB


def test_rarer_use_of_the_edge_trades_delay_for_offload() -> None:
    """From least delay to most offload: always, when-rare, when-idle."""
    policies = ("always", "when-rare", "when-idle")
    got = [run(10, WebSeed(policy=policy), size=4 * MIB).metrics for policy in policies]
    offloads = [each.offload or 0 for each in got]
    assert offloads == sorted(offloads)
    assert offloads[-1] > 0.7
    assert min(got, key=ratio) is got[0]


def test_clients_of_a_dead_edge_are_served_by_others() -> None:
    """Edge 1 crashes after half a second: its clients get from their neighbours what it had."""
    outcome = run(8, faults=[Crash(at=Duration(0.5), host="edge-1")])
    assert outcome.failures == []
    assert len(outcome.times) == 8


def test_the_same_seed_gives_the_same_run() -> None:
    """Byte for byte."""
    assert run(5, size=MIB).metrics.digest == run(5, size=MIB).metrics.digest
