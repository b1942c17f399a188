"""When it is better to give up a segment half-way and fetch it at a lower rate.

It judges one fetch at one moment and stops nothing itself. Sizes are bytes, times seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PATIENCE = 0.5
"""Seconds of a fetch that are not judged: the first bytes tell little."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A fetch under way: `received` bytes after `elapsed` seconds, at `rung`."""

    rung: int
    received: int
    elapsed: float


def lower_rung(progress: Progress, buffer: float, sizes: Sequence[int]) -> int | None:
    """Return the rung to fetch instead, None to go on.

    A fetch goes on while it will end before the buffer is empty, or before any other would.
    Otherwise the highest rung that would arrive in time takes its place, or, if none would, the
    lowest, all at the rate seen so far. So do hls.js and dash.js; BOLA's own rule compares scores.
    """
    rung, received, elapsed = progress.rung, progress.received, progress.elapsed
    if elapsed < PATIENCE or rung == 0:
        return None
    rate = max(received, 1) / elapsed
    left = (sizes[rung] - received) / rate
    if left <= buffer:
        return None
    sooner = [each for each in range(rung) if sizes[each] / rate < left]
    in_time = [each for each in sooner if sizes[each] / rate <= buffer]
    return max(in_time) if in_time else min(sooner, default=None)
