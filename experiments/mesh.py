"""The mesh of a swarm as a graph: who is connected to whom, and what that is worth.

It measures graphs of hosts; where they come from is the history's business.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import networkx as nx

from experiments.history import History

EXACT_DIAMETER = 300
"""Hosts up to which the diameter is exact; beyond, a lower bound from a few sweeps."""


@dataclass(frozen=True, slots=True)
class MeshMetrics:
    """One mesh in numbers.

    `diameter` (in hops) is that of the largest component. `random_clustering` is the clustering
    a random graph of the same size and degree has: mean degree / (n - 1).
    """

    hosts: int
    connections: int
    degree_min: int
    degree_mean: float
    degree_max: int
    diameter: int
    clustering: float
    random_clustering: float
    components: int


def meshes(history: History, times: Sequence[float]) -> Iterator[nx.Graph[str]]:
    """Yield the mesh at each of `times` (ascending).

    Two hosts are joined while both count the other among their neighbours.
    """
    known: dict[tuple[str, str], None] = {}
    contacts = iter(history.contacts)
    upcoming = next(contacts, None)
    for time in times:
        while upcoming is not None and upcoming.time <= time:
            pair = (upcoming.host, upcoming.neighbour)
            if upcoming.gained:
                known[pair] = None
            else:
                known.pop(pair, None)
            upcoming = next(contacts, None)
        yield _graph(history, known, time)


def _graph(history: History, known: dict[tuple[str, str], None], time: float) -> nx.Graph[str]:
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(host for host in history.presence if history.there(host, time))
    graph.add_edges_from(
        (a, b) for a, b in known if a < b and (b, a) in known and a in graph and b in graph
    )
    return graph


def measure(graph: nx.Graph[str]) -> MeshMetrics:
    """Return the metrics of a mesh of at least one host."""
    degrees = [degree for _, degree in graph.degree()]
    hosts = len(degrees)
    components = sorted(nx.connected_components(graph), key=len, reverse=True)
    mean = sum(degrees) / hosts
    return MeshMetrics(
        hosts=hosts,
        connections=graph.number_of_edges(),
        degree_min=min(degrees),
        degree_mean=mean,
        degree_max=max(degrees),
        diameter=_diameter(graph.subgraph(components[0])),
        clustering=nx.average_clustering(graph),
        random_clustering=mean / (hosts - 1) if hosts > 1 else 0.0,
        components=len(components),
    )


def survival(graph: nx.Graph[str], order: Sequence[str]) -> list[float]:
    """Return, for k = 0, 1, ..., the share of the rest that hangs together without `order[:k]`.

    That is the largest component over the hosts that remain; the last k leaves one host.
    """
    rest, shares = graph.copy(), []
    for removed in (None, *order[: len(graph) - 1]):
        if removed is not None:
            rest.remove_node(removed)
        shares.append(max(map(len, nx.connected_components(rest))) / len(rest))
    return shares


def best_connected_first(graph: nx.Graph[str]) -> list[str]:
    """Return the hosts in the order in which an attacker who sees the mesh removes them.

    Each time the one with most neighbours left (Albert, Jeong and Barabasi 2000).
    """
    rest, order = graph.copy(), []
    while rest:
        worst, _ = max(rest.degree(), key=lambda item: (item[1], item[0]))
        order.append(worst)
        rest.remove_node(worst)
    return order


def in_random_order(graph: nx.Graph[str], seed: int) -> list[str]:
    """Return the hosts in the order in which they fail by chance."""
    hosts = sorted(graph)
    random.Random(f"{seed}/mesh").shuffle(hosts)
    return hosts


def _diameter(component: nx.Graph[str]) -> int:
    if len(component) <= EXACT_DIAMETER:
        return int(nx.diameter(component))
    return int(nx.approximation.diameter(component, seed=1))
