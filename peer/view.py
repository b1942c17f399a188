"""What a strategy may know: read-only views of a peer's chunks, its neighbours and a choke round.

They hold values and nothing that acts, so a strategy can decide but not interfere.
Sizes in bytes, rates in bytes/s, times in seconds; masks have bit i for chunk i.
"""

from __future__ import annotations

import random
from typing import NamedTuple, Protocol


class Exchange(NamedTuple):
    """What passed between a neighbour and us in one choke round, in bytes of chunks."""

    received: int
    sent: int


NOTHING = Exchange(0, 0)
REMEMBERED = 8  # choke rounds in a neighbour's history, at most


class NeighbourView(NamedTuple):
    """A neighbour that wants something of us, as it is when a choke round begins.

    A tuple rather than a dataclass: some are made for each neighbour and round.
    """

    id: bytes  # the same from round to round
    name: str
    have: int  # the chunks it has, as far as we know
    choked: bool  # by us
    choking: bool  # us
    interesting: bool  # it has chunks we lack
    waiting_since: float  # when it began to want something
    received: int  # from it, since it is connected
    sent: int
    download_rate: float  # from it, smoothed over rounds
    upload_rate: float
    history: tuple[Exchange, ...]  # of the last rounds, the latest last

    @property
    def last(self) -> Exchange:
        """What passed in the round that has just ended."""
        return self.history[-1] if self.history else NOTHING


class RoundView(NamedTuple):
    """A choke round at its beginning: what a choker decides upon."""

    now: float
    interval: float  # seconds until the next round
    slots: int  # neighbours that may be served, at most
    optimistic_rounds: int  # how long a newcomer is to keep its chance
    seeding: bool  # whether we have everything
    chunk_count: int
    chunk_size: int
    neighbours: int  # connected, whether they want something or not
    download_rate: float  # ours, from all neighbours
    upload_rate: float
    interested: tuple[NeighbourView, ...]  # those who can be served, oldest connection first
    rng: random.Random


class _Availability(Protocol):
    levels: list[int]

    def count(self, index: int) -> int: ...


class _Progress(Protocol):
    @property
    def missing(self) -> int: ...

    @property
    def in_flight(self) -> int: ...


class ChunksView:
    """The chunks of a download in progress, as they are at the moment of asking."""

    __slots__ = ("_availability", "_everything", "_progress", "count")

    def __init__(self, count: int, availability: _Availability, progress: _Progress) -> None:
        self.count = count
        self._everything = (1 << count) - 1
        self._availability = availability
        self._progress = progress

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(self, "_progress"):
            raise AttributeError(f"{name} can be read only")
        super().__setattr__(name, value)

    @property
    def missing(self) -> int:
        """The chunks not stored yet."""
        return self._progress.missing

    @property
    def in_flight(self) -> int:
        """Those of them that were asked for."""
        return self._progress.in_flight

    @property
    def have(self) -> int:
        """The chunks stored."""
        return self._everything & ~self._progress.missing

    @property
    def begun(self) -> bool:
        """Whether any chunk is stored or was asked for."""
        progress = self._progress
        return bool(progress.in_flight) or progress.missing != self._everything

    @property
    def playback(self) -> int:
        """The first missing chunk, where a player that plays while it downloads would stop."""
        missing = self._progress.missing
        return (missing & -missing).bit_length() - 1 if missing else self.count

    @property
    def levels(self) -> tuple[int, ...]:
        """The missing chunks by how many neighbours have them: the n-th mask is had by n."""
        return tuple(self._availability.levels)

    def copies(self, index: int) -> int:
        """How many neighbours have chunk `index`, if it is missing."""
        return self._availability.count(index)
