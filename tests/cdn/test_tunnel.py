"""Tunnels between two memory streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from cdn.tunnel import Tunnel
from net.seam import Address
from tests.cdn.internet import Pipe

Stream = trio.abc.HalfCloseableStream


class Carried:
    """A tunnel under way: the far ends of both its connections."""

    def __init__(self, client: Stream, server: Stream) -> None:
        self.client = client
        self.server = server
        self.carried: tuple[int, int] | None = None
        self.ended = trio.Event()

    def closed(self, sent: int, received: int) -> None:
        """Note how many bytes went up and down."""
        assert self.carried is None
        self.carried = (sent, received)

    async def carry(self, tunnel: Tunnel, near: Stream, early: bytes) -> None:
        """Carry to the end, then close both, as the server loop does."""
        await tunnel.carry(near, early)
        await tunnel.aclose()
        await near.aclose()
        self.ended.set()


@asynccontextmanager
async def carrying(early: bytes = b"", idle: float = 10.0) -> AsyncIterator[Carried]:
    """Yield a tunnel under way."""
    client, near_client = memory_stream_pair()
    server, near_server = memory_stream_pair()
    here, there = Address("proxy", 1), Address("server", 443)
    async with trio.open_nursery() as nursery:
        carried = Carried(client, server)
        tunnel = Tunnel(Pipe(near_server, here, there), idle=idle, closed=carried.closed)
        nursery.start_soon(carried.carry, tunnel, near_client, early)
        yield carried
        nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_bytes_go_both_ways_and_are_counted() -> None:
    """Early bytes come first; each half closes by itself; the end closes both."""
    async with carrying(b"early ") as carried:
        await carried.client.send_all(b"hello")
        await carried.client.send_eof()
        said = b""
        while data := await carried.server.receive_some(3):
            said += data
        assert said == b"early hello"
        await carried.server.send_all(b"goodbye")
        assert await carried.client.receive_some(100) == b"goodbye"
        assert not carried.ended.is_set()
        await carried.server.send_eof()
        assert await carried.client.receive_some(100) == b""
        await carried.ended.wait()
        assert carried.carried == (11, 7)


@pytest.mark.trio
@pytest.mark.parametrize("leaver", ["client", "server"])
async def test_a_side_that_breaks_ends_the_tunnel(leaver: str) -> None:
    """Whoever is left learns it."""
    async with carrying() as carried:
        left = carried.server if leaver == "client" else carried.client
        await getattr(carried, leaver).aclose()
        await left.send_all(b"x")
        await left.send_eof()
        with trio.fail_after(5):
            await carried.ended.wait()
        assert await left.receive_some(1) == b""


@pytest.mark.trio
async def test_silence_ends_the_tunnel_and_talk_keeps_it(autojump_clock: MockClock) -> None:
    """Only a silence in both directions counts."""
    async with carrying(idle=10) as carried:
        for _ in range(5):
            await trio.sleep(8)
            await carried.server.send_all(b"x")
            assert await carried.client.receive_some(1) == b"x"
        await carried.ended.wait()
        assert trio.current_time() == pytest.approx(50)
