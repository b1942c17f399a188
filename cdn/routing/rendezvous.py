"""Rendezvous hashing: every edge bids for a key, and the highest bid wins.

It keeps no table and refuses to know clients and delays.
"""

from __future__ import annotations

from cdn.routing.fleet import Fleet
from cdn.routing.hashing import hash64


class Rendezvous:
    """Highest random weight (Thaler & Ravishankar 1998).

    When an edge leaves, only its keys move, evenly to all others.
    """

    def route(self, client: str, key: str, fleet: Fleet) -> str:  # noqa: ARG002 - any client
        """Return the edge with the highest weight for `key`."""
        return max(fleet.edges, key=lambda edge: (hash64(key, edge), edge))
