"""Whom a tracker tells a peer of: anyone, or first those in its own access network.

It sees where peers listen and chooses; it knows no swarm and no time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class Place(NamedTuple):
    """Where a peer listens; a stranger can only speak for its own host."""

    host: str
    port: int


Introduction: TypeAlias = Callable[[Place, Sequence[Place], int, random.Random], Sequence[Place]]
"""Returns whom of the others a peer is told of, at most so many, in the order to dial them."""


def anyone(
    asker: Place,  # noqa: ARG001 - part of the protocol
    others: Sequence[Place],
    most: int,
    rng: random.Random,
) -> Sequence[Place]:
    """Return others at random, whoever asks."""
    return rng.sample(others, min(most, len(others)))


@dataclass(frozen=True, slots=True)
class SameNetworkFirst:
    """Those of the asker's access network, and few others, so that no network is an island.

    Source: Bindal, Cao, Chan, Medved, Suwala, Bates and Zhang, "Improving Traffic Locality in
    BitTorrent via Biased Neighbor Selection" (ICDCS 2006). `network_of` tells a host's network,
    None if it is in no access network, as servers are: such a host is no stranger to anybody.
    """

    network_of: Callable[[str], str | None]
    strangers: int = 2

    def __call__(
        self, asker: Place, others: Sequence[Place], most: int, rng: random.Random
    ) -> Sequence[Place]:
        """Return up to `most` of the others, of whom at most `strangers` are last and strangers."""
        home = (self.network_of(asker.host), None)
        near = [each for each in others if self.network_of(each.host) in home]
        far = [each for each in others if self.network_of(each.host) not in home]
        strangers = rng.sample(far, min(self.strangers, len(far), most))
        chosen = rng.sample(near, min(most - len(strangers), len(near)))
        return [*chosen, *strangers]
