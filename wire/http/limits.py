"""What a server grants a stranger: sizes in bytes, times in seconds.

Refuses to know how they are enforced.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one connection.

    A piece may take `stall` seconds plus its size at `slowest` bytes/s: a slow client is
    served, one that stopped is not.
    """

    head: int = 16 * KIB
    fields: int = 100
    target: int = 8000
    body: int = 1024 * KIB
    drain: int = 64 * KIB
    idle: float = 60.0
    head_time: float = 10.0
    stall: float = 30.0
    slowest: float = 1000.0
    linger: float = 1.0

    def patience(self, size: int) -> float:
        """Return how many seconds the transfer of `size` bytes may take."""
        return self.stall + size / self.slowest
