"""Consistent hashing on a ring, and the same with a cap on every edge's load.

An edge owns the arcs before its points; a key belongs to the first point at or after its own. It
refuses to know clients and delays.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator

from cdn.routing.fleet import Fleet
from cdn.routing.hashing import hash64

POINTS = 160
"""Points per edge. Shares of the ring then differ by about 1/sqrt(160), 8 %, from their mean."""
SPARE = 0.25
"""How far above the mean a bounded edge may be loaded: the epsilon of the paper."""


class HashRing:
    """Keys go round a circle to the next point of an edge (Karger et al. 1997).

    When an edge leaves, only its keys move, to the next points on the circle.
    """

    def __init__(self) -> None:
        self._edges: tuple[str, ...] = ()
        self._points: list[tuple[int, str]] = []

    def route(self, client: str, key: str, fleet: Fleet) -> str:  # noqa: ARG002 - any client
        """Return the edge that owns `key`."""
        return next(self.successors(key, fleet))

    def successors(self, key: str, fleet: Fleet) -> Iterator[str]:
        """Yield every edge of the fleet, in the order in which `key` meets them."""
        points = self._ring(fleet.edges)
        start, seen = bisect_left(points, (hash64(key), "")), set[str]()
        for step in range(len(points)):
            edge = points[(start + step) % len(points)][1]
            if edge not in seen:
                seen.add(edge)
                yield edge

    def _ring(self, edges: tuple[str, ...]) -> list[tuple[int, str]]:
        if edges != self._edges:
            self._edges = edges
            self._points = sorted(
                (hash64(f"{edge}#{number}", "ring"), edge)
                for edge in edges
                for number in range(POINTS)
            )
        return self._points


class BoundedLoad:
    """A hash ring on which no edge takes more than its share and a quarter.

    Consistent hashing with bounded loads (Mirrokni, Thorup & Zadimoghaddam 2018): with m
    requests on n edges, this one included, an edge that has ceil((1 + epsilon) m / n) is full,
    and the key goes on to the next.
    """

    def __init__(self) -> None:
        self._ring = HashRing()

    def route(self, client: str, key: str, fleet: Fleet) -> str:  # noqa: ARG002 - any client
        """Return the first edge after `key` that is not full."""
        total = 1 + sum(fleet.load.get(edge, 0) for edge in fleet.edges)
        cap = math.ceil((1 + SPARE) * total / len(fleet.edges))
        successors = self._ring.successors(key, fleet)
        return next(edge for edge in successors if fleet.load.get(edge, 0) < cap)
