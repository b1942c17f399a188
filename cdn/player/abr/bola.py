"""BOLA: the rate that maximises utility per bit, given the buffer (Spiteri et al., INFOCOM 2016).

It looks at the buffer and at sizes, never at throughput.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from cdn.player.view import View

GAMMA_P = 5.0
"""How much playing on without a stall is worth beside quality: the paper's gamma times p."""


def bola(buffer: float, limit: float, sizes: Sequence[int], gamma_p: float = GAMMA_P) -> int:
    """Return the rung m with the greatest (V (v_m + gp) - Q) / S_m.

    `buffer` is Q and `limit` Q_max, both in segments; `sizes` are S_m, ascending. The utility v_m
    is ln(S_m / S_1), and V = (Q_max - 1) / (v_M + gp), so that the highest rung is still worth
    fetching while there is room for one segment. Of equals the highest rung.
    """
    utilities = [log(size / sizes[0]) for size in sizes]
    v = (limit - 1) / (utilities[-1] + gamma_p)
    scores = [
        (v * (utility + gamma_p) - buffer) / size
        for utility, size in zip(utilities, sizes, strict=True)
    ]
    return max(range(len(sizes)), key=lambda rung: (scores[rung], rung))


class Bola:
    """The published basic rule, with the sizes of the very next segment.

    The paper pauses where every score is negative; here the player's bound on its buffer does
    that. Neither the placeholder segments of BOLA-E nor the caps of BOLA-O are in it: after
    a start or a seek it climbs only as the buffer fills. `Dynamic` is the answer to that.
    """

    def choose(self, view: View) -> int:
        """Return the rung."""
        duration = view.durations[0]
        limit = max(view.max_buffer / duration, 2.0)
        return bola(view.buffer / duration, limit, view.sizes[0])
