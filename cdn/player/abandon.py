"""When it is better to give up a segment half-way and fetch it at a lower rate.

It judges one fetch at one moment and stops nothing itself. Sizes are bytes, times seconds.
"""

from __future__ import annotations

from cdn.player.view import Progress, View


def lower_rung(view: View, progress: Progress) -> int | None:
    """Return the rung to fetch instead of going on, None to go on.

    A fetch goes on while it will end before the buffer is empty, or before any other would.
    Otherwise the highest rung that would arrive with half the buffer to spare takes its place,
    or, if none would, the lowest, all at the rate seen so far. So do hls.js and dash.js.
    """
    sizes, rate = view.sizes[0], max(progress.received, 1) / progress.elapsed
    left = (sizes[progress.rung] - progress.received) / rate
    if left <= view.buffer:
        return None
    sooner = [rung for rung in range(progress.rung) if sizes[rung] / rate < left]
    in_time = [rung for rung in sooner if sizes[rung] / rate <= view.buffer / 2]
    return max(in_time) if in_time else min(sooner, default=None)
