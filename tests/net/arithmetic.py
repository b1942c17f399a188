"""Verbs for the arithmetic tests: who sends how much to whom, and when it has arrived."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from net.clock import VirtualClock
from net.flow import Transport
from net.seam import Address, Connection
from net.simulation import simulate
from net.topology import Topology
from net.virtual import VirtualInternet

PORT = 80
PIECE = 64 * 1024


@dataclass(frozen=True)
class Transfer:
    """`size` bytes from one host to another."""

    source: str
    sink: str
    size: int


async def send(connection: Connection, size: int) -> None:
    """Send `size` bytes in pieces, then EOF."""
    piece = bytes(PIECE)
    for offset in range(0, size, PIECE):
        await connection.send_all(piece[: min(PIECE, size - offset)])
    await connection.send_eof()


async def drain(connection: Connection) -> int:
    """Read to EOF; returns the number of bytes."""
    total = 0
    while data := await connection.receive_some():
        total += len(data)
    return total


def finish_times(
    topology: Topology,
    *transfers: Transfer,
    transport: Transport | None = None,
    meanwhile: Callable[[VirtualInternet], Awaitable[None]] | None = None,
) -> list[float]:
    """When each transfer's last byte was read, all dialling at time 0, in seconds."""
    times = [0.0] * len(transfers)

    async def main(clock: VirtualClock) -> None:
        internet = VirtualInternet(topology, clock=clock, seed=1, transport=transport)

        async def one(index: int, transfer: Transfer) -> None:
            listener = await internet.attach(transfer.sink).listen(PORT + index)
            async with trio.open_nursery() as both:
                connection = await internet.attach(transfer.source).dial(listener.address)
                both.start_soon(send, connection, transfer.size)
                assert await drain(await listener.accept()) == transfer.size
                times[index] = trio.current_time()

        async with trio.open_nursery() as nursery:
            for index, transfer in enumerate(transfers):
                nursery.start_soon(one, index, transfer)
            if meanwhile is not None:
                nursery.start_soon(meanwhile, internet)

    simulate(main, seed=1, horizon=10_000)
    return times


def address(host: str) -> Address:
    """The well-known port of `host`."""
    return Address(host, PORT)
