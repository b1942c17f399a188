"""Which edge a client is sent to.

A router is asked once per client and remembers the load it caused; it refuses to know how
delays come about and how clients learn the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

Delay = Callable[[str, str], float]


class Router(Protocol):
    """Assigns clients to edges, both named by their hosts."""

    def assign(self, client: str) -> str:
        """Return the edge that serves `client`, and count it there."""


class Nearest:
    """The edge with the least delay; of equals the least loaded, then the first by name.

    Invariant: `load` counts the clients assigned to each edge.
    """

    def __init__(self, edges: Sequence[str], delay: Delay) -> None:
        if not edges:
            raise ValueError("no edges to route to; name at least one")
        self.load = dict.fromkeys(sorted(edges), 0)
        self._delay = delay

    def assign(self, client: str) -> str:
        """Return the nearest edge; `delay(client, edge)` is in seconds."""
        chosen = min(self.load, key=lambda edge: (self._delay(client, edge), self.load[edge], edge))
        self.load[chosen] += 1
        return chosen
