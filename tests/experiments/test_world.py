"""The map: distances, access links, and the load nearest-edge routing gives."""

from __future__ import annotations

import pytest

from experiments import world
from experiments.scenario import Clients, Content, Duration, Edges, Network, Rate, Scenario, Size


def scenario(clients: list[Clients], edges: int = 4) -> Scenario:
    """Return a scenario with an RTT of 80 ms."""
    return Scenario(
        name="test",
        model="p2p",
        content=Content(size=Size(1000)),
        clients=clients,
        edges=Edges(count=edges, up=Rate(40e6)),
        network=Network(rtt=Duration(0.08)),
    )


@pytest.mark.parametrize(
    ("a", "b", "rtt"),
    [
        ("client-1", "client-2", 0.08),
        ("client-1", "client-5", 0.04),
        ("client-1", "edge-1", 0.04),
        ("client-1", "edge-2", 0.08),
        ("edge-1", "edge-2", 0.08),
        ("server", "client-3", 0.08),
        ("server", "edge-4", 0.08),
        ("tracker", "client-4", 0.08),
    ],
)
def test_distances(a: str, b: str, rtt: float) -> None:
    """Half the RTT within a region, the whole RTT across regions and to the server."""
    topology = world.build(scenario([Clients(count=6)])).topology
    assert 2 * topology.delay(a, b) == pytest.approx(rtt)


def test_groups_keep_their_links() -> None:
    """Clients take the rates of their group, in order; edges go down as fast as up."""
    built = world.build(
        scenario([Clients(count=1, up=Rate(1e6)), Clients(count=2, up=Rate(2e6), down=Rate(9e6))])
    )
    assert [built.topology.access(client).up for client in built.clients] == [1e6, 2e6, 2e6]
    assert (built.clients_up, built.slowest_down) == (5e6, 9e6)
    assert built.topology.access("edge-1").down == 40e6


@pytest.mark.parametrize(
    ("clients", "edges", "loads"), [(1, 4, [1, 0, 0, 0]), (6, 4, [2, 2, 1, 1]), (5, 1, [5])]
)
def test_clients_are_spread_evenly(clients: int, edges: int, loads: list[int]) -> None:
    """Regions differ by at most one client, and every client is counted once."""
    built = world.build(scenario([Clients(count=clients)], edges))
    assert [load.clients for load in built.edge_loads()] == loads
