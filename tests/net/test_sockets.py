"""Real sockets keep the promises of the seam and of trio's streams."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import check_half_closeable_stream

from net.seam import Address, Network
from net.sockets import SocketConnection, SocketNetwork
from tests.net import contract

OTHER_HOST = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"


@asynccontextmanager
async def two_hosts() -> AsyncIterator[tuple[Network, Network]]:
    """Yield two addresses of this machine, or the same one twice where it has only one."""
    yield SocketNetwork(), SocketNetwork(OTHER_HOST)


async def connection_pair() -> tuple[SocketConnection, SocketConnection]:
    """Return both ends of a TCP connection."""
    async with await SocketNetwork().listen() as listener:
        dialled = await SocketNetwork().dial(listener.address)
        return dialled, await listener.accept()


async def clogged_pair() -> tuple[SocketConnection, SocketConnection]:
    """Return a connection on which neither end has room to send."""
    ends = await connection_pair()
    with trio.move_on_after(0.1):
        async with trio.open_nursery() as nursery:
            for end in ends:
                nursery.start_soon(contract.send_for_ever, end)
    return ends


@pytest.mark.trio
@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
async def test_sockets_keep_the_contract(check: contract.Check) -> None:
    """Everything a network promises holds between two loopback addresses."""
    await check(two_hosts)


@pytest.mark.trio
async def test_connections_conform_to_trio() -> None:
    """Trio's own conformance check passes, clogged maker included."""
    await check_half_closeable_stream(connection_pair, clogged_pair)


@pytest.mark.trio
async def test_small_writes_leave_at_once() -> None:
    """Nagle's algorithm is off at both ends."""
    for connection in await connection_pair():
        async with connection:
            assert connection.stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.trio
async def test_a_connection_reset_in_the_queue_is_skipped() -> None:
    """A client that gave up before it was accepted does not disturb the listener."""
    network = SocketNetwork()
    async with await network.listen() as listener:
        impatient = await network.dial(listener.address)
        impatient.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await impatient.aclose()
        async with await network.dial(listener.address) as patient, await listener.accept() as end:
            assert end.remote == patient.local


@pytest.mark.trio
async def test_an_address_of_another_machine_cannot_be_bound() -> None:
    """The error is the system's own, and nothing leaks."""
    network = SocketNetwork("203.0.113.1")
    for attempt in (network.listen, network.datagrams):
        with pytest.raises(OSError, match="assign requested address"):
            await attempt()
    with pytest.raises(OSError, match="assign requested address"):
        await network.dial(Address("127.0.0.1", 1))


@pytest.mark.trio
async def test_a_connection_shows_its_ends() -> None:
    """A connection in a log is recognised by its addresses."""
    dialled, accepted = await connection_pair()
    async with dialled, accepted:
        assert repr(dialled) == f"<SocketConnection {dialled.local} to {accepted.local}>"


@pytest.mark.trio
async def test_a_name_that_is_none_is_an_os_error() -> None:
    """What a hostile tracker may call a host cannot crash who dials it."""
    with pytest.raises(OSError, match="not a host name"):
        await SocketNetwork().dial(Address("a..b", 80))
