"""A source that is an HTTP server: one connection, kept for as long as it lasts.

It refuses to know what is played; it dials, asks, counts bytes, and asks again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import trio

from cdn.player.cached import was_hit
from cdn.player.source import Fetched, Heard, SourceError, Wanted
from cdn.url import Url
from net.seam import Address, Network
from wire.http.client import HttpConnection, IncomingResponse
from wire.http.errors import DisconnectedError, HttpError, SilentPeerError, TooLargeError
from wire.http.headers import Headers

MAX_PLAYLIST = 8 * 2**20
MAX_SEGMENT = 256 * 2**20
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_MAX_REDIRECT = 64 * 1024
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_RETRIES = 4
_FIRST_PAUSE = 0.25

_T = TypeVar("_T")


class HttpSource:
    """Playlists and segments over HTTP/1.1.

    Invariant: at most one connection is open, and one request under way, at a time.
    """

    def __init__(self, network: Network, *, silence: float = 20.0) -> None:
        """Ask over `network`; a server silent for `silence` seconds is given up."""
        self._network = network
        self._silence = silence
        self._connection: HttpConnection | None = None
        self._at: Address | None = None

    async def playlist(self, url: str) -> tuple[str, str]:
        """Return the text of a playlist, and the URL it was found at in the end."""

        async def read(at: Url) -> tuple[str, str]:
            async with self._answer(at, Headers()) as (response, found):
                _expect(response, 200, found)
                return (await response.read(MAX_PLAYLIST)).decode("utf-8", "replace"), str(found)

        return await self._persist(url, read)

    async def fetch(self, wanted: Wanted, heard: Heard) -> Fetched:
        """Fetch one segment to its end; a break begins it anew."""

        async def read(at: Url) -> Fetched:
            async with self._answer(at, _range(wanted)) as (response, found):
                _expect(response, 200 if wanted.byte_range is None else 206, found)
                size = await self._count(response, wanted, heard)
                return Fetched(size, str(found.address), was_hit(response.headers))

        return await self._persist(wanted.url, read)

    async def aclose(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.aclose()
            self._connection = None

    async def _count(self, response: IncomingResponse, wanted: Wanted, heard: Heard) -> int:
        size = 0
        async for data in response:
            size += len(data)
            if size > MAX_SEGMENT:
                raise TooLargeError(f"a segment of more than {MAX_SEGMENT} bytes")
            heard(size)
        expected = response.length if wanted.byte_range is None else wanted.byte_range[0]
        if expected is not None and size != expected:
            raise HttpError(f"got {size} of {expected} bytes")
        return size

    async def _persist(self, url: str, read: Callable[[Url], Awaitable[_T]]) -> _T:
        """Return what `read` returns, after a few tries if need be."""
        try:
            at = Url.parse(url)
        except ValueError as error:
            raise SourceError(str(error)) from error
        failures = 0
        while True:
            try:
                return await read(at)
            except TooLargeError as error:
                raise SourceError(f"{url}: {error}") from error
            except (HttpError, OSError) as error:
                failures += 1
                if failures > _RETRIES:
                    raise SourceError(f"{url}: gave up: {error}") from error
                await trio.sleep(_FIRST_PAUSE * 2 ** (failures - 1))

    @asynccontextmanager
    async def _answer(
        self, url: Url, headers: Headers
    ) -> AsyncIterator[tuple[IncomingResponse, Url]]:
        """Yield the answer to a GET of `url`, and the URL redirects have led to."""
        for _ in range(_MOST_REDIRECTS + 1):
            response = await self._send(url, headers)
            try:
                if response.status not in _REDIRECTS:
                    yield response, url
                    return
                await response.read(_MAX_REDIRECT)
                url = _led(url, response)
            finally:
                await response.aclose()
        raise SourceError(f"{url}: redirected more than {_MOST_REDIRECTS} times")

    async def _send(self, url: Url, headers: Headers) -> IncomingResponse:
        """Ask on the connection that is open, or, if it has just been closed, on a new one."""
        open_one = self._connection
        if open_one is not None and open_one.reusable and self._at == url.address:
            with suppress(DisconnectedError):
                return await open_one.send("GET", url.target, headers=headers)
        connection = await self._connect(url.address)
        return await connection.send("GET", url.target, headers=headers)

    async def _connect(self, address: Address) -> HttpConnection:
        await self.aclose()
        with trio.move_on_after(self._silence):
            stream = await self._network.dial(address)
            self._at = address
            self._connection = HttpConnection(stream, str(address), timeout=self._silence)
            return self._connection
        raise SilentPeerError(f"no answer from {address} within {self._silence:g} s")


def _expect(response: IncomingResponse, status: int, url: Url) -> None:
    """Raise unless `response` has `status`; what may pass can be tried again."""
    if response.status == status:
        return
    if response.status in _PASSING:
        raise HttpError(f"the server answered {response.status}")
    raise SourceError(f"{url}: the server answered {response.status}")


def _led(url: Url, response: IncomingResponse) -> Url:
    try:
        return url.join(response.headers.get("location") or "")
    except ValueError as error:
        raise SourceError(f"{url}: redirected out of http: {error}") from error


def _range(wanted: Wanted) -> Headers:
    if wanted.byte_range is None:
        return Headers()
    length, offset = wanted.byte_range
    return Headers({"range": f"bytes={offset}-{offset + length - 1}"})
