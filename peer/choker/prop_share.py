"""The choker that gives to each in proportion to what it gave.

It looks at the last round only.
"""

from __future__ import annotations

from peer.view import NeighbourView, RoundView


class PropShare:
    """Share the uplink in proportion to what each neighbour sent us in the last round.

    A fifth goes to one neighbour that sent nothing, chosen at random for some rounds, so that
    newcomers can begin. Source: Levin, LaCurts, Spring and Bhattacharjee, "BitTorrent is an
    Auction: Analyzing and Improving BitTorrent's Incentives" (SIGCOMM 2008).
    """

    FOR_NEWCOMERS = 0.2

    def __init__(self) -> None:
        self._round = 0
        self._newcomer = b""

    def choose(self, view: RoundView) -> dict[NeighbourView, float]:
        """Return the largest contributors, and one newcomer, with their shares."""
        ranked = sorted(view.interested, key=lambda each: -each.last.received)
        gave = [each for each in ranked if each.last.received][: max(1, view.slots - 1)]
        total = sum(each.last.received for each in gave)
        shares = {each: each.last.received / total for each in gave}
        newcomer = self._choose_newcomer(view)
        if newcomer is not None and len(shares) < view.slots:
            given = 1 - self.FOR_NEWCOMERS
            shares = {each: given * share for each, share in shares.items()}
            shares[newcomer] = self.FOR_NEWCOMERS
        return shares

    def _choose_newcomer(self, view: RoundView) -> NeighbourView | None:
        rest = [each for each in view.interested if not each.last.received]
        kept = [each for each in rest if each.id == self._newcomer]
        if self._round % view.optimistic_rounds == 0 or not kept:
            kept = [view.rng.choice(rest)] if rest else []
        self._round += 1
        self._newcomer = kept[0].id if kept else b""
        return kept[0] if kept else None
