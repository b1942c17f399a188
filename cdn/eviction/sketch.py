"""How often keys were asked for, roughly and in bounded memory.

It refuses to know which keys there are: it only counts where they hash to.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable
from functools import lru_cache, partial
from hashlib import blake2b
from math import ceil, log

_WORD, _HALF = 2**64 - 1, 2**32 - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_SEEDS = 0x12345678, 0x12344321
_REMEMBERED = 2**14  # keys whose places need not be computed again


class CountingSketch:
    """A counting Bloom filter (Einziger, Friedman & Manes, "TinyLFU", TOS 2017, section 3.2).

    Sized for `entries` keys at a false positive rate of `error`; two hashes make all others
    (Kirsch & Mitzenmacher 2006). Everything halves when `halve` is called.

    Invariant: each counter is at least the number of additions since, halvings included, of
    every key that hashes to it, so an estimate is never too low.
    """

    def __init__(self, entries: int, error: float = 0.001) -> None:
        per_entry = -log(error) / log(2) ** 2
        hashes = ceil(log(2) * per_entry)
        counters = ceil(per_entry * entries)
        if counters < hashes:
            counters = 2 * hashes
        self._counters = array("I", bytes(4 * counters))
        self._places = lru_cache(_REMEMBERED)(partial(_places, hashes, counters))

    def add(self, key: Hashable) -> None:
        """Count one request for `key`."""
        counters = self._counters
        for place in self._places(key):
            counters[place] += 1

    def estimate(self, key: Hashable) -> int:
        """Return about how often `key` was added."""
        counters = self._counters
        return min([counters[place] for place in self._places(key)])

    def halve(self) -> None:
        """Let all that was counted so far count half."""
        self._counters = array("I", [counter >> 1 for counter in self._counters])


def _places(hashes: int, counters: int, key: Hashable) -> tuple[int, ...]:
    """Return which of the `counters` belong to `key`."""
    word = key & _WORD if isinstance(key, int) else _digest(key)
    start, step = [_xxh64(word, seed) for seed in _SEEDS]
    return tuple([(start + turn * step & _HALF) % counters for turn in range(hashes)])


def _digest(key: Hashable) -> int:
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "little")


def _xxh64(word: int, seed: int) -> int:
    """Return XXH64 (xxHash specification 0.1.1) of eight bytes, given as a number."""
    mixed = word * _P2 & _WORD
    mixed = (mixed << 31 | mixed >> 33) & _WORD
    value = (seed + _P5 + 8) & _WORD ^ mixed * _P1 & _WORD
    value = (value << 27 | value >> 37) & _WORD
    value = value * _P1 + _P4 & _WORD
    value = (value ^ value >> 33) * _P2 & _WORD
    value = (value ^ value >> 29) * _P3 & _WORD
    return value ^ value >> 32
