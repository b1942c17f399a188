"""The sending half of a connection whose bytes cross a flow of the fabric.

Virtual connections and shaped real ones share it, errors included: they are raised as
`trio.SocketStream` raises them. It knows nothing of what becomes of the bytes at the far end.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from net.fabric import Fabric
from net.flow import Flow
from net.link import Piece
from net.parking import Parking
from net.seam import Address, Connection


class FlowConnection(Connection):
    """One end of a connection, as far as sending goes.

    Always true: at most one task sends, and nothing is sent after an end mark, a close or a break.
    """

    _out: Flow

    def __init__(self, fabric: Fabric, local: Address, remote: Address) -> None:
        self._fabric = fabric
        self._local = local
        self._remote = remote
        self._writer = Parking()
        self._sending = False
        self._then: Callable[[], None] | None = None
        self._eof_sent = False
        self._closed = False
        self._broken = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "broken" if self._broken else "open"
        return f"<{type(self).__name__} {self._local} -> {self._remote}, {state}>"

    @property
    def local(self) -> Address:
        """This end's address."""
        return self._local

    @property
    def remote(self) -> Address:
        """The other end's address."""
        return self._remote

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of `data`; returns once the first link has it all."""
        await self.send_parts(data)

    async def send_parts(self, *parts: bytes | bytearray | memoryview) -> None:
        """Send `parts` one after the other, as if they were one; none is copied that is bytes."""
        self._check_idle()
        if self._eof_sent:
            raise trio.ClosedResourceError("the sending half was already closed")
        if self._broken:
            raise trio.BrokenResourceError("connection reset by peer")
        self._out.send(*map(_frozen, parts))
        await self._until_room()

    def send_now(self, *parts: bytes | memoryview, then: Callable[[], None] | None = None) -> bool:
        """Send `parts` without waiting, if nobody is sending and the send buffer has room.

        `then` is called where `send_all` would return: once the first link has it all.
        """
        unable = self._sending or self._closed or self._broken or self._eof_sent
        if unable or self._out.unsent > self._fabric.transport.send_buffer:
            return False
        self._out.send(*map(_frozen, parts))
        if then is not None:
            self._sending, self._then = True, then
            if self._out.unsent <= self._fabric.transport.send_buffer:
                self._drained()
        return True

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until `send_all` would take some data at once."""
        self._check_idle()
        await self._until_room()

    async def send_eof(self) -> None:
        """Close the sending half; the other end reads EOF after all that was sent."""
        self._check_idle()
        if not self._eof_sent and not self._broken:
            self._eof_sent = True
            self._out.end()
        await trio.lowlevel.checkpoint()

    def _drained(self) -> None:
        """The send buffer has room again: tell who waits for it."""
        self._writer.wake()
        if self._then is not None:
            scheduler = self._fabric.scheduler
            scheduler.call_at(scheduler.now(), self._go_on, self._then)
            self._then = None

    def _go_on(self, then: Callable[[], None]) -> None:
        self._sending = False
        if not self._closed and not self._broken:
            then()

    def _check_idle(self) -> None:
        if self._sending:
            raise trio.BusyResourceError("another task is sending on this connection")
        if self._closed:
            raise trio.ClosedResourceError("this connection was already closed")

    async def _until_room(self) -> None:
        """Wait while more than the send buffer holds is unsent; always a checkpoint."""
        self._sending = True
        try:
            if self._out.unsent <= self._fabric.transport.send_buffer:
                await trio.lowlevel.checkpoint()
                return
            await self._writer.wait()
        finally:
            self._sending = False
        if self._closed:
            raise trio.ClosedResourceError("this connection was closed")
        if self._broken:
            raise trio.BrokenResourceError("connection reset by peer")


def _frozen(data: bytes | bytearray | memoryview) -> Piece:
    """`data` as something that cannot change under a flow: bytes go by reference."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, memoryview) and isinstance(data.obj, bytes) and data.contiguous:
        return data if data.format == "B" else data.cast("B")
    return bytes(data)
