"""A link trace: rates over time, from the start on and then again from the start.

It is a value; it reads no file and changes no link.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

MAX_STEPS = 1_000_000


class LinkTraceError(ValueError):
    """A trace that cannot be; the text names the place and the fix."""


@dataclass(frozen=True, slots=True)
class LinkTrace:
    """Capacity over time.

    Invariant: `times` ascend from 0, `rates[i]` (bit/s, at least 0, one of them above) holds from
    `times[i]` to the next, the last of them until `duration`; then it begins anew. `latency` is
    the mean round-trip time in seconds, where the trace tells of one.
    """

    times: tuple[float, ...]
    rates: tuple[float, ...]
    duration: float
    latency: float | None = None

    def __post_init__(self) -> None:
        ends = (*self.times, self.duration)
        if not 0 < len(self.times) == len(self.rates) <= MAX_STEPS or self.times[0] != 0:
            raise LinkTraceError(f"needs 1 to {MAX_STEPS} steps, the first at time 0")
        if not isfinite(self.duration) or any(a >= b for a, b in pairwise(ends)):
            raise LinkTraceError("times must ascend")
        if any(not (isfinite(rate) and rate >= 0) for rate in self.rates) or not any(self.rates):
            raise LinkTraceError("rates must be at least 0 bit/s, and one above")

    @property
    def mean(self) -> float:
        """The mean rate over one round."""
        return self.bits(self.duration) / self.duration

    def rate_at(self, time: float) -> float:
        """Return the rate at `time` seconds after the start."""
        return self.rates[bisect_right(self.times, time % self.duration) - 1]

    def bits(self, time: float) -> float:
        """Return what the link can carry in the first `time` seconds."""
        rounds, rest = divmod(time, self.duration)
        whole = self._bits(self.duration) if rounds else 0.0
        return rounds * whole + self._bits(rest)

    def _bits(self, time: float) -> float:
        ends = (*self.times[1:], self.duration)
        return sum(
            rate * (min(end, time) - start)
            for start, end, rate in zip(self.times, ends, self.rates, strict=True)
            if start < time
        )

    def changes(self) -> Iterator[tuple[float, float]]:
        """Yield each change: its time and the new rate, the first at 0, without an end."""
        last, begun = -1.0, 0.0
        while True:
            for time, rate in zip(self.times, self.rates, strict=True):
                if rate != last:
                    last = rate
                    yield begun + time, rate
            if len(set(self.rates)) == 1:
                return
            begun += self.duration


def of_steps(steps: list[tuple[float, float]], latency: float | None = None) -> LinkTrace:
    """Return the trace of (seconds, rate) steps, one after the other; equal ones are joined."""
    times, rates, now = list[float](), list[float](), 0.0
    for seconds, rate in steps:
        if not rates or rate != rates[-1]:
            times.append(now)
            rates.append(rate)
        now += seconds
    return LinkTrace(tuple(times), tuple(rates), now, latency)
