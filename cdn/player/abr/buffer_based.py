"""The rate as a function of the buffer alone: BBA-0 (Huang et al., SIGCOMM 2014).

It does not look at throughput.
"""

from __future__ import annotations

from cdn.player.view import View

RESERVOIR = 0.375
CUSHION = 0.525


class BufferBased:
    """The lowest rung within the reservoir, the highest above the cushion, linear between.

    The rung changes only when the line has reached the next one (Algorithm 1). Reservoir and
    cushion are the paper's 90 s and 126 s of 240 s, as shares of the buffer here.
    """

    def choose(self, view: View) -> int:
        """Return the rung."""
        rates, highest = view.bitrates, len(view.bitrates) - 1
        reservoir, cushion = RESERVOIR * view.max_buffer, CUSHION * view.max_buffer
        if view.buffer <= reservoir:
            return 0
        if view.buffer >= reservoir + cushion:
            return highest
        last = 0 if view.last is None else view.last
        rate = rates[0] + (rates[-1] - rates[0]) * (view.buffer - reservoir) / cushion
        if rate >= rates[min(last + 1, highest)]:
            return max(0, sum(each < rate for each in rates) - 1)
        if rate <= rates[max(last - 1, 0)]:
            return min(highest, sum(each <= rate for each in rates))
        return last
