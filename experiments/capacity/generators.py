"""Link traces made from a seed: steps, a Markov chain, and something like a moving phone.

All are models, not measurements. Rates are bit/s, times seconds.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import exp, log

from experiments.capacity.trace import LinkTrace, of_steps


def step(levels: Sequence[float], hold: float) -> LinkTrace:
    """Return the trace that holds each of `levels` for `hold` seconds, in turn."""
    return of_steps([(hold, level) for level in levels])


def markov(
    levels: Sequence[float], *, stay: float, duration: float, seed: int, every: float = 1.0
) -> LinkTrace:
    """Return a walk over `levels`: each `every` seconds it stays with probability `stay`.

    Otherwise it goes to a neighbouring level, up or down alike.
    """
    rng = random.Random(f"{seed}/link/markov")
    at, steps = len(levels) // 2, list[tuple[float, float]]()
    for _ in range(round(duration / every)):
        steps.append((every, levels[at]))
        if rng.random() >= stay:
            at = min(max(at + rng.choice((-1, 1)), 0), len(levels) - 1)
    return of_steps(steps)


def mobile(mean: float, *, duration: float, seed: int, every: float = 1.0) -> LinkTrace:
    """Return a trace like a phone's on the move: slow drifts, fast ripples, and deep fades.

    The logarithm of the rate is the sum of two autoregressive processes (time constants of about
    20 s and 2 s, deviations 0.5 and 0.25); now and then, once a minute on average, the rate drops
    to a tenth for a few seconds. The mean is `mean`.
    """
    rng = random.Random(f"{seed}/link/mobile")
    drift, ripple, faded, rates = 0.0, 0.0, 0, list[float]()
    for _ in range(round(duration / every)):
        drift = _wander(drift, 20 / every, 0.5, rng)
        ripple = _wander(ripple, 2 / every, 0.25, rng)
        if faded:
            faded -= 1
        elif rng.random() < every / 60:
            faded = rng.randint(2, 6)
        rates.append(exp(drift + ripple) * (0.1 if faded else 1.0))
    scale = mean * len(rates) / sum(rates)
    return of_steps([(every, round(rate * scale, -3)) for rate in rates])


def evenly(low: float, high: float, count: int) -> list[float]:
    """Return `count` levels from `low` to `high`, each the same factor above the one before."""
    return [
        round(exp(log(low) + (log(high) - log(low)) * place / (count - 1)), -3)
        for place in range(count)
    ]


def _wander(value: float, time: float, deviation: float, rng: random.Random) -> float:
    keep = exp(-1 / time)
    return keep * value + rng.gauss(0, deviation * (1 - keep**2) ** 0.5)
