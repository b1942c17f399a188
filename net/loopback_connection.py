"""A shaped TCP connection: a flow of the fabric in front of a real socket.

What is sent crosses the flow first, and is written to the socket when it has arrived; what is
received comes straight from the socket, since its sender has shaped it. It knows no ports.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import trio

from net.fabric import Fabric
from net.flow import Flow
from net.flow_connection import FlowConnection
from net.link import Piece
from net.parking import Parking
from net.sockets import SocketConnection

LINGER = 60.0  # seconds a closed connection may take to deliver what was sent


class LoopbackConnection(FlowConnection):
    """One end of a shaped connection from `hosts[0]` to `hosts[1]` (None: a stranger).

    Always true: bytes are written to the socket in the order sent, and none before its time.
    """

    def __init__(
        self,
        fabric: Fabric,
        hosts: tuple[str, str | None],
        inner: SocketConnection,
        nursery: trio.Nursery,
    ) -> None:
        super().__init__(fabric, inner.local, inner.remote)
        self._hosts = hosts
        self._inner = inner
        self._pump = Parking()
        self._arrived: deque[Piece] = deque()
        self._ended = False
        self._linger = trio.CancelScope()
        self._out = self._open_flow()
        nursery.start_soon(self._forward)

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Return some bytes, or none at the end of the stream."""
        if self._closed:
            await trio.lowlevel.checkpoint()
            raise trio.ClosedResourceError("this connection was already closed")
        return await self._inner.receive_some(max_bytes)

    async def aclose(self) -> None:
        """Close both halves; what was sent is still delivered, in the background."""
        if not self._closed:
            self._closed = True
            self._writer.wake()
            trio.lowlevel.notify_closing(self._inner.stream.socket.fileno())
            if not self._eof_sent:
                self._out.end()
            self._linger.deadline = trio.current_time() + LINGER
            self._pump.wake()
        await trio.lowlevel.checkpoint()

    def _open_flow(self) -> Flow:
        source, target = self._hosts
        if target is None:
            return self._fabric.open_outbound(
                source, deliver=self._deliver, finish=self._finish, room=self._drained
            )
        return self._fabric.open_flow(
            source, target, deliver=self._deliver, finish=self._finish, room=self._drained
        )

    def _deliver(self, pieces: Sequence[Piece], _: int) -> None:
        self._arrived.extend(pieces)
        self._pump.wake()

    def _finish(self) -> None:
        self._ended = True
        self._pump.wake()

    async def _forward(self) -> None:
        """Write to the socket what has arrived, until the flow ends or the socket fails."""
        async with self._inner:
            with self._linger:
                try:
                    await self._write_all()
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    self._broken = True
                    self._writer.wake()
            self._forget()
            while not self._closed:
                await self._pump.wait()

    async def _write_all(self) -> None:
        while not self._ended or self._arrived:
            if self._arrived:
                await self._write(b"".join(self._arrived))
            else:
                await self._pump.wait()
        await self._inner.send_eof()

    async def _write(self, data: bytes) -> None:
        self._arrived.clear()
        await self._inner.send_all(data)
        self._out.read(len(data))

    def _forget(self) -> None:
        source, target = self._hosts
        self._arrived.clear()
        if target is None:
            self._out.kill()
        else:
            self._fabric.forget(source, target, self._out)
