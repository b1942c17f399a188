"""The seam between an application and the network it runs on.

A node is handed a `Network` (one emulated host *is* one) and never learns whether its bytes
cross the virtual internet or real sockets. Nothing here knows links, clocks or messages.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol

import trio


class Address(NamedTuple):
    """Where a process can be reached: a host (name or IP address, opaque) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Connection(trio.abc.HalfCloseableStream, ABC):
    """A reliable byte stream between two addresses: TCP, or its emulation."""

    @property
    @abstractmethod
    def local(self) -> Address:
        """This end's address."""

    @property
    @abstractmethod
    def remote(self) -> Address:
        """The other end's address."""


class Listener(trio.abc.Listener[Connection], ABC):
    """A port that accepts connections."""

    @property
    @abstractmethod
    def address(self) -> Address:
        """The address peers dial to reach this listener (its port is never 0)."""


class DatagramSocket(trio.abc.AsyncResource, ABC):
    """An unreliable datagram socket: UDP, or its emulation."""

    @property
    @abstractmethod
    def address(self) -> Address:
        """The address datagrams to this socket are sent to (its port is never 0)."""

    @abstractmethod
    async def send(self, payload: bytes, to: Address) -> None:
        """Send one datagram; it may be lost.

        Raises:
            OSError: `EMSGSIZE` for more than 65,507 bytes (RFC 768 over IPv4).
            trio.ClosedResourceError: this socket is closed.
        """

    @abstractmethod
    async def receive(self) -> tuple[bytes, Address]:
        """Return the next datagram and its sender.

        Raises:
            trio.ClosedResourceError: this socket is closed, now or while waiting.
        """


class Network(Protocol):
    """What one host can do: listen, dial, and exchange datagrams.

    Failures are raised as on real sockets: `ConnectionRefusedError` (nobody listens),
    `OSError` with `EHOSTUNREACH` or `ETIMEDOUT` (no path, or no answer), `EADDRINUSE`.
    """

    @property
    def host(self) -> str:
        """This host's name or IP address, as others dial it."""

    async def listen(self, port: int = 0) -> Listener:
        """Accept connections on `port`; 0 picks a free one."""

    async def dial(self, address: Address) -> Connection:
        """Connect to `address`; takes one round trip, as TCP's handshake does."""

    async def datagrams(self, port: int = 0) -> DatagramSocket:
        """Bind a datagram socket to `port`; 0 picks a free one."""
