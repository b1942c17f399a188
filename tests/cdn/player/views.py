"""Views of players, made from what a test cares about."""

from __future__ import annotations

from collections.abc import Sequence

from cdn.player.view import Sample, View

RATES = (0.3e6, 0.75e6, 1.2e6, 1.85e6, 2.85e6, 4.3e6)


def view(
    buffer: float = 10.0,
    rates: Sequence[float] = RATES,
    *,
    last: int | None = None,
    throughput: Sequence[float] = (),
    duration: float = 4.0,
    ahead: int = 5,
    sizes: Sequence[Sequence[int]] | None = None,
    max_buffer: float = 30.0,
) -> View:
    """Return a view; `throughput` are the rates of past fetches, a second each."""
    equal = tuple(round(rate * duration / 8) for rate in rates)
    return View(
        buffer=buffer,
        max_buffer=max_buffer,
        bitrates=tuple(rates),
        durations=(duration,) * ahead,
        sizes=(equal,) * ahead if sizes is None else tuple(map(tuple, sizes)),
        samples=tuple(Sample(round(rate / 8), 1.0) for rate in throughput),
        last=last,
    )
