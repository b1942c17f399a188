"""Model predictive control over the next segments (Yin et al., SIGCOMM 2015): RobustMPC.

It plans with a pessimistic throughput and knows nothing of how fetches really go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdn.player.throughput import harmonic_mean
from cdn.player.view import Sample, View

SAMPLES = 5
SWITCHING = 1.0
"""The paper's lambda: what a change of rate by 1 bit/s costs, in bit/s."""


class RobustMpc:
    """The first step of the plan that has the best QoE at the least rate to be expected.

    That rate is the harmonic mean of the last five samples over 1 + the largest relative error
    that such means had in the last five predictions. The QoE is the paper's linear one; a second
    of stalling costs as much as a second at the highest rate is worth.
    """

    def choose(self, view: View) -> int:
        """Return the rung; the lowest before anything is known."""
        rate = robust_rate(view.samples)
        return 0 if rate is None else best_plan(view, rate)[0]


def robust_rate(samples: Sequence[Sample]) -> float | None:
    """Return the lower bound of the next throughput in bit/s, None before any sample."""
    mean = harmonic_mean(samples, SAMPLES)
    if mean is None:
        return None
    errors = [0.0]
    for place in range(max(1, len(samples) - SAMPLES), len(samples)):
        predicted = harmonic_mean(samples[max(0, place - SAMPLES) : place], SAMPLES)
        actual = samples[place].rate
        errors.append(abs((predicted or actual) - actual) / actual)
    return mean / (1 + max(errors))


def best_plan(view: View, rate: float) -> tuple[int, ...]:
    """Return the rungs of the next segments with the greatest QoE, the first of equals.

    It is the optimum over all plans, as if each were tried: a branch is left only when not even
    the highest rate without stalls could make it better than the best so far.
    """
    return _Search(view, rate).run()


@dataclass(slots=True)
class _Best:
    value: float
    plan: tuple[int, ...]


class _Search:
    """Depth first over rungs, ascending; values are bit/s summed over segments."""

    def __init__(self, view: View, rate: float) -> None:
        self._rates = view.bitrates
        self._durations = view.durations
        self._limit = view.max_buffer
        self._times = [[8 * size / rate for size in sizes] for sizes in view.sizes]
        self._start = (view.buffer, view.last)
        self._best = _Best(-float("inf"), ())

    def run(self) -> tuple[int, ...]:
        buffer, last = self._start
        self._try((), buffer, last, 0.0)
        return self._best.plan

    def _try(self, plan: tuple[int, ...], buffer: float, last: int | None, value: float) -> None:
        depth, rates, best = len(plan), self._rates, self._best
        left = len(self._times) - depth
        if not left:
            if value > best.value:
                best.value, best.plan = value, plan
            return
        hope = (left - 1) * rates[-1]
        duration = self._durations[depth]
        for rung, time in enumerate(self._times[depth]):
            change = 0.0 if last is None else abs(rates[rung] - rates[last])
            stall = max(time - buffer, 0.0)
            worth = value + rates[rung] - SWITCHING * change - rates[-1] * stall
            if worth + hope > best.value:
                then = min(max(buffer - time, 0.0) + duration, max(self._limit, duration))
                self._try((*plan, rung), then, rung, worth)
