"""The rate that a moving average of throughput would have carried.

It does not look at the buffer.
"""

from __future__ import annotations

from cdn.player.throughput import fitting, moving_average
from cdn.player.view import View

FAST, SLOW = 3.0, 9.0
SAFETY = 0.9


class Ewma:
    """The highest rung below 0.9 times the lower of two exponentially weighted averages.

    As in hls.js, whose half-lives for recorded video these are: the fast one notices a drop
    soon, the slow one does not trust a rise at once.
    """

    def choose(self, view: View) -> int:
        """Return the rung; the lowest before anything is known."""
        fast, slow = (moving_average(view.samples, each) for each in (FAST, SLOW))
        if fast is None or slow is None:
            return 0
        return fitting(view.bitrates, SAFETY * min(fast, slow))
