"""How a node says what happened: one call, an event in the past tense with its fields.

The runner binds the time and the host; a node that nobody watches is given `silent`.
"""

from __future__ import annotations

from typing import Protocol


class Trace(Protocol):
    """Records one event, e.g. `trace("chunk_received", chunk=7, source="peer-3", bytes=65536)`.

    Field values are str, int, float, bool or None, so that every event is one line of JSON.
    """

    def __call__(self, event: str, /, **fields: str | float | None) -> None:
        """Record `event` with `fields`."""


def silent(event: str, /, **fields: str | float | None) -> None:
    """Record nothing."""
