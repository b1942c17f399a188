"""One fetch of one object, shared by everyone who asks for it meanwhile.

Refuses to know how the fetch is made; it only tells those who wait what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import trio

from cdn.stored import Stored


@dataclass(frozen=True, slots=True)
class Shared:
    """The response may answer everyone; its body may still be arriving."""

    stored: Stored


@dataclass(frozen=True, slots=True)
class Private:
    """The response belongs to the request that fetched it; the others must ask for their own."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No response came; `status` (502 or 504) and `reason` tell why."""

    status: int
    reason: str


Outcome = Shared | Private | Failed


class Fill:
    """A fetch under way.

    Invariant: the outcome is decided once, and nobody waits after that. `pouring` says that a
    body is being read for everyone.
    """

    def __init__(self) -> None:
        self.pouring = False
        self._decided = trio.Event()
        self._outcome: Outcome = Failed(502, "the fetch was abandoned")

    def decide(self, outcome: Outcome) -> None:
        """Tell everyone, unless they have been told already."""
        if not self._decided.is_set():
            self._outcome = outcome
            self._decided.set()

    async def outcome(self) -> Outcome:
        """Return what came of it, once that is known."""
        await self._decided.wait()
        return self._outcome
