"""Which past fetches count when the next is estimated: all of them, or, knowingly, misses.

It keeps samples and refuses to know what a rule makes of them.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from cdn.player.view import Sample

KEPT = 40
"""Samples that are remembered."""

RECENT = 10
"""Hits in a row after which misses are forgotten."""

Estimate = Literal["naive", "hit-aware"]


class History:
    """The last samples of a session.

    Invariant: at most `KEPT` samples are held.

    A cache that has a segment sends it faster than one that must fetch it first. `naive` takes
    every sample for what the next fetch will be like. `hit-aware` counts hits only as long as
    nothing was missed lately, for a miss is what can stall the player.
    """

    def __init__(self, estimate: Estimate = "hit-aware") -> None:
        self._estimate = estimate
        self._samples: deque[Sample] = deque(maxlen=KEPT)

    def note(self, sample: Sample) -> None:
        """Remember a fetch that has just ended."""
        self._samples.append(sample)

    @property
    def counted(self) -> tuple[Sample, ...]:
        """The samples a rule is shown, the oldest first."""
        samples = tuple(self._samples)
        if self._estimate == "hit-aware" and any(not each.hit for each in samples[-RECENT:]):
            return tuple(each for each in samples if not each.hit)
        return samples
