"""The sections of a video's scenario: what is watched, by what player, and over what links.

They hold what was asked; whether it can be run is the business of `streaming_checks`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from cdn.player.playout import Thresholds
from cdn.video.ladder import DEFAULT
from experiments.quantities import Duration

_THRESHOLDS = Thresholds()


class Buffer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds of video: to `start`, to `resume` after a stall or a seek, and kept `ahead`."""

    start: Duration = Duration(_THRESHOLDS.start)
    resume: Duration = Duration(_THRESHOLDS.resume)
    ahead: Duration = Duration(_THRESHOLDS.ahead)

    def thresholds(self) -> Thresholds:
        """Return a player's thresholds. Raises `ValueError` for those none can work with."""
        return Thresholds(float(self.start), float(self.resume), float(self.ahead))


class Video(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is watched, and how players are set.

    The video is made from the seed: a `ladder` of rates, `duration` long, cut every `segment`;
    or a `movie` file of Sabre's. `abr` is the rule of all clients that have none of their own,
    `estimate` what it is told of throughput, and `sizes_known` whether it is told the sizes of
    segments beforehand. Edges have the first `placed` segments of each rung before anyone asks.
    A `live` video begins when demand does.
    """

    ladder: str = DEFAULT
    movie: str | None = None
    segment: Duration = Duration(4)
    duration: Duration = Duration(60)
    abr: str = "dynamic"
    estimate: Literal["naive", "hit-aware"] = "hit-aware"
    abandon: bool = True
    sizes_known: bool = True
    buffer: Buffer = Buffer()
    placed: int = 0
    live: bool = False


class Seek(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind",
    tag="seek",
):  # fmt: skip
    """`at` so long after it came, the viewer goes on from `to`."""

    at: Duration
    to: Duration


class Pause(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind",
    tag="pause",
):  # fmt: skip
    """`at` so long after it came, the viewer pauses for as long as it `lasts`."""

    at: Duration
    lasts: Duration


class Quit(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind",
    tag="quit",
):  # fmt: skip
    """`at` so long after it came, the viewer leaves."""

    at: Duration


Behaviour: TypeAlias = Seek | Pause | Quit


class ChangingLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the start of demand on, the access link of `host` does what a link `trace` says.

    The trace is one that ships, or a file; `direction` is that in which it holds.
    """

    host: str
    trace: str
    direction: Literal["down", "up", "both"] = "down"
