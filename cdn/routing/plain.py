"""Routers that look at clients, loads or nothing at all, but not at what is asked for.

They refuse to know keys; any edge may get any of them.
"""

from __future__ import annotations

from cdn.routing.fleet import Fleet


class OriginOnly:
    """No edge: everybody is sent to the origin, as if there were no CDN."""

    def route(self, client: str, key: str, fleet: Fleet) -> None:
        """Return None, the origin."""


class RandomChoice:
    """Any edge, each as likely."""

    def route(self, client: str, key: str, fleet: Fleet) -> str:  # noqa: ARG002 - blind by design
        """Return an edge by chance."""
        return fleet.rng.choice(fleet.edges)


class RoundRobin:
    """One edge after another."""

    def __init__(self) -> None:
        self._turn = -1

    def route(self, client: str, key: str, fleet: Fleet) -> str:  # noqa: ARG002 - blind by design
        """Return the edge whose turn it is."""
        self._turn += 1
        return fleet.edges[self._turn % len(fleet.edges)]


class Nearest:
    """The edge with the least delay; of equals the least loaded, then the first by name."""

    def route(self, client: str, key: str, fleet: Fleet) -> str:  # noqa: ARG002 - any key
        """Return the nearest edge."""
        return min(
            fleet.edges,
            key=lambda edge: (fleet.delay(client, edge), fleet.load.get(edge, 0), edge),
        )


class LeastLoaded:
    """The edge that was sent the least; of equals the nearest, then the first by name."""

    def route(self, client: str, key: str, fleet: Fleet) -> str:  # noqa: ARG002 - any key
        """Return the least loaded edge."""
        return min(
            fleet.edges,
            key=lambda edge: (fleet.load.get(edge, 0), fleet.delay(client, edge), edge),
        )
