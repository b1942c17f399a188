"""BOLA: the rate that maximises utility per bit, given the buffer (Spiteri et al., INFOCOM 2016).

It looks at the buffer and at sizes, never at throughput.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from cdn.player.view import Progress, View

GAMMA_P = 5.0
"""How much playing on without a stall is worth beside quality: the paper's gamma times p."""


def scores(
    buffer: float, limit: float, sizes: Sequence[int], gamma_p: float = GAMMA_P
) -> list[float]:
    """Return (V (v_m + gp) - Q) / S_m of each rung m.

    `buffer` is Q and `limit` Q_max, both in segments; `sizes` are S_m, ascending. The utility v_m
    is ln(S_m / S_1), and V = (Q_max - 1) / (v_M + gp), so that the highest rung is still worth
    fetching while there is room for one segment.
    """
    utilities = [log(size / sizes[0]) for size in sizes]
    v = (limit - 1) / (utilities[-1] + gamma_p)
    return [
        (v * (utility + gamma_p) - buffer) / size
        for utility, size in zip(utilities, sizes, strict=True)
    ]


def bola(buffer: float, limit: float, sizes: Sequence[int], gamma_p: float = GAMMA_P) -> int:
    """Return the rung with the greatest of the `scores`, of equals the highest."""
    each = scores(buffer, limit, sizes, gamma_p)
    return max(range(len(sizes)), key=lambda rung: (each[rung], rung))


class Bola:
    """The published basic rule, with the sizes of the very next segment.

    The paper pauses where every score is negative; here the player's bound on its buffer does
    that. Neither the placeholder segments of BOLA-E nor the caps of BOLA-O are in it: after
    a start or a seek it climbs only as the buffer fills. `Dynamic` is the answer to that.
    """

    def choose(self, view: View) -> int:
        """Return the rung."""
        return bola(*_in_segments(view), view.sizes[0])

    def abandon(self, view: View, progress: Progress) -> int | None:
        """Return the lower rung that is worth more per byte than what is left of this one.

        The paper's rule: the score of the fetch under way counts only the bytes still to come.
        """
        sizes, rung = view.sizes[0], progress.rung
        left = sizes[rung] - progress.received
        each = scores(*_in_segments(view), sizes)
        if left <= 0 or each[rung] < 0:
            return None
        best = max(
            range(rung + 1), key=lambda m: each[m] if m < rung else each[m] * sizes[m] / left
        )
        return best if best < rung and sizes[best] < left else None


def _in_segments(view: View) -> tuple[float, float]:
    """Return the buffer and its bound, at least 2, in segments as long as the next."""
    duration = view.durations[0]
    return view.buffer / duration, max(view.max_buffer / duration, 2.0)
