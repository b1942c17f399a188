"""Which object a full cache gives up: the policies of the literature, each a small class.

A policy orders keys by what it is told of their use; it refuses to know what they stand for.
"""

from cdn.eviction.lru import Lru
from cdn.eviction.policy import Eviction

__all__ = ["Eviction", "Lru"]
