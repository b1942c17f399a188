"""Which chunk to ask for next.

A picker sees masks of chunks (bit i: chunk i) and how rare each is; it knows no neighbours.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from peer.view import ChunksView


class Availability:
    """How many neighbours have each chunk.

    Always true: each chunk's bit is set in exactly one of `levels`, at the index of its count.
    """

    def __init__(self, chunk_count: int) -> None:
        self.levels = [(1 << chunk_count) - 1]
        self._counts = [0] * chunk_count

    def count(self, index: int) -> int:
        """How many neighbours have chunk `index`."""
        return self._counts[index]

    def add(self, index: int) -> None:
        """One more neighbour has chunk `index`."""
        self._move(index, +1)

    def add_all(self, mask: int) -> None:
        """A neighbour with these chunks has come."""
        for index in bits(mask):
            self._move(index, +1)

    def remove_all(self, mask: int) -> None:
        """A neighbour with these chunks has gone."""
        for index in bits(mask):
            self._move(index, -1)

    def recount(self, index: int, count: int) -> None:
        """So many neighbours have chunk `index`, whatever was counted before."""
        while self._counts[index] != count:
            self._move(index, 1 if self._counts[index] < count else -1)

    def _move(self, index: int, step: int) -> None:
        bit = 1 << index
        level = self._counts[index]
        self._counts[index] = level + step
        self.levels[level] ^= bit
        if level + step == len(self.levels):
            self.levels.append(bit)
        else:
            self.levels[level + step] ^= bit


class Random:
    """Any chunk, with equal chances."""

    def pick(
        self,
        candidates: int,
        chunks: ChunksView,  # noqa: ARG002 - part of the protocol
        rng: random.Random,
    ) -> int:
        """Return a uniformly random bit of `candidates`."""
        return nth_bit(candidates, rng.randrange(candidates.bit_count()))


class RarestFirst:
    """The chunk that the fewest neighbours have, ties broken at random; the very first is any.

    A rare chunk comes slowly, and a peer needs one to trade. Source: Legout, Urvoy-Keller and
    Michiardi, "Rarest First and Choke Algorithms Are Enough" (IMC 2006).
    """

    def pick(self, candidates: int, chunks: ChunksView, rng: random.Random) -> int:
        """Return a random one of the rarest bits of `candidates`."""
        if not chunks.begun:
            return nth_bit(candidates, rng.randrange(candidates.bit_count()))
        return rarest(candidates, chunks.levels, rng)


class Sequential:
    """The chunk that comes first in the file, as a player or a plain download wants it.

    All peers then want the same chunks at the same time and have little to trade.
    """

    def pick(
        self,
        candidates: int,
        chunks: ChunksView,  # noqa: ARG002 - part of the protocol
        rng: random.Random,  # noqa: ARG002 - part of the protocol
    ) -> int:
        """Return the lowest bit of `candidates`."""
        return (candidates & -candidates).bit_length() - 1


class WindowedRarest:
    """The rarest chunk of those soon to be played, or of all if they are all asked for.

    The window begins at the playback point, the first missing chunk, and slides with it. Source:
    Vlavianos, Iliofotou and Faloutsos, "BiToS: Enhancing BitTorrent for Supporting Streaming
    Applications" (Global Internet 2006), with the high-priority set always served first.
    """

    WINDOW = 32  # chunks

    def pick(self, candidates: int, chunks: ChunksView, rng: random.Random) -> int:
        """Return a random one of the rarest bits of `candidates` within the window, if any."""
        soon = candidates & (((1 << self.WINDOW) - 1) << chunks.playback)
        return rarest(soon or candidates, chunks.levels, rng)


def rarest(candidates: int, levels: Iterable[int], rng: random.Random) -> int:
    """Return a random one of the bits of `candidates` that are in the first of `levels`."""
    for level in levels:
        tied = level & candidates
        if tied:
            return nth_bit(tied, rng.randrange(tied.bit_count()))
    raise ValueError("there is no chunk to pick")


def nth_bit(mask: int, n: int) -> int:
    """The position of the n-th set bit of `mask` (n = 0: the lowest), by bisection."""
    position = 0
    width = mask.bit_length()
    while width > 1:
        half = width >> 1
        low = mask & ((1 << half) - 1)
        count = low.bit_count()
        if n < count:
            mask, width = low, half
        else:
            n -= count
            mask >>= half
            position += half
            width -= half
    return position


def bits(mask: int) -> Iterator[int]:
    """The positions of the set bits of `mask`, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
