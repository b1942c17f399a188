"""The choker of a strategic peer: it buys download rate where it is cheapest.

It keeps a guess per neighbour of what reciprocation costs and yields, and corrects it each round.
"""

from __future__ import annotations

from dataclasses import dataclass

from peer.view import NeighbourView, RoundView


@dataclass(slots=True)
class _Guess:
    """What one neighbour is thought to be: rates in bytes/s."""

    cost: float  # u_p: the upload rate at which it serves us
    gain: float  # d_p: the download rate it then gives
    served_us: int = 0  # rounds in a row
    paid: bool = False  # whether we served it in the last round


class BitTyrant:
    """Serve those with the best ratio of what they give to what they ask, while it lasts.

    For each neighbour it guesses u_p, the upload rate that makes it serve us, and d_p, the rate
    we then get. A neighbour that is paid and does not serve costs more than thought: u_p rises by
    20 %. One that has served for three rounds may cost less: u_p falls by 10 %. Neighbours are
    paid u_p each, best d_p / u_p first, until our own uplink is spent. Source: Piatek, Isdal,
    Anderson, Krishnamurthy and Venkataramani, "Do Incentives Build Robustness in BitTorrent?"
    (NSDI 2007). What its own uplink can do it takes from the highest rate at which it has sent so
    far, at least a chunk per slot and second; the first guess of u_p and d_p is an equal share.
    """

    RAISE, LOWER, PATIENCE = 1.2, 0.9, 3

    def __init__(self) -> None:
        self._capacity = 0.0
        self._guesses: dict[bytes, _Guess] = {}

    def choose(self, view: RoundView) -> dict[NeighbourView, float]:
        """Return the best bargains, with what each is to be paid (bytes/s) as its share."""
        self._capacity = max(self._capacity, view.upload_rate, view.slots * view.chunk_size)
        self._learn(view)
        left, paid = self._capacity, dict[NeighbourView, float]()
        for neighbour in sorted(view.interested, key=self._ratio, reverse=True)[: view.slots]:
            guess = self._guesses[neighbour.id]
            if paid and guess.cost > left:
                break
            guess.paid = True
            paid[neighbour] = guess.cost
            left -= guess.cost
        return paid

    def _ratio(self, neighbour: NeighbourView) -> float:
        guess = self._guesses[neighbour.id]
        return guess.gain / guess.cost

    def _learn(self, view: RoundView) -> None:
        """Correct each guess by what the last round has shown; forget who is gone."""
        share = self._capacity / view.slots
        before, self._guesses = self._guesses, {}
        for neighbour in view.interested:
            guess = self._guesses[neighbour.id] = before.get(neighbour.id) or _Guess(share, share)
            if not neighbour.choking:
                guess.served_us += 1
                if neighbour.last.received:
                    guess.gain = neighbour.last.received / view.interval
                if guess.served_us >= self.PATIENCE:
                    guess.cost *= self.LOWER
            else:
                guess.served_us = 0
                if guess.paid:
                    guess.cost *= self.RAISE
            guess.paid = False
