"""Where each request is sent: a router, the edges that are up, and what each was sent lately.

It refuses to know how clients are told, and how an edge was found to be down.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Mapping

from cdn.routing import Delay, Fleet, Router
from net.seam import Address

WINDOW = 10.0
"""Seconds for which a request counts as load of the edge it was sent to."""


class Steering:
    """Sends requests to edges, by a router; to the origin if it says so or no edge is up.

    Invariant: `load` counts the requests each edge was sent in the last `WINDOW` seconds.
    """

    def __init__(
        self,
        router: Router,
        edges: Mapping[str, Address],
        origin: Address,
        *,
        delay: Delay,
        rng: random.Random,
    ) -> None:
        self.load = Counter[str]()
        self._router = router
        self._edges = dict(sorted(edges.items()))
        self._origin = origin
        self._delay = delay
        self._rng = rng
        self._down: set[str] = set()
        self._sent: deque[tuple[float, str]] = deque()

    @property
    def up(self) -> tuple[str, ...]:
        """The edges that are up, by name."""
        return tuple(edge for edge in self._edges if edge not in self._down)

    def choose(self, client: str, key: str, now: float) -> tuple[str | None, Address]:
        """Return the edge that serves `key` to `client` (None: the origin) and where it is."""
        self._forget(now)
        edges = self.up
        chosen = None
        if edges:
            fleet = Fleet(edges, self.load, self._delay, self._rng)
            chosen = self._router.route(client, key, fleet)
        if chosen is None:
            return None, self._origin
        if chosen not in edges:
            raise ValueError(f"the router chose {chosen!r}, which is no edge that is up")
        self.load[chosen] += 1
        self._sent.append((now, chosen))
        return chosen, self._edges[chosen]

    def mark(self, edge: str, *, up: bool) -> None:
        """Note that `edge` is up, or that it is down and gets nothing more."""
        if up:
            self._down.discard(edge)
        else:
            self._down.add(edge)

    def _forget(self, now: float) -> None:
        while self._sent and self._sent[0][0] <= now - WINDOW:
            self.load[self._sent.popleft()[1]] -= 1
