"""A TCP connection of the virtual internet: two flows, and what has arrived over each.

It behaves as `trio.SocketStream` does over a real connection, errors included. It knows flows
and tasks, and nothing of ports being free or hosts being known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from operator import index

import trio

from net.clock import Scheduler
from net.fabric import Fabric
from net.flow_connection import FlowConnection
from net.link import Piece
from net.parking import Parking
from net.seam import Address


class VirtualConnection(FlowConnection):
    """One end of an emulated TCP connection.

    Always true: at most one task sends and one receives; bytes that arrived are kept, in
    order, until they are read or the connection is closed.
    """

    def __init__(self, fabric: Fabric, hosts: tuple[str, str], local: Address, remote: Address):
        super().__init__(fabric, local, remote)
        self._scheduler: Scheduler = fabric.scheduler
        self._hosts = hosts
        self._peer: VirtualConnection
        self._buffer: deque[Piece] = deque()
        self._buffered = 0
        self._low_watermark = 1
        self._reader = Parking()
        self._receiving = False
        self._sink: Callable[[Sequence[Piece]], bool] | None = None
        self._sink_error: Exception | None = None
        self._eof_received = False
        self._reset_sent = False

    @classmethod
    def pair(
        cls, fabric: Fabric, hosts: tuple[str, str], addresses: tuple[Address, Address]
    ) -> tuple[VirtualConnection, VirtualConnection]:
        """Both ends of a new connection, the dialling one first."""
        a = cls(fabric, hosts, addresses[0], addresses[1])
        b = cls(fabric, (hosts[1], hosts[0]), addresses[1], addresses[0])
        for end, peer in ((a, b), (b, a)):
            end._peer = peer
            end._out = fabric.open_flow(
                *end._hosts,
                deliver=peer._delivered,
                finish=peer._ended,
                room=end._drained,
            )
        return a, b

    def set_low_watermark(self, size: int) -> None:
        """Wake a receiver only once `size` bytes wait for it, as SO_RCVLOWAT does.

        Bounded to a quarter of the receive buffer, so that the window cannot starve it.
        """
        self._low_watermark = max(1, min(size, self._fabric.transport.receive_buffer // 4))

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return the bytes that have arrived (at most `max_bytes`), or b"" at the end."""
        if max_bytes is not None and index(max_bytes) < 1:
            raise ValueError("max_bytes must be at least 1")
        self._begin_receiving()
        try:
            if self._readable():
                await trio.lowlevel.checkpoint()
            while not self._readable():
                await self._reader.wait()
        finally:
            self._receiving = False
        pieces = self._received(max_bytes)
        if len(pieces) == 1 and isinstance(pieces[0], bytes):
            return pieces[0]
        return b"".join(pieces)

    async def receive_each(self, take: Callable[[Sequence[Piece]], bool]) -> None:
        """Pass what arrives to `take` until it returns True, without waking a task each time.

        It is called with what `receive_some` would return, in pieces, and without any at the end;
        within the event that delivers them. So it cannot wait, and must wake a task if it moves a
        deadline. Its errors are raised here.
        """
        self._begin_receiving()
        self._sink, self._sink_error = take, None
        try:
            if self._readable():
                self._pour(take)
            if self._sink is None:
                await trio.lowlevel.checkpoint()
            else:
                await self._reader.wait()
        finally:
            self._receiving = False
            self._sink = None
        if self._sink_error is not None:
            raise self._sink_error

    async def aclose(self) -> None:
        """Close both halves; unread bytes reset the connection (RFC 1122, section 4.2.2.13)."""
        if self._buffered and not self._broken:
            self.abort()
        elif not self._closed:
            self._closed = True
            self._wake_both()
            if not self._eof_sent and not self._broken:
                self._out.end()
        self._buffer.clear()
        self._buffered = 0
        await trio.lowlevel.checkpoint()

    def abort(self) -> None:
        """Close both halves at once and reset the other end (a TCP RST)."""
        if not self._closed:
            self._closed = True
            self._wake_both()
            self._fabric.forget(*self._hosts, self._out)
            self._reset_peer()

    def _delivered(self, pieces: Sequence[Piece], size: int) -> None:
        if self._closed:
            self._reset_peer()
            return
        self._buffer.extend(pieces)
        self._buffered += size
        if self._buffered >= self._low_watermark:
            self._wake_reader()

    def _ended(self) -> None:
        self._eof_received = True
        self._fabric.forget(*self._peer._hosts, self._peer._out)
        self._wake_reader()

    def _reset_peer(self) -> None:
        """Tell the other end, one delay from now and once, that this one is gone."""
        if self._reset_sent:
            return
        self._reset_sent = True
        delay = self._fabric.path(*self._hosts).delay
        self._scheduler.call_at(self._scheduler.now() + delay, self._peer._reset, None)

    def _reset(self, _: object) -> None:
        if self._broken or not self._fabric.connected(*self._hosts):
            return
        self._broken = True
        self._fabric.forget(*self._hosts, self._out)
        self._wake_both()

    def _begin_receiving(self) -> None:
        if self._receiving:
            raise trio.BusyResourceError("another task is receiving on this connection")
        self._receiving = True

    def _readable(self) -> bool:
        """Whether there is something to return, or to raise."""
        return (
            self._buffered >= self._low_watermark
            or self._eof_received
            or self._broken
            or self._closed
        )

    def _received(self, most: int | None = None) -> Sequence[Piece]:
        if self._closed:
            raise trio.ClosedResourceError("this connection was closed")
        if self._buffered:
            return self._take(most)
        if self._broken:
            raise trio.BrokenResourceError("connection reset by peer")
        return ()

    def _wake_reader(self) -> None:
        """Something can be read: tell who waits for it."""
        if self._sink is None:
            self._reader.wake()
        elif self._reader.taken:
            self._pour(self._sink)

    def _pour(self, sink: Callable[[Sequence[Piece]], bool]) -> None:
        """Pass on what can be read; when the sink has enough or fails, its task goes on."""
        enough = False
        try:
            while not enough and self._readable():
                pieces = self._received()
                enough = sink(pieces) or not pieces
        except Exception as error:  # noqa: BLE001 - raised in the task that waits
            self._sink_error, enough = error, True
        if enough:
            self._sink = None
            self._reader.wake()

    def _take(self, most: int | None) -> Sequence[Piece]:
        """Remove and return up to `most` buffered bytes; the sender gets their room back."""
        if most is None or most >= self._buffered:
            pieces: list[Piece] = list(self._buffer)
            self._buffer.clear()
            size, self._buffered = self._buffered, 0
        else:
            pieces, size = [], most
            while most:
                piece = self._buffer.popleft()
                if len(piece) > most:
                    view = memoryview(piece)
                    self._buffer.appendleft(view[most:])
                    piece = view[:most]
                pieces.append(piece)
                most -= len(piece)
            self._buffered -= size
        self._peer._out.read(size)
        return pieces

    def _wake_both(self) -> None:
        self._wake_reader()
        self._writer.wake()
