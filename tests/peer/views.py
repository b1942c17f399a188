"""Verbs for making what strategies see."""

from __future__ import annotations

import random
from collections.abc import Sequence

from peer.view import Exchange, NeighbourView, RoundView


def neighbour(
    name: str,
    *,
    received: int = 0,
    sent: int = 0,
    download_rate: float = 0.0,
    choking: bool = True,
    last: Exchange | None = None,
) -> NeighbourView:
    """Return a neighbour that wants something."""
    return NeighbourView(
        id=name.encode().rjust(20, b"-"),
        name=name,
        have=0,
        choked=True,
        choking=choking,
        interesting=True,
        waiting_since=0.0,
        received=received,
        sent=sent,
        download_rate=download_rate,
        upload_rate=0.0,
        history=() if last is None else (last,),
    )


def round_of(
    interested: Sequence[NeighbourView],
    *,
    slots: int = 4,
    optimistic_rounds: int = 3,
    seeding: bool = False,
    upload_rate: float = 0.0,
    rng: random.Random | None = None,
) -> RoundView:
    """Return a round of one second in which all neighbours are interested; chunks of 10 bytes."""
    return RoundView(
        now=0.0,
        interval=1.0,
        slots=slots,
        optimistic_rounds=optimistic_rounds,
        seeding=seeding,
        chunk_count=100,
        chunk_size=10,
        neighbours=len(interested),
        download_rate=0.0,
        upload_rate=upload_rate,
        interested=tuple(interested),
        rng=rng or random.Random(1),
    )
