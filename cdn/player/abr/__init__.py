"""Rules that choose the rate of the next segment, one file each, under their published names.

A rule sees a `View` and returns a rung; it refuses to know how segments are fetched.
"""

from cdn.player.abr.bola import Bola, bola
from cdn.player.abr.buffer_based import BufferBased
from cdn.player.abr.choice import RULES, AbrError, find_rule
from cdn.player.abr.dynamic import Dynamic
from cdn.player.abr.ewma import Ewma
from cdn.player.abr.fixed import Fixed
from cdn.player.abr.robust_mpc import RobustMpc
from cdn.player.abr.throughput import Throughput

__all__ = [
    "RULES", "AbrError", "Bola", "BufferBased", "Dynamic", "Ewma", "Fixed", "RobustMpc",
    "Throughput", "bola", "find_rule",
]  # fmt: skip
