"""What every `Network` promises, as checks that run on any two hosts of it.

Each check takes a `PairFactory`: an async context manager that yields two hosts able to reach each
other. It knows the seam only; test files bind it to the virtual network, to loopback, to sockets.
"""

from __future__ import annotations

import errno
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from hashlib import sha256

import pytest
import trio

from net.seam import Address, Connection, DatagramSocket, Listener, Network

PairFactory = Callable[[], AbstractAsyncContextManager[tuple[Network, Network]]]
Check = Callable[[PairFactory], Awaitable[None]]

LONG = 60.0
"""Seconds after which a check has hung; none takes a tenth of it."""
MIB = 1 << 20


@asynccontextmanager
async def connected(
    pair_factory: PairFactory,
) -> AsyncIterator[tuple[Connection, Connection, Network, Network]]:
    """Yield a connection dialled by a, its accepted end at b, and both hosts."""
    with trio.fail_after(LONG):
        async with pair_factory() as (a, b), await b.listen() as listener:
            dialled, accepted = await dial_and_accept(a, listener)
            async with dialled, accepted:
                yield dialled, accepted, a, b


async def dial_and_accept(a: Network, listener: Listener) -> tuple[Connection, Connection]:
    """Return both ends of a new connection."""
    ends: list[Connection] = []

    async def accept() -> None:
        ends.append(await listener.accept())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept)
        dialled = await a.dial(listener.address)
    return dialled, ends[0]


async def receive_all(stream: trio.abc.ReceiveStream) -> bytes:
    """Return everything until the end of the stream."""
    received = bytearray()
    while data := await stream.receive_some():
        received += data
    return bytes(received)


class Counter:
    """How many bytes a stream has accepted."""

    sent = 0


async def send_for_ever(stream: trio.abc.SendStream, counter: Counter | None = None) -> None:
    """Send until cancelled or broken."""
    counter = counter or Counter()
    while True:
        await stream.send_all(bytes(65_536))
        counter.sent += 65_536


async def addresses(pair_factory: PairFactory) -> None:
    """Both ends agree on who they are, and hosts differ by name."""
    async with connected(pair_factory) as (dialled, accepted, a, b):
        assert dialled.local == accepted.remote
        assert dialled.remote == accepted.local
        assert (dialled.local.host, accepted.local.host) == (a.host, b.host)
        assert dialled.local.port > 0


async def refused(pair_factory: PairFactory) -> None:
    """Nobody listens any more: the dialler is refused."""
    with trio.fail_after(LONG):
        async with pair_factory() as (a, b):
            listener = await b.listen()
            await listener.aclose()
            with pytest.raises(ConnectionRefusedError):
                await a.dial(listener.address)


async def reset(pair_factory: PairFactory) -> None:
    """An end that closes with bytes unread breaks the other end's connection, both ways."""
    async with connected(pair_factory) as (dialled, accepted, _a, _b):
        await dialled.send_all(b"never read")
        assert await accepted.receive_some(1) == b"n"
        await accepted.aclose()
        with pytest.raises(trio.BrokenResourceError):
            await send_for_ever(dialled)
        with pytest.raises(trio.BrokenResourceError):
            await dialled.send_all(b"x")


async def half_close(pair_factory: PairFactory) -> None:
    """One direction ends while the other goes on."""
    async with connected(pair_factory) as (dialled, accepted, _a, _b):
        await dialled.send_all(b"question")
        await dialled.send_eof()
        assert await receive_all(accepted) == b"question"
        assert await accepted.receive_some() == b""
        await accepted.send_all(b"answer")
        await accepted.aclose()
        assert await receive_all(dialled) == b"answer"
        with pytest.raises(trio.ClosedResourceError):
            await dialled.send_all(b"more")


async def back_pressure(pair_factory: PairFactory) -> None:
    """A sender stops when the reader does not read, goes on when it does, and loses nothing."""
    async with connected(pair_factory) as (dialled, accepted, _a, _b):
        counter = Counter()
        with trio.move_on_after(0.5) as patience:
            await send_for_ever(dialled, counter)
        assert patience.cancelled_caught
        assert 0 < counter.sent < 64 * MIB, "the sender was never held back"
        accepted_unread = counter.sent
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_for_ever, dialled, counter)
            received = 0
            while received < accepted_unread + MIB:
                received += len(await accepted.receive_some())
            nursery.cancel_scope.cancel()
        assert counter.sent > accepted_unread


async def address_reuse(pair_factory: PairFactory) -> None:
    """A port can be listened on again at once, although a connection of its last life lingers."""
    with trio.fail_after(LONG):
        async with pair_factory() as (a, b):
            port = 0
            for _life in range(2):
                async with await b.listen(port) as listener:
                    assert port in (0, listener.address.port)
                    port = listener.address.port
                    dialled, accepted = await dial_and_accept(a, listener)
                    await accepted.aclose()
                    assert await dialled.receive_some() == b""
                    await dialled.aclose()


