"""A network for tests: memory streams between named hosts, without links or delays."""

from __future__ import annotations

from collections.abc import Callable

import trio
from trio.testing import lockstep_stream_pair, memory_stream_pair

from net.seam import Address, Connection, DatagramSocket, Listener, Network

EPOCH = 1_700_000_000.0


def wall() -> float:
    """The time of day in tests: the trio clock from a fixed date on."""
    return EPOCH + trio.current_time()


class Pipe(Connection):
    """One end of a memory stream with addresses."""

    def __init__(
        self, stream: trio.abc.HalfCloseableStream, local: Address, remote: Address
    ) -> None:
        self._stream = stream
        self._local = local
        self._remote = remote

    @property
    def local(self) -> Address:
        return self._local

    @property
    def remote(self) -> Address:
        return self._remote

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


class Door(Listener):
    """A port of a memory host."""

    def __init__(self, internet: Internet, address: Address) -> None:
        self._internet = internet
        self._address = address
        self.send, self._receive = trio.open_memory_channel[Connection](1000)

    @property
    def address(self) -> Address:
        return self._address

    async def accept(self) -> Connection:
        return await self._receive.receive()

    async def aclose(self) -> None:
        self._internet.doors.pop(self._address, None)
        await trio.lowlevel.checkpoint()


class Host(Network):
    """One host of the memory internet."""

    def __init__(self, internet: Internet, host: str) -> None:
        self._internet = internet
        self._host = host
        self._ports = 49_152

    @property
    def host(self) -> str:
        return self._host

    async def listen(self, port: int = 0) -> Door:
        await trio.lowlevel.checkpoint()
        door = Door(self._internet, Address(self._host, port or self._port()))
        self._internet.doors[door.address] = door
        return door

    async def dial(self, address: Address) -> Connection:
        await trio.lowlevel.checkpoint()
        door = self._internet.doors.get(address)
        if door is None:
            raise ConnectionRefusedError(f"nobody listens on {address}")
        self._internet.dialled.append((self._host, address))
        here, there = self._internet.pair()
        local = Address(self._host, self._port())
        door.send.send_nowait(Pipe(there, address, local))
        return Pipe(here, local, address)

    async def datagrams(self, port: int = 0) -> DatagramSocket:
        raise NotImplementedError("HTTP sends no datagrams")

    def _port(self) -> int:
        self._ports += 1
        return self._ports


class Internet:
    """Hosts that reach each other by name; `lockstep` streams hold one send at most."""

    def __init__(self, *, lockstep: bool = False) -> None:
        self.doors: dict[Address, Door] = {}
        self.dialled: list[tuple[str, Address]] = []
        self.pair: Callable[
            [], tuple[trio.abc.HalfCloseableStream, trio.abc.HalfCloseableStream]
        ] = lockstep_stream_pair if lockstep else memory_stream_pair

    def attach(self, host: str) -> Host:
        """Return the network of `host`."""
        return Host(self, host)


class Journal:
    """A trace that remembers."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, str | float | None]]] = []

    def __call__(self, event: str, /, **fields: str | float | None) -> None:
        self.events.append((event, fields))

    def names(self) -> list[str]:
        """Return the events' names in order."""
        return [name for name, _ in self.events]

    def count(self, name: str) -> int:
        """Return how often `name` happened."""
        return self.names().count(name)
