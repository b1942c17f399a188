"""The map: which hosts exist, how fast their access links are, and what lies between them.

A topology is a networkx graph of hosts and routers; it moves no bytes and knows no time.
Rates are bit/s (`math.inf` or None: unlimited), delays one-way seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf

import networkx as nx


@dataclass(frozen=True, slots=True)
class Access:
    """A host's own link to the network: `up` and `down` in bit/s."""

    up: float = inf
    down: float = inf

    def __post_init__(self) -> None:
        if self.up < 0 or self.down < 0:
            raise ValueError(f"a link rate is at least 0 bit/s, not {min(self.up, self.down):g}")


@dataclass(frozen=True, slots=True)
class Hop:
    """One directed core link on a path: its ends, its rate, the delay to its far end."""

    start: str
    end: str
    rate: float
    delay: float


class Topology:
    """Hosts and routers joined by links.

    Always true: every host and router is a node of `graph`, every link an edge whose `delay`
    is at least 0 and whose `rate` is a number of bit/s per direction, or None for unlimited.
    """

    def __init__(self) -> None:
        self.graph: nx.Graph[str] = nx.Graph()
        self._access: dict[str, Access] = {}
        self._paths: dict[str, dict[str, list[str]]] = {}

    def add_host(
        self, name: str, access: Access, *, router: str | None = None, delay: float = 0.0
    ) -> None:
        """Add a host, attached to `router` (if given) over a link of `delay` seconds."""
        if name in self.graph:
            raise ValueError(f"the topology already has a node {name!r}")
        self.graph.add_node(name)
        self._access[name] = access
        if router is not None:
            self.add_link(name, router, delay=delay)

    def add_router(self, name: str) -> None:
        """Add a node that forwards and is nobody's host."""
        if name in self.graph:
            raise ValueError(f"the topology already has a node {name!r}")
        self.graph.add_node(name)

    def add_link(self, a: str, b: str, *, delay: float, rate: float | None = None) -> None:
        """Join two nodes; `rate` bit/s in each direction, shared by all that crosses it."""
        for node in (a, b):
            if node not in self.graph:
                raise ValueError(f"no node {node!r} to link; add it first")
        if delay < 0 or (rate is not None and rate <= 0):
            raise ValueError(f"link {a}-{b}: delay must be >= 0 s and rate > 0 bit/s")
        self.graph.add_edge(a, b, delay=delay, rate=rate)
        self._paths.clear()

    @property
    def hosts(self) -> tuple[str, ...]:
        """All hosts, in the order they were added."""
        return tuple(self._access)

    def access(self, host: str) -> Access:
        """The access link of `host`."""
        return self._access[host]

    def path(self, a: str, b: str) -> tuple[str, ...]:
        """The nodes from `a` to `b` along the path of least delay.

        Raises:
            networkx.NetworkXNoPath: the two are not connected.
        """
        if a not in self._paths:
            self._paths[a] = nx.single_source_dijkstra_path(self.graph, a, weight="delay")
        try:
            return tuple(self._paths[a][b])
        except KeyError:
            raise nx.NetworkXNoPath(f"no path between {a} and {b}") from None

    def hops(self, a: str, b: str) -> tuple[Hop, ...]:
        """The links of `path(a, b)`, in order."""
        return tuple(
            Hop(u, v, inf if edge["rate"] is None else edge["rate"], edge["delay"])
            for u, v in pairwise(self.path(a, b))
            for edge in (self.graph.edges[u, v],)
        )

    def delay(self, a: str, b: str) -> float:
        """One-way delay from `a` to `b` in seconds (propagation only)."""
        return sum(hop.delay for hop in self.hops(a, b))


def star(access: dict[str, Access], *, rtt: float = 0.0, core: float | None = None) -> Topology:
    """Hosts round one router: any two are `rtt` seconds apart.

    `core`, if given, is the rate in bit/s of each host's link to the router, per direction.
    """
    topology = Topology()
    topology.add_router("router")
    for name, link in access.items():
        topology.add_host(name, link)
        topology.add_link(name, "router", delay=rtt / 4, rate=core)
    return topology
