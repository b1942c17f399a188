"""Counts what a web cache traces, and passes it on.

Refuses to know who asks for the counts.
"""

from __future__ import annotations

from collections import Counter

from net.trace import Trace, silent


class Tally:
    """A trace that remembers how often each event happened, and the bytes they told."""

    def __init__(self, trace: Trace = silent) -> None:
        self._trace = trace
        self._events: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def __call__(self, event: str, /, **fields: str | float | None) -> None:
        """Count `event`, and pass it on."""
        self._events[event] += 1
        size = fields.get("bytes")
        if isinstance(size, int):
            self._bytes[event] += size
        self._trace(event, **fields)

    def count(self, event: str) -> int:
        """Return how often `event` happened."""
        return self._events[event]

    def bytes(self, event: str) -> int:
        """Return the sum of the bytes that `event` told."""
        return self._bytes[event]
