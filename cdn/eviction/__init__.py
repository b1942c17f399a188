"""Which object a full cache gives up: the policies of the literature, each a small class.

A policy orders keys by what it is told of their use; it refuses to know what they stand for.
"""

from cdn.eviction.arc import Arc
from cdn.eviction.belady import Belady
from cdn.eviction.choice import POLICIES, PolicyError, find, make
from cdn.eviction.clock import Clock
from cdn.eviction.fifo import Fifo
from cdn.eviction.gdsf import Gdsf
from cdn.eviction.lfu import Lfu
from cdn.eviction.lru import Lru
from cdn.eviction.lru_k import LruK
from cdn.eviction.policy import Eviction
from cdn.eviction.random import Random
from cdn.eviction.s3_fifo import S3Fifo
from cdn.eviction.sieve import Sieve
from cdn.eviction.two_q import TwoQ
from cdn.eviction.w_tiny_lfu import WTinyLfu

__all__ = [
    "POLICIES",
    "Arc",
    "Belady",
    "Clock",
    "Eviction",
    "Fifo",
    "Gdsf",
    "Lfu",
    "Lru",
    "LruK",
    "PolicyError",
    "Random",
    "S3Fifo",
    "Sieve",
    "TwoQ",
    "WTinyLfu",
    "find",
    "make",
]
