"""Means with confidence intervals, for a few runs that differ by their seed only."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# The 0.975 quantile of Student's t with 1, 2, ... degrees of freedom.
_T = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
    2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the half-width of its 95 % confidence interval; infinite for one sample."""

    mean: float
    half_width: float


def interval(samples: Sequence[float]) -> Interval:
    """Return the mean of `samples`, which are not empty, and how sure it is.

    The interval is Student's: mean ± t s / sqrt(n), with n - 1 degrees of freedom.
    """
    mean, n = statistics.fmean(samples), len(samples)
    if n < 2:
        return Interval(mean, math.inf)
    return Interval(mean, student_t(n - 1) * statistics.stdev(samples) / math.sqrt(n))


def student_t(freedom: int) -> float:
    """Return the 0.975 quantile of Student's t, to four digits.

    Beyond the table by its expansion round the normal quantile (Abramowitz and Stegun, 26.7.5).
    """
    if freedom <= len(_T):
        return _T[freedom - 1]
    z = statistics.NormalDist().inv_cdf(0.975)
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
