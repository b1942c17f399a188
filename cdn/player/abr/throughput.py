"""The rate that past throughput would have carried.

It does not look at the buffer.
"""

from __future__ import annotations

from cdn.player.throughput import fitting, harmonic_mean
from cdn.player.view import View

SAMPLES = 5
SAFETY = 0.9


class Throughput:
    """The highest rung below 0.9 times the harmonic mean of the last five samples.

    The harmonic mean is that of FESTIVE (Jiang, Sekar and Zhang, CoNEXT 2012), five samples those
    of Yin et al. (2015), the margin that of dash.js.
    """

    def choose(self, view: View) -> int:
        """Return the rung; the lowest before anything is known."""
        rate = harmonic_mean(view.samples, SAMPLES)
        return fitting(view.bitrates, None if rate is None else SAFETY * rate)
