"""Throughput while the buffer is low, BOLA once it is not (Spiteri et al., MMSys 2018).

It adds nothing to either rule but the choice between them.
"""

from __future__ import annotations

from cdn.player.abr.bola import Bola
from cdn.player.abr.throughput import Throughput
from cdn.player.view import View

ENOUGH = 10.0
"""Seconds of buffer from which on BOLA may take over; half the buffer where that is less."""


class Dynamic:
    """DYNAMIC: changes to BOLA when the buffer suffices and BOLA chooses no less, and back.

    Invariant: the two rules never disagree at the moment of a change in the direction that would
    make the rate fall.
    """

    def __init__(self) -> None:
        self._slow, self._full = Throughput(), Bola()
        self._by_buffer = False

    def choose(self, view: View) -> int:
        """Return the rung."""
        by_rate, by_buffer = self._slow.choose(view), self._full.choose(view)
        enough = view.buffer >= min(ENOUGH, view.max_buffer / 2)
        if not self._by_buffer and enough and by_buffer >= by_rate:
            self._by_buffer = True
        elif self._by_buffer and not enough and by_buffer < by_rate:
            self._by_buffer = False
        return by_buffer if self._by_buffer else by_rate
