"""Chokers that ask for nothing in return and give each neighbour its part.

They look at what each was given, never at what it gave.
"""

from __future__ import annotations

from peer.view import NeighbourView, RoundView


class LeastServed:
    """Serve those who got least from us so far: a seed's way to spread a file evenly.

    It asks for nothing, as a seed must. Ours; later BitTorrent clients come close to it when they
    seed and serve everybody in turn (Legout, Urvoy-Keller and Michiardi, "Rarest First and Choke
    Algorithms Are Enough", IMC 2006).
    """

    work_conserving = True
    when_complete = "least-served"

    def choose(self, view: RoundView) -> list[NeighbourView]:
        """Return the `slots` neighbours with the fewest bytes from us."""
        return sorted(view.interested, key=lambda neighbour: neighbour.sent)[: view.slots]


class RoundRobin:
    """Serve everybody in turn, whatever they give: fair turns and no incentive.

    The baseline against which incentives are measured. Source: the round-robin unchoke that
    libtorrent offers for seeds, used here by downloaders too.
    """

    work_conserving = True
    when_complete = "round-robin"

    def __init__(self) -> None:
        self._line: list[bytes] = []  # who waits longest first

    def choose(self, view: RoundView) -> list[NeighbourView]:
        """Return the first `slots` in the line, who then go to its end."""
        present = {neighbour.id: neighbour for neighbour in view.interested}
        self._line = [each for each in self._line if each in present]
        self._line += [each for each in present if each not in self._line]
        chosen, waiting = self._line[: view.slots], self._line[view.slots :]
        self._line = waiting + chosen
        return [present[each] for each in chosen]


class SeedLinear:
    """Serve the neighbours one group after another, each until it has its part of a copy.

    A seed's choker, our own: it gives the file away copy by copy. In each copy every neighbour
    is due one part, the file's size divided by the number of neighbours. The first in the line
    that still lack their part are served, the oldest connection first, so few are served at a
    time and each fast; when none lacks it, the next copy begins. Where `LeastServed` gives all
    their parts at once, `SeedLinear` gives them one after another.
    """

    work_conserving = True
    when_complete = "seed-linear"

    def __init__(self) -> None:
        self._copy = 1

    def choose(self, view: RoundView) -> list[NeighbourView]:
        """Return the first `slots` in the line that lack their part of the present copy."""
        if not view.interested:
            return []
        part = view.chunk_count * view.chunk_size / view.neighbours
        due = [each for each in view.interested if each.sent < self._copy * part]
        if not due:
            self._copy = int(min(each.sent for each in view.interested) / part) + 1
            due = [each for each in view.interested if each.sent < self._copy * part]
        return due[: view.slots]
