"""Choke rounds: shows a peer's neighbours to its choker and hears whom it serves.

It knows which of two chokers is on duty, the downloader's or the seed's, and moves no bytes.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from math import inf

from peer import decision
from peer.decision import Choker, StrategyError
from peer.neighbour import Neighbour
from peer.settings import PeerSettings
from peer.view import NeighbourView, RoundView
from wire.manifest import Manifest


class Rounds:
    """The chokers of one peer, and what they are asked."""

    def __init__(
        self,
        leeching: Choker,
        seeding: Choker,
        settings: PeerSettings,
        manifest: Manifest,
        rng: random.Random,
    ) -> None:
        self._chokers = {False: leeching, True: seeding}
        self._settings = settings
        self._manifest = manifest
        self._rng = rng

    def work_conserving(self, *, seeding: bool) -> bool:
        """Whether slots that are free between rounds are to be filled."""
        return bool(getattr(self._chokers[seeding], "work_conserving", False))

    def credit(self, *, seeding: bool) -> float:
        """Return the bytes that a neighbour may get beyond what it gave.

        Raises:
            StrategyError: the choker's credit is no positive number.
        """
        choker = self._chokers[seeding]
        credit = getattr(choker, "credit", inf)
        if not isinstance(credit, int | float) or not credit > 0:
            raise StrategyError(
                f"{decision.name_of(choker)} has the credit {credit!r}; give chunks, above 0"
            )
        return credit * self._manifest.chunk_size

    def decide(
        self, neighbours: Collection[Neighbour], now: float, *, slots: int, seeding: bool
    ) -> dict[bytes, float]:
        """Return the ids of those to serve in the round that begins, with their shares.

        Raises:
            StrategyError: the choker failed, or decided what it may not.
        """
        view = RoundView(
            now=now,
            interval=self._settings.choke_interval,
            slots=slots,
            optimistic_rounds=self._settings.optimistic_rounds,
            seeding=seeding,
            chunk_count=self._manifest.chunk_count,
            chunk_size=self._manifest.chunk_size,
            neighbours=len(neighbours),
            download_rate=sum(each.download_rate for each in neighbours),
            upload_rate=sum(each.upload_rate for each in neighbours),
            interested=tuple([_view(each) for each in neighbours if each.peer_interested]),
            rng=self._rng,
        )
        return decision.choose(self._chokers[seeding], view)


def _view(neighbour: Neighbour) -> NeighbourView:
    return NeighbourView(
        neighbour.peer_id,
        neighbour.name,
        neighbour.have,
        neighbour.am_choking,
        neighbour.peer_choking,
        neighbour.am_interested,
        neighbour.interested_since,
        neighbour.received,
        neighbour.sent,
        neighbour.download_rate,
        neighbour.upload_rate,
        neighbour.history,
    )