async def address_in_use(pair_factory: PairFactory) -> None:
    """A port has one listener and one datagram socket, and each host has its own ports."""
    with trio.fail_after(LONG):
        async with pair_factory() as (_a, b), await b.listen() as listener:
            port = listener.address.port
            with pytest.raises(OSError, match="in use") as refusal:
                await b.listen(port)
            assert refusal.value.errno == errno.EADDRINUSE
            async with await b.datagrams(port):
                with pytest.raises(OSError, match="in use") as refusal:
                    await b.datagrams(port)
            assert refusal.value.errno == errno.EADDRINUSE


async def large_transfer_both_ways(pair_factory: PairFactory) -> None:
    """Megabytes cross in both directions at once, unchanged."""
    there, back = random.Random(1).randbytes(4 * MIB), random.Random(2).randbytes(4 * MIB)
    received: dict[str, bytes] = {}

    async def send(stream: Connection, data: bytes) -> None:
        view = memoryview(data)
        for start in range(0, len(data), 100_000):
            await stream.send_all(view[start : start + 100_000])
        await stream.send_eof()

    async def receive(stream: Connection, name: str) -> None:
        received[name] = await receive_all(stream)

    async with (
        connected(pair_factory) as (dialled, accepted, _a, _b),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(send, dialled, there)
        nursery.start_soon(send, accepted, back)
        nursery.start_soon(receive, dialled, "back")
        nursery.start_soon(receive, accepted, "there")
    assert sha256(received["there"]).digest() == sha256(there).digest()
    assert sha256(received["back"]).digest() == sha256(back).digest()


async def closed_while_waiting(pair_factory: PairFactory) -> None:
    """Closing a connection, a listener or a datagram socket wakes whoever waits on it."""
    async with connected(pair_factory) as (dialled, _accepted, _a, b):
        listener = await b.listen()
        datagrams = await b.datagrams()
        waits: list[tuple[Callable[[], Awaitable[object]], trio.abc.AsyncResource]] = [
            (dialled.receive_some, dialled),
            (listener.accept, listener),
            (datagrams.receive, datagrams),
        ]
        for wait, resource in waits:
            await _closed_while(wait, resource)
            with pytest.raises(trio.ClosedResourceError):
                await wait()
        with pytest.raises(trio.ClosedResourceError):
            await dialled.send_all(b"late")
        with pytest.raises(trio.ClosedResourceError):
            await datagrams.send(b"late", datagrams.address)


async def _closed_while(
    wait: Callable[[], Awaitable[object]], resource: trio.abc.AsyncResource
) -> None:
    waiting = trio.Event()

    async def expect_closed() -> None:
        waiting.set()
        with pytest.raises(trio.ClosedResourceError):
            await wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(expect_closed)
        await waiting.wait()
        for _ in range(5):
            await trio.lowlevel.checkpoint()
        await resource.aclose()


async def datagram_echo(pair_factory: PairFactory) -> None:
    """Datagrams keep their boundaries and name their sender; empty and longest ones too."""
    with trio.fail_after(LONG):
        async with (
            pair_factory() as (a, b),
            await a.datagrams() as here,
            await b.datagrams() as there,
        ):
            assert (here.address.host, there.address.host) == (a.host, b.host)
            for payload in (b"one", b"", b"x" * 1400, b"y" * 65_507):
                await here.send(payload, there.address)
                assert await there.receive() == (payload, here.address)
                await there.send(payload[::-1], here.address)
                assert await here.receive() == (payload[::-1], there.address)


async def datagram_too_large(pair_factory: PairFactory) -> None:
    """More than a UDP payload holds is an error at the sender."""
    with trio.fail_after(LONG):
        async with pair_factory() as (a, b), await a.datagrams() as here:
            with pytest.raises(OSError, match="too long") as refusal:
                await here.send(bytes(65_508), Address(b.host, 9))
            assert refusal.value.errno == errno.EMSGSIZE


async def datagram_to_nobody(pair_factory: PairFactory) -> None:
    """A datagram that nobody receives is lost silently, and the socket stays usable."""
    with trio.fail_after(LONG):
        async with pair_factory() as (a, b), await a.datagrams() as here:
            gone: DatagramSocket = await b.datagrams()
            await gone.aclose()
            await here.send(b"anybody?", gone.address)
            async with await b.datagrams() as there:
                await here.send(b"hello", there.address)
                assert await there.receive() == (b"hello", here.address)


CHECKS: tuple[Check, ...] = (
    addresses,
    refused,
    reset,
    half_close,
    back_pressure,
    address_reuse,
    address_in_use,
    large_transfer_both_ways,
    closed_while_waiting,
    datagram_echo,
    datagram_too_large,
    datagram_to_nobody,
)
