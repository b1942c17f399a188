"""What can go wrong while two ends speak HTTP, each with the name of its remedy.

Knows no status code policy beyond the one an error response would carry.
"""

from __future__ import annotations

from wire.errors import ProtocolError


class HttpError(ProtocolError):
    """The exchange failed; its connection must not be used again."""


class DisconnectedError(HttpError):
    """The peer went away before a single byte of its response: safe to retry elsewhere."""


class TruncatedError(HttpError):
    """A body ended before its declared length; what was read is not the whole."""


class TooLargeError(HttpError):
    """A body is longer than its reader allows."""


class SilentPeerError(HttpError):
    """The peer stayed silent for longer than agreed."""


class BadRequestError(HttpError):
    """A request that deserves `status` instead of an answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
