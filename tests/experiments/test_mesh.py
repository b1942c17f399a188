"""The mesh: who is joined to whom in a history, and what the graph is worth."""

from __future__ import annotations

import networkx as nx
import pytest

from experiments import history, mesh
from experiments.history import History
from experiments.log import Event


def met(time: float, host: str, neighbour: str, event: str = "neighbour_connected") -> Event:
    """Return the event of `host` meeting (or losing) `neighbour`."""
    return Event(time, host, event, {"neighbour": neighbour})


def lived(*events: Event) -> History:
    """Return the history of `events` among a server and three clients, from second 1 on."""
    arrivals = [Event(1.0, f"client-{i}", "client_arrived", {}) for i in (1, 2, 3)]
    start = Event(1.0, "experiment", "demand_started", {})
    return history.fold([start, *arrivals, *events], server="server", chunk_count=4)


def edges(past: History, time: float) -> set[frozenset[str]]:
    """Return who is joined at `time`."""
    (graph,) = mesh.meshes(past, [time])
    return {frozenset(edge) for edge in graph.edges}


def test_two_are_joined_while_both_say_so() -> None:
    """From the later of two handshakes to the first farewell."""
    past = lived(
        met(2.0, "client-1", "client-2"),
        met(2.5, "client-2", "client-1"),
        met(4.0, "client-2", "client-1", "neighbour_lost"),
    )
    joined = {frozenset({"client-1", "client-2"})}
    assert [edges(past, time) for time in (1.2, 1.6, 2.9, 3.1)] == [set(), joined, joined, set()]


def test_who_is_gone_is_no_part_of_the_mesh() -> None:
    """A crash says no farewell."""
    past = lived(
        met(2.0, "client-1", "server"),
        met(2.0, "server", "client-1"),
        Event(3.0, "client-1", "host_crashed", {}),
    )
    before, after = mesh.meshes(past, [1.5, 2.5])
    assert ("client-1" in before, before.number_of_edges()) == (True, 1)
    assert ("client-1" in after, after.number_of_edges()) == (False, 0)


def test_a_ring_is_measured() -> None:
    """Six hosts in a ring: degree 2, three hops across, no triangles."""
    ring: nx.Graph[str] = nx.Graph((f"h{i}", f"h{(i + 1) % 6}") for i in range(6))
    got = mesh.measure(ring)
    assert (got.degree_min, got.degree_mean, got.degree_max) == (2, 2.0, 2)
    assert (got.diameter, got.clustering, got.components) == (3, 0.0, 1)
    assert got.random_clustering == pytest.approx(0.4)


def test_a_star_falls_apart_without_its_hub() -> None:
    """By chance leaves go; who sees the mesh takes the hub first."""
    star = nx.relabel_nodes(nx.star_graph(5), {i: f"h{i}" for i in range(6)})
    order = mesh.best_connected_first(star)
    assert order[0] == "h0"
    assert mesh.survival(star, order)[:2] == [1.0, 0.2]
    assert mesh.survival(star, ["h1", "h2"])[:3] == [1.0, 1.0, 1.0]
    assert mesh.in_random_order(star, 1) == mesh.in_random_order(star, 1)


def test_a_large_mesh_has_a_diameter_soon() -> None:
    """Beyond the exact limit a lower bound stands in, near the truth."""
    grid = nx.grid_2d_graph(20, 20)
    named: nx.Graph[str] = nx.Graph((f"{a}", f"{b}") for a, b in grid.edges)
    assert 36 <= mesh.measure(named).diameter <= 38
