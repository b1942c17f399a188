"""The map a scenario is run on: one server, one region per edge, clients spread over the regions.

It places hosts and says who is near whom; it moves no bytes. Times are seconds, one way.

Two hosts of one region are rtt/2 apart, hosts of different regions rtt, and the server and the
tracker, at the backbone, rtt from everyone:

    client, edge --rtt/8-- region --rtt/8-- backbone --rtt/4-- server, tracker

The upper caches of a CDN lie on the way to the server: regionals at the backbone, a shield half-way
from there.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from experiments import population
from experiments.bounds import EdgeLoad, transfer_time
from experiments.scenario import Scenario
from net.topology import Access, Topology

SERVER = "server"


class _Place(TypedDict):
    router: str
    delay: float


@dataclass(frozen=True)
class World:
    """A scenario's hosts and the network between them."""

    scenario: Scenario
    topology: Topology
    edges: tuple[str, ...]
    clients: tuple[str, ...]
    arrivals: Mapping[str, float]
    stays: Mapping[str, float | None]  # how long each client seeds; None: for good

    @property
    def slowest_down(self) -> float:
        """The smallest client downlink: d_min."""
        return min(self.topology.access(client).down for client in self.clients)

    @property
    def clients_up(self) -> float:
        """The sum of the clients' uplinks."""
        return sum(self.topology.access(client).up for client in self.clients)

    def region(self, host: str) -> str:
        """Return the router `host` is attached to: the access network it is in."""
        return next(iter(self.topology.graph.neighbors(host)))

    def bound_of_one(self, size: int) -> float:
        """The least time in which the slowest client can have `size` bytes, whenever it comes."""
        return transfer_time(size, self.slowest_down)

    def edge_loads(self) -> list[EdgeLoad]:
        """Each edge with the number of clients in its region: what nearest-edge routing gives."""
        return [
            EdgeLoad(
                clients=len(self.clients[index :: len(self.edges)]),
                up=self.topology.access(edge).up,
                down=self.topology.access(edge).down,
            )
            for index, edge in enumerate(self.edges)
        ]


def build(scenario: Scenario) -> World:
    """Return the world of `scenario`: client i lives in region (i - 1) mod K, with edge i."""
    rtt, topology = scenario.network.rtt, Topology()
    edges, clients = scenario.edge_names, scenario.client_names
    topology.add_router("backbone")
    server = Access(up=scenario.server.up, down=scenario.server.down)
    topology.add_host(SERVER, server, **_way_to_the_server(topology, scenario))
    for tracker in scenario.tracker_names:
        topology.add_host(tracker, Access(math.inf, math.inf), router="backbone", delay=rtt / 4)
    _add_caches(topology, scenario)
    down = scenario.edges.up if scenario.edges.down is None else scenario.edges.down
    for number, edge in enumerate(edges, start=1):
        topology.add_router(f"region-{number}")
        topology.add_link(f"region-{number}", "backbone", delay=rtt / 8)
        access = Access(up=scenario.edges.up, down=down)
        topology.add_host(edge, access, router=f"region-{number}", delay=rtt / 8)
    for index, (client, access) in enumerate(zip(clients, _accesses(scenario), strict=True)):
        region = f"region-{index % len(edges) + 1}"
        topology.add_host(client, access, router=region, delay=rtt / 8)
    arrivals = dict(zip(clients, _arrivals(scenario), strict=True))
    stays = [population.stay(group.departure) for group in scenario.client_groups]
    return World(
        scenario, topology, edges, clients, arrivals, dict(zip(clients, stays, strict=True))
    )


def _way_to_the_server(topology: Topology, scenario: Scenario) -> _Place:
    """Return where the server is attached: at the backbone, or behind the shield's exchange."""
    rtt = scenario.network.rtt
    if "shield-1" not in scenario.cache_names:
        return {"router": "backbone", "delay": rtt / 4}
    topology.add_router("exchange")
    topology.add_link("exchange", "backbone", delay=rtt / 8)
    return {"router": "exchange", "delay": rtt / 8}


def _add_caches(topology: Topology, scenario: Scenario) -> None:
    """Add the director, as far as a tracker, and the upper caches, on the way to the server."""
    if scenario.cdn is None:
        return
    link = Access(scenario.cdn.upper_up, scenario.cdn.upper_up)
    for name in scenario.cache_names:
        if name == "director":
            place: _Place = {"router": "backbone", "delay": scenario.network.rtt / 4}
            topology.add_host(name, Access(math.inf, math.inf), **place)
        else:
            router = "exchange" if name == "shield-1" else "backbone"
            topology.add_host(name, link, router=router)


def _accesses(scenario: Scenario) -> list[Access]:
    accesses: list[Access] = []
    for index, group in enumerate(scenario.clients):
        if group.access:
            rng = random.Random(f"{scenario.seed}/access/{index}")
            accesses += population.lines(group.access, group.count, rng)
        else:
            accesses += [Access(up=group.up, down=group.down)] * group.count
    return accesses


def _arrivals(scenario: Scenario) -> list[float]:
    times: list[float] = []
    for index, group in enumerate(scenario.clients):
        rng = random.Random(f"{scenario.seed}/arrivals/{index}")
        times += population.arrivals(group.arrival, group.count, rng)
    return times
