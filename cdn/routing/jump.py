"""Jump consistent hashing: numbered buckets, no table.

It refuses to know names: the edges are buckets by their place in the list.
"""

from __future__ import annotations

from cdn.routing.fleet import Fleet
from cdn.routing.hashing import hash64

_MULTIPLIER = 2_862_933_555_777_941_757
_WORD = (1 << 64) - 1


def jump(key: int, buckets: int) -> int:
    """Return the bucket, 0 to `buckets` - 1, of the 64-bit `key` (Lamping & Veach 2014)."""
    if buckets < 1:
        raise ValueError(f"{buckets} buckets can hold nothing; give at least 1")
    bucket, following = -1, 0
    while following < buckets:
        bucket = following
        key = (key * _MULTIPLIER + 1) & _WORD
        following = int((bucket + 1) * ((1 << 31) / ((key >> 33) + 1)))
    return bucket


class JumpHash:
    """Keys by jump hash over the list of edges.

    When the last edge leaves, only its keys move. When another leaves, those behind it change
    their numbers and most of their keys move: the price of having no table.
    """

    def route(self, client: str, key: str, fleet: Fleet) -> str:  # noqa: ARG002 - any client
        """Return the edge whose number is the key's bucket."""
        return fleet.edges[jump(hash64(key), len(fleet.edges))]
