"""What a player asks for, and of whom: the seam between playing and bringing bytes.

A source may be one server, or several and a swarm; the player refuses to know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Heard = Callable[[int], None]
"""Told how many bytes of a segment have come, each time that some have."""


class SourceError(Exception):
    """It cannot be had, after every try that was worth it; the text says what and why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One segment at one rung: number `index` of the video, None for a rung's init file.

    `byte_range` is its (length, offset) within `url`, None for the whole. At `deadline`, in
    seconds on trio's clock, the player will have nothing left to play: now where the viewer waits
    already, never in a pause. Before that there is time to ask elsewhere than the edge.
    """

    url: str
    index: int | None
    rung: int
    byte_range: tuple[int, int] | None = None
    deadline: float = 0.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A segment that came whole: its bytes, who sent it, whether the nearest cache had it."""

    bytes: int
    server: str
    hit: bool | None = None


class Source(Protocol):
    """Brings playlists and segments. A fetch that is cancelled stops taking bytes at once."""

    async def playlist(self, url: str) -> tuple[str, str]:
        """Return the text of a playlist, and the URL it was found at in the end.

        Raises:
            SourceError: it cannot be had.
        """

    async def fetch(self, wanted: Wanted, heard: Heard) -> Fetched:
        """Fetch one segment to its end; `heard` is told how far it is.

        Raises:
            SourceError: it cannot be had.
        """

    async def aclose(self) -> None:
        """Let go of connections."""
