"""What is raised when the other side does not speak the protocol.

It knows the reason in words, not the connection it happened on.
"""

from __future__ import annotations


class ProtocolError(ValueError):
    """Bytes or values that the protocol does not allow; `reason` says what was wrong."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
