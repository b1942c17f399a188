"""What a rule for choosing the next segment's rate may see, and what it must be able to do.

It holds no state and knows no particular rule. Rates are bit/s, sizes bytes, times seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

HORIZON = 5
"""Segments whose sizes a rule is shown, the one to be chosen first."""


@dataclass(frozen=True, slots=True)
class Sample:
    """`bytes` took `seconds` from the request to the last of them.

    `hit` says whether the nearest cache had them already; None if nobody said.
    """

    bytes: int
    seconds: float
    hit: bool | None = None

    @property
    def rate(self) -> float:
        """The throughput in bit/s."""
        return 8 * self.bytes / self.seconds


@dataclass(frozen=True, slots=True)
class View:
    """The state of a player that is about to fetch a segment.

    `bitrates` ascend; a rung is an index into them. `sizes[k][rung]` is the size of the k-th of
    the next segments, which lasts `durations[k]`: there is at least one, and at most `HORIZON`.
    `buffer` and `max_buffer` are seconds of video, `samples` past fetches, the oldest first,
    `last` the rung of the segment before. `playing` is false until the first frame, and in stalls.
    """

    buffer: float
    max_buffer: float
    bitrates: tuple[float, ...]
    durations: tuple[float, ...]
    sizes: tuple[tuple[int, ...], ...]
    samples: tuple[Sample, ...] = ()
    last: int | None = None
    playing: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """A fetch under way at `rung`: `received` bytes, `elapsed` seconds after the first of them."""

    rung: int
    received: int
    elapsed: float


class Abr(Protocol):
    """A rule for the rate of the next segment; one object serves one session."""

    def choose(self, view: View) -> int:
        """Return the rung to fetch the next segment at."""


@runtime_checkable
class Abandons(Protocol):
    """What a rule may have besides: a mind of its own about giving up a fetch."""

    def abandon(self, view: View, progress: Progress) -> int | None:
        """Return the rung to fetch the segment at instead, None to go on.

        `view` is that of now; the segment being fetched is the first in it.
        """
