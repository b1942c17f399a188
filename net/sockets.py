"""Real TCP and UDP as a `Network`: the operating system's sockets, unshaped.

It knows sockets and their errors, not rates, delays or messages.
"""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress

import trio

from net.seam import Address, Connection, DatagramSocket, Listener

_BACKLOG = 1024
_LONGEST_DATAGRAM = 65_536


class SocketConnection(Connection):
    """One TCP connection; small writes leave at once (`TCP_NODELAY`)."""

    def __init__(self, stream: trio.SocketStream) -> None:
        """Wrap `stream`, which is connected.

        Raises:
            OSError: the other end has gone already.
        """
        self.stream = stream
        self._local = _address(stream.socket.getsockname())
        self._remote = _address(stream.socket.getpeername())

    @property
    def local(self) -> Address:
        """This end's address."""
        return self._local

    @property
    def remote(self) -> Address:
        """The other end's address."""
        return self._remote

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data`, waiting for room in the socket's buffer."""
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the socket has room."""
        await self.stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Return some bytes, or none at the end of the stream."""
        return await self.stream.receive_some(max_bytes)

    async def send_eof(self) -> None:
        """Send a FIN; receiving goes on."""
        await self.stream.send_eof()

    async def aclose(self) -> None:
        """Close the socket; bytes that wait in its buffer are still sent."""
        await self.stream.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.local} to {self.remote}>"


class SocketListener(Listener):
    """A listening TCP socket."""

    def __init__(self, listening: trio.socket.SocketType) -> None:
        """Accept on `listening`, which listens."""
        self._listener = trio.SocketListener(listening)
        self._address = _address(listening.getsockname())

    @property
    def address(self) -> Address:
        """The address peers dial."""
        return self._address

    async def accept(self) -> SocketConnection:
        """Return the next connection, skipping those that were reset while they queued."""
        while True:
            stream = await self._listener.accept()
            try:
                return SocketConnection(stream)
            except OSError:
                stream.socket.close()

    async def aclose(self) -> None:
        """Stop listening; connections that nobody accepted are reset."""
        await self._listener.aclose()


class SocketDatagrams(DatagramSocket):
    """A bound UDP socket."""

    def __init__(self, bound: trio.socket.SocketType) -> None:
        """Exchange datagrams on `bound`, which has an address."""
        self._socket = bound
        self._address = _address(bound.getsockname())

    @property
    def address(self) -> Address:
        """The address datagrams to this socket are sent to."""
        return self._address

    async def send(self, payload: bytes, to: Address) -> None:
        """Send one datagram."""
        self.check_open()
        await self._socket.sendto(payload, to)

    async def receive(self) -> tuple[bytes, Address]:
        """Return the next datagram and its sender."""
        self.check_open()
        try:
            payload, sender = await self._socket.recvfrom(_LONGEST_DATAGRAM)
        except OSError:
            self.check_open()
            raise
        return payload, _address(sender)

    async def aclose(self) -> None:
        """Close the socket, waking whoever waits for a datagram."""
        self._socket.close()
        await trio.lowlevel.checkpoint()

    def check_open(self) -> None:
        """Raise `trio.ClosedResourceError` if this socket was closed."""
        if self._socket.fileno() < 0:
            raise trio.ClosedResourceError(f"{self._address} is closed")


class SocketNetwork:
    """The machine's own network, seen from one of its addresses."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        """Listen on, and dial from, the IP address `host`."""
        self._host = host
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET

    @property
    def host(self) -> str:
        """The address everything here binds to."""
        return self._host

    async def listen(self, port: int = 0) -> SocketListener:
        """Accept connections on `port`; 0 picks a free one."""
        listening = trio.socket.socket(self._family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        await self._bind(listening, port)
        listening.listen(_BACKLOG)
        return SocketListener(listening)

    async def dial(self, address: Address) -> SocketConnection:
        """Connect to `address` from this host."""
        dialling = trio.socket.socket(self._family, socket.SOCK_STREAM)
        with suppress(AttributeError, OSError):  # Linux: the port is chosen when connecting
            dialling.setsockopt(socket.IPPROTO_IP, trio.socket.IP_BIND_ADDRESS_NO_PORT, 1)
        await self._bind(dialling, 0)
        try:
            await _connect(dialling, address)
            connection = SocketConnection(trio.SocketStream(dialling))
            if connection.local == connection.remote:  # TCP lets a socket connect to itself
                raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        except BaseException:
            dialling.close()
            raise
        return connection

    async def datagrams(self, port: int = 0) -> SocketDatagrams:
        """Bind a datagram socket to `port`; 0 picks a free one."""
        bound = trio.socket.socket(self._family, socket.SOCK_DGRAM)
        await self._bind(bound, port)
        return SocketDatagrams(bound)

    async def _bind(self, unbound: trio.socket.SocketType, port: int) -> None:
        try:
            await unbound.bind((self._host, port))
        except BaseException:
            unbound.close()
            raise


async def _connect(dialling: trio.socket.SocketType, address: Address) -> None:
    try:
        await dialling.connect(address)
    except UnicodeError as error:  # the name cannot even be asked for
        raise OSError(errno.EINVAL, f"{address.host!r} is not a host name") from error


def _address(name: tuple[str, int] | tuple[str, int, int, int]) -> Address:
    """Return the address in a socket name, which has two more fields with IPv6."""
    return Address(name[0], name[1])
