"""Requests and responses as values, and the two shapes a body can have.

Refuses to know how they are framed or who sends them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol, Self

import trio

from wire.http.errors import TooLargeError
from wire.http.headers import Headers
from wire.http.target import Target

Buffer = bytes | bytearray | memoryview
Inform = Callable[[int, Headers], Awaitable[None]]
NO_FIELDS = Headers()
PHRASES = {status.value: status.phrase.encode("ascii") for status in HTTPStatus}


class Stream(Protocol):
    """A body that arrives piece by piece; whoever holds it last closes it.

    It may have `trailers`, the fields after a chunked body, which are known at its end.
    """

    def __aiter__(self) -> Self:
        """Return the stream itself."""

    async def __anext__(self) -> Buffer:
        """Return the next piece, never empty for long."""

    async def aclose(self) -> None:
        """Let go of whatever the rest would have come from."""


class Tunnel(Protocol):
    """What a connection becomes after a 2xx to CONNECT (RFC 9110 9.3.6): bytes both ways."""

    async def carry(self, client: trio.abc.HalfCloseableStream, early: bytes) -> None:
        """Carry bytes between `client` and the other side until either is done.

        `early` came from the client behind its request.
        """

    async def aclose(self) -> None:
        """Let go of the other side, whether anything was carried or not."""


class Empty:
    """The body of a request that has none."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Buffer:
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Nothing to let go of."""


async def nobody(status: int, headers: Headers) -> None:
    """Tell no one of an interim response."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as a server sees it; `body` streams, at most once.

    `inform` sends the client an interim response (1xx) before the final one.
    """

    method: str
    target: Target
    headers: Headers = NO_FIELDS
    body: Stream = field(default_factory=Empty, compare=False)
    inform: Inform = field(default=nobody, compare=False)


@dataclass(frozen=True, slots=True)
class Response:
    """One response as a server sends it.

    `length` is the size of a streamed `body` in bytes, None where it is not known beforehand.
    A `tunnel` takes the connection over after a 2xx to CONNECT, which has no body.
    """

    status: int
    headers: Headers = NO_FIELDS
    body: Buffer | Stream = b""
    length: int | None = None
    tunnel: Tunnel | None = None

    @property
    def size(self) -> int | None:
        """The body's length in bytes, None if unknown."""
        return len(self.body) if isinstance(self.body, Buffer) else self.length


def explain(status: int, detail: str = "", headers: Headers = NO_FIELDS) -> Response:
    """Return a plain-text response that names its status and says why in one line."""
    phrase = PHRASES.get(status, b"").decode("ascii")
    text = f"{status} {phrase}" + (f": {detail}" if detail else "") + "\n"
    typed = headers.replace({"content-type": "text/plain; charset=utf-8"})
    return Response(status, typed, text.encode())


async def read_all(body: Stream, limit: int) -> bytes:
    """Return the whole of `body`.

    Raises:
        TooLargeError: it is longer than `limit` bytes.
    """
    whole = bytearray()
    async for piece in body:
        if len(whole) + len(piece) > limit:
            raise TooLargeError(f"body exceeds {limit} bytes")
        whole += piece
    return bytes(whole)
