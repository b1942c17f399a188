"""What a router sees, and what it is asked.

It refuses to know where loads, delays and the news of a dead edge come from.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

Delay = Callable[[str, str], float]


@dataclass(frozen=True, slots=True)
class Fleet:
    """The edges that are up, at one moment.

    `edges` are their names in ascending order; `load` counts what each was sent recently;
    `delay(client, edge)` is one way, in seconds.
    """

    edges: tuple[str, ...]
    load: Mapping[str, int]
    delay: Delay
    rng: random.Random


class Router(Protocol):
    """Chooses edges. Its class is called without arguments; it may remember what it likes."""

    def route(self, client: str, key: str, fleet: Fleet) -> str | None:
        """Return the edge that serves `key` to `client`; None means the origin.

        `fleet` has at least one edge.
        """
