"""Ladders: the heights and rates a video is made in, written `240p:400k,480p:1M,720p:2.5M`.

Refuses to know how a rung is encoded. Rates are in bit/s, heights in pixels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT = "240p:400k,480p:1M,720p:2.5M"
MAX_RUNGS = 16

_RUNG = re.compile(r"([0-9]{1,5})p:([0-9]{1,9}(?:\.[0-9]{1,6})?)([A-Za-z]*)")
_UNITS: Mapping[str, int] = {
    "k": 1000, "M": 1_000_000, "kbps": 1000, "Mbps": 1_000_000, "bps": 1, "": 1,
}  # fmt: skip
_HEIGHTS = range(64, 4321)
_LOWEST, _HIGHEST = 10_000, 200_000_000


class LadderError(ValueError):
    """A ladder that cannot be made; the message names the rung and the fix."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A picture of `height` lines at a mean of `rate` bit/s."""

    height: int
    rate: int

    @property
    def name(self) -> str:
        """The name people know it by: `480p`."""
        return f"{self.height}p"


def parse_ladder(text: str) -> tuple[Rung, ...]:
    """Return the rungs written in `text`, lowest rate first.

    Raises:
        LadderError: a rung is malformed, out of bounds, or there twice.
    """
    rungs = [_rung(part.strip()) for part in text.split(",")]
    if len(rungs) > MAX_RUNGS:
        raise LadderError(f"{len(rungs)} rungs; at most {MAX_RUNGS}")
    for what, values in (
        ("height", [rung.height for rung in rungs]),
        ("rate", [rung.rate for rung in rungs]),
    ):
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise LadderError(f"two rungs of {what} {twice}; each rung needs its own")
    return tuple(sorted(rungs, key=lambda rung: rung.rate))


def _rung(text: str) -> Rung:
    found = _RUNG.fullmatch(text)
    if found is None or found[3] not in _UNITS:
        raise LadderError(f"'{text}' is no rung; write HEIGHTp:RATE, such as 480p:1M or 240p:400k")
    height, rate = int(found[1]), round(float(found[2]) * _UNITS[found[3]])
    if height not in _HEIGHTS or height % 2:
        raise LadderError(f"'{text}': the height must be even, from 64 to 4320")
    if not _LOWEST <= rate <= _HIGHEST:
        raise LadderError(f"'{text}': the rate must be from 10k to 200M (bit/s)")
    return Rung(height, rate)
