"""Who may download from us until the next round: the chokers, each a small class.

A choker sees a `RoundView` and returns neighbours of it; it knows no messages and no sockets.
"""

from peer.choker.bit_tyrant import BitTyrant
from peer.choker.even import LeastServed, RoundRobin, SeedLinear
from peer.choker.free_rider import FreeRider
from peer.choker.prop_share import PropShare
from peer.choker.tit_for_tat import BlockTitForTat, TitForTat

__all__ = [
    "BitTyrant",
    "BlockTitForTat",
    "FreeRider",
    "LeastServed",
    "PropShare",
    "RoundRobin",
    "SeedLinear",
    "TitForTat",
]
