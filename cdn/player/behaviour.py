"""What a viewer does beside watching: jump, pause, leave.

It holds what was decided and does nothing. Times are seconds since the session began.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Seek:
    """At `at` go on from `to` seconds after the video's beginning."""

    at: float
    to: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Hold at `at`, for `lasts` seconds; segments are fetched meanwhile."""

    at: float
    lasts: float


@dataclass(frozen=True, slots=True)
class Quit:
    """Leave at `at`."""

    at: float


Act: TypeAlias = Seek | Pause | Quit
