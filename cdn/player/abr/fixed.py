"""One rate for the whole session, whatever happens.

It looks at nothing but the number of rungs.
"""

from __future__ import annotations

from cdn.player.view import Progress, View


class Fixed:
    """Always the same rung, by default the middle one; `fixed:0` is the lowest."""

    def __init__(self, rung: int | None = None) -> None:
        self._rung = rung

    def choose(self, view: View) -> int:
        """Return the rung, or the highest where there are fewer."""
        highest = len(view.bitrates) - 1
        return highest // 2 if self._rung is None else min(self._rung, highest)

    def abandon(self, view: View, progress: Progress) -> None:
        """Return None: it never gives up."""
