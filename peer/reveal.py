"""Super-seeding: a seed that shows its chunks one by one, so that it sends none twice too soon.

Each neighbour is shown a few chunks that nobody else was shown; when everything is out once, the
seed shows all it has. Source: BEP 16. It knows masks and counts, and sends nothing itself.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable

from peer.neighbour import Neighbour
from peer.picker import Availability, bits, rarest
from wire.message import MAX_HAVE, Have

AHEAD = 2  # chunks shown to a neighbour and still to come, at least
AHEAD_OF_ALL = 16  # the same for all neighbours together


class Reveal:
    """What a super-seed has shown to whom.

    Always true: until it is `over`, a neighbour was shown `revealed` chunks only, and no chunk was
    shown to two neighbours unless one of them left, or `repeat` found the seed idle.
    """

    def __init__(self, chunk_count: int, rng: random.Random) -> None:
        self._everything = (1 << chunk_count) - 1
        self._out = 0  # chunks sent to somebody
        self._shown = Availability(chunk_count)
        self._rng = rng

    @property
    def over(self) -> bool:
        """Whether every chunk was sent to somebody, and so shown to all."""
        return self._out == self._everything

    def show(self, neighbour: Neighbour, neighbours: int) -> None:
        """Show `neighbour`, one of so many, chunks that nobody else was shown, if any are left."""
        ahead = max(AHEAD, AHEAD_OF_ALL // max(1, neighbours))
        self._show(neighbour, self._shown.levels[0], ahead)

    def repeat(self, neighbours: Iterable[Neighbour]) -> None:
        """Nobody asks for what it was shown: show each what others were shown in vain."""
        for neighbour in neighbours:
            self._show(neighbour, ~self._out, AHEAD + neighbour.revealed.bit_count())

    def forget(self, neighbour: Neighbour) -> None:
        """`neighbour` is gone: what it was shown and not sent can be shown to others."""
        self._shown.remove_all(neighbour.revealed & ~neighbour.served)

    def _show(self, neighbour: Neighbour, chunks: int, ahead: int) -> None:
        """Show chunks among `chunks` until `ahead` of them are still to come."""
        while (neighbour.revealed & ~neighbour.served & ~neighbour.have).bit_count() < ahead:
            candidates = self._everything & chunks & ~neighbour.have & ~neighbour.revealed
            if not candidates:
                return
            index = rarest(candidates, self._shown.levels, self._rng)
            self._shown.add(index)
            neighbour.revealed |= 1 << index
            neighbour.outbox.append(Have((index,)))
            chunks &= ~(1 << index)

    def sent(self, neighbour: Neighbour, index: int, neighbours: Collection[Neighbour]) -> None:
        """Chunk `index` went to `neighbour`: show it another, or all to all if all is out."""
        neighbour.served |= 1 << index
        self._out |= 1 << index
        if self.over:
            for each in neighbours:
                self._show_all(each)
        else:
            self.show(neighbour, len(neighbours))

    def uninterested(self, neighbour: Neighbour, neighbours: int) -> None:
        """`neighbour` lacks nothing it was shown, so it has that from others: show it more."""
        neighbour.served |= neighbour.revealed
        self.show(neighbour, neighbours)

    def _show_all(self, neighbour: Neighbour) -> None:
        hidden = list(bits(self._everything & ~neighbour.revealed & ~neighbour.have))
        neighbour.revealed = self._everything
        for start in range(0, len(hidden), MAX_HAVE):
            neighbour.outbox.append(Have(tuple(hidden[start : start + MAX_HAVE])))
