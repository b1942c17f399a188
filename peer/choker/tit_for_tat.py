"""Chokers that return favours: by rate, and by the bytes owed.

They look at what each neighbour sent, and at nothing else.
"""

from __future__ import annotations

from peer.view import NeighbourView, RoundView


class TitForTat:
    """Serve those who send us most, and one more at random: the optimistic unchoke.

    Source: Cohen, "Incentives Build Robustness in BitTorrent" (2003). The optimistic choice
    stays for several rounds, so that a newcomer has time to return the favour.
    """

    work_conserving = True

    def __init__(self) -> None:
        self._round = 0
        self._optimistic = b""

    def choose(self, view: RoundView) -> list[NeighbourView]:
        """Return the `slots` - 1 best uploaders and the optimistic choice."""
        ranked = sorted(view.interested, key=lambda neighbour: -neighbour.download_rate)
        best, rest = ranked[: view.slots - 1], ranked[view.slots - 1 :]
        kept = [neighbour for neighbour in rest if neighbour.id == self._optimistic]
        if self._round % view.optimistic_rounds == 0 or not kept:
            kept = [view.rng.choice(rest)] if rest else []
        self._round += 1
        self._optimistic = kept[0].id if kept else b""
        return best + kept


class BlockTitForTat:
    """Serve those who owe us little: whom we sent at most two chunks more than it sent us.

    Knows bytes, not rates: who gives slowly is served slowly, and who gives nothing gets two
    chunks and no more, for the bound holds between rounds too. Source: Bharambe, Herley and
    Padmanabhan, "Analyzing and Improving a BitTorrent Network's Performance Mechanisms"
    (INFOCOM 2006), which calls the bound Delta.
    """

    credit = 2  # chunks

    def choose(self, view: RoundView) -> list[NeighbourView]:
        """Return those below the bound, those who owe us least first."""
        bound = self.credit * view.chunk_size
        served = [each for each in view.interested if each.sent - each.received < bound]
        return sorted(served, key=lambda each: each.sent - each.received)[: view.slots]
