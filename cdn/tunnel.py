"""A tunnel: bytes between a client and a server it named, both ways, until they are done.

Refuses to know what the bytes mean and whether the client may go there.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from net.seam import Connection
from wire.http.message import Buffer

_PIECE = 64 * 1024
_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


class Tunnel:
    """Carries bytes to and from `server`, whose connection it owns.

    It ends when both sides have said all, when one of them breaks, or after `idle` seconds
    without a byte in either direction. `closed` then hears how many bytes went up and down.
    """

    def __init__(
        self, server: Connection, *, idle: float, closed: Callable[[int, int], None]
    ) -> None:
        self._sent = 0
        self._received = 0
        self._server = server
        self._idle = idle
        self._closed = closed
        self._scope = trio.CancelScope()

    async def carry(self, client: trio.abc.HalfCloseableStream, early: Buffer) -> None:
        """Carry bytes until the tunnel ends; `early` came from the client already."""
        self._alive()
        with self._scope:
            try:
                if early:
                    await self._server.send_all(early)
                    self._sent += len(early)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._upwards, client)
                    nursery.start_soon(self._downwards, client)
            except* _GONE:
                pass  # one side broke; the other learns it when it is closed

    async def _upwards(self, client: trio.abc.HalfCloseableStream) -> None:
        while data := await client.receive_some(_PIECE):
            self._alive()
            await self._server.send_all(data)
            self._sent += len(data)
        await self._server.send_eof()

    async def _downwards(self, client: trio.abc.HalfCloseableStream) -> None:
        while data := await self._server.receive_some(_PIECE):
            self._alive()
            await client.send_all(data)
            self._received += len(data)
        await client.send_eof()

    def _alive(self) -> None:
        self._scope.deadline = trio.current_time() + self._idle

    async def aclose(self) -> None:
        """Close the connection to the server."""
        try:
            await self._server.aclose()
        finally:
            self._closed(self._sent, self._received)
