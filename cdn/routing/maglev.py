"""Maglev hashing: a lookup table that the edges fill in turn, each by its own permutation.

It trades a few moved keys for the most even shares; it refuses to know clients and delays.
"""

from __future__ import annotations

from collections.abc import Sequence

from cdn.routing.fleet import Fleet
from cdn.routing.hashing import hash64

TABLE = 65_537
"""Entries, a prime much larger than the number of edges: the paper's small table size."""
_EMPTY = -1


def populate(starts: Sequence[tuple[int, int]], size: int) -> list[int]:
    """Return whose each of `size` entries is, given every edge's (offset, skip).

    An edge prefers the entries (offset + j skip) mod size for j = 0, 1, ...; as `size` is prime,
    these are all of them. Edges take turns, each the first it prefers that is still free
    (Eisenbud et al., "Maglev", NSDI 2016, section 3.4).
    """
    table, left = [_EMPTY] * size, size
    place = [offset for offset, _ in starts]
    while True:
        for edge, (_, skip) in enumerate(starts):
            entry = place[edge]
            while table[entry] != _EMPTY:
                entry = (entry + skip) % size
            table[entry] = edge
            place[edge] = (entry + skip) % size
            left -= 1
            if not left:
                return table


class Maglev:
    """Keys by a table in which any two edges' shares differ by one entry at most.

    When an edge leaves, its keys move, and a few percent of the others'.
    """

    def __init__(self) -> None:
        self._edges: tuple[str, ...] = ()
        self._table: list[int] = []

    def route(self, client: str, key: str, fleet: Fleet) -> str:  # noqa: ARG002 - any client
        """Return the edge in the key's entry."""
        if fleet.edges != self._edges:
            self._edges = fleet.edges
            starts = [
                (hash64(edge, "offset") % TABLE, hash64(edge, "skip") % (TABLE - 1) + 1)
                for edge in fleet.edges
            ]
            self._table = populate(starts, TABLE)
        return fleet.edges[self._table[hash64(key) % TABLE]]
