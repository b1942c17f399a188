"""What past fetches say about the next: means of throughput, and the rung that fits one.

It refuses to know which samples are worth counting. Rates are bit/s, times seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from cdn.player.view import Sample


def harmonic_mean(samples: Sequence[Sample], count: int) -> float | None:
    """Return the harmonic mean rate of the last `count` samples, None of none.

    One fast sample moves it little, which is why Jiang, Sekar and Zhang (2012) take it.
    """
    last = samples[-count:]
    return len(last) / sum(1 / sample.rate for sample in last) if last else None


def moving_average(samples: Sequence[Sample], half_life: float) -> float | None:
    """Return the average rate whose weights halve with every `half_life` seconds of fetching."""
    mean, weight = 0.0, 0.0
    for sample in samples:
        keep = 0.5 ** (sample.seconds / half_life)
        mean = keep * mean + (1 - keep) * sample.rate
        weight = keep * weight + (1 - keep)
    return mean / weight if weight else None


def fitting(bitrates: Sequence[float], rate: float | None) -> int:
    """Return the highest rung of at most `rate`, the lowest if none is, or nothing is known."""
    return 0 if rate is None else max(0, bisect_right(bitrates, rate) - 1)
