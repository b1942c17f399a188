"""Who may download from us until the next round.

A choker ranks the neighbours that want something; it knows no messages and no sockets.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from peer.neighbour import Neighbour


class Choker(Protocol):
    """Chooses whom to unchoke."""

    def choose(
        self, interested: Sequence[Neighbour], slots: int, rng: random.Random
    ) -> Sequence[Neighbour]:
        """Return at most `slots` of `interested`, who are served until the next round."""


class TitForTat:
    """Serve those who send us most, and one more at random: the optimistic unchoke.

    Source: Cohen, "Incentives Build Robustness in BitTorrent" (2003). The optimistic choice
    stays for several rounds, so that a newcomer has time to return the favour.
    """

    def __init__(self, optimistic_rounds: int) -> None:
        self._optimistic_rounds = optimistic_rounds
        self._round = 0
        self._optimistic: Neighbour | None = None

    def choose(
        self, interested: Sequence[Neighbour], slots: int, rng: random.Random
    ) -> Sequence[Neighbour]:
        """Return the `slots` - 1 best uploaders and the optimistic choice."""
        ranked = sorted(interested, key=lambda neighbour: -neighbour.download_rate)
        best, rest = ranked[: slots - 1], ranked[slots - 1 :]
        if self._round % self._optimistic_rounds == 0 or self._optimistic not in rest:
            self._optimistic = rng.choice(rest) if rest else None
        self._round += 1
        return best if self._optimistic is None else [*best, self._optimistic]


class LeastServed:
    """Serve those who got least from us so far: a seed's way to spread a file evenly."""

    def choose(
        self,
        interested: Sequence[Neighbour],
        slots: int,
        rng: random.Random,  # noqa: ARG002 - part of the protocol
    ) -> Sequence[Neighbour]:
        """Return the `slots` neighbours with the fewest bytes from us."""
        return sorted(interested, key=lambda neighbour: neighbour.sent)[:slots]
