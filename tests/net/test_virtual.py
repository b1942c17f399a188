"""The virtual internet keeps the promises of the seam, of trio's streams, and of its own faults."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext

import pytest
import trio
from trio.testing import check_half_closeable_stream

from net.clock import VirtualClock
from net.internet import SYN_TIMEOUT
from net.link import Piece
from net.seam import Address, Network
from net.simulation import simulate
from net.topology import Access, Topology, star
from net.virtual import VirtualInternet
from net.virtual_connection import VirtualConnection
from tests.net import contract
from tests.net.arithmetic import PORT, drain, send

TEN = Access(10e6, 10e6)


def in_virtual_time(
    main: Callable[[VirtualInternet], Awaitable[None]], topology: Topology | None = None
) -> None:
    """Run `main` on two hosts, a and b, 20 ms apart, with 10 Mbit/s each way."""

    async def run(clock: VirtualClock) -> None:
        await main(
            VirtualInternet(topology or star({"a": TEN, "b": TEN}, rtt=0.02), clock=clock, seed=1)
        )

    simulate(run, seed=1, horizon=1e6)


async def connection_pair(
    internet: VirtualInternet,
) -> tuple[VirtualConnection, VirtualConnection]:
    """Both ends of a new connection from a to b."""
    async with await internet.attach("b").listen() as listener:
        dialled = await internet.attach("a").dial(listener.address)
        accepted = await listener.accept()
    assert isinstance(accepted, VirtualConnection)
    return dialled, accepted


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_the_virtual_network_keeps_the_contract(check: contract.Check) -> None:
    """Everything a network promises holds between two virtual hosts."""

    async def main(internet: VirtualInternet) -> None:
        @asynccontextmanager
        async def two_hosts() -> AsyncIterator[tuple[Network, Network]]:
            yield internet.attach("a"), internet.attach("b")

        await check(two_hosts)

    in_virtual_time(main)


def test_connections_conform_to_trio() -> None:
    """Trio's own conformance check passes, clogged maker included."""

    async def main(internet: VirtualInternet) -> None:
        async def clogged_pair() -> tuple[VirtualConnection, VirtualConnection]:
            ends = await connection_pair(internet)
            with trio.move_on_after(60):
                async with trio.open_nursery() as nursery:
                    for end in ends:
                        nursery.start_soon(contract.send_for_ever, end)
            return ends

        await check_half_closeable_stream(lambda: connection_pair(internet), clogged_pair)

    in_virtual_time(main)


def test_a_handshake_takes_one_round_trip() -> None:
    """Dialling takes one RTT, and so does being refused."""

    async def main(internet: VirtualInternet) -> None:
        await connection_pair(internet)
        connected = trio.current_time()
        with pytest.raises(ConnectionRefusedError):
            await internet.attach("a").dial(Address("b", 9))
        assert trio.current_time() - connected == pytest.approx(0.02)

    in_virtual_time(main)


def test_a_host_nobody_knows_is_unreachable() -> None:
    """Dialling a name outside the topology, or without a path to it, is EHOSTUNREACH."""
    topology = star({"a": TEN, "b": TEN})
    topology.add_host("island", TEN)

    async def main(internet: VirtualInternet) -> None:
        for host in ("nowhere", "island"):
            with pytest.raises(OSError, match=host) as caught:
                await internet.attach("a").dial(Address(host, PORT))
            assert caught.value.errno == errno.EHOSTUNREACH

    in_virtual_time(main, topology)


def test_a_crashed_host_answers_nobody() -> None:
    """A dial to it times out; a reader of an old connection hears nothing more."""

    async def main(internet: VirtualInternet) -> None:
        ours, theirs = await connection_pair(internet)
        await theirs.send_all(b"before")
        await trio.sleep(1)
        internet.crash("b")
        assert await ours.receive_some() == b"before"
        with trio.move_on_after(1000) as silence:
            await ours.receive_some()
        assert silence.cancelled_caught
        began = trio.current_time()
        with pytest.raises(TimeoutError):
            await internet.attach("a").dial(Address("b", PORT))
        assert trio.current_time() - began >= SYN_TIMEOUT
        with pytest.raises(OSError, match="Network is down"):
            await internet.attach("b").dial(Address("a", PORT))

    in_virtual_time(main)


def test_a_dial_during_a_short_cut_succeeds_after_it_heals() -> None:
    """A SYN is repeated until the path is back."""

    async def main(internet: VirtualInternet) -> None:
        async with await internet.attach("b").listen(PORT), trio.open_nursery() as nursery:
            internet.fabric.cut("a", "b")
            nursery.start_soon(internet.attach("a").dial, Address("b", PORT))
            await trio.sleep(5)
            internet.fabric.heal("a", "b")
        assert 5 < trio.current_time() < 10

    in_virtual_time(main)


def test_datagrams_are_lost_at_the_given_rate() -> None:
    """With 30 % loss about 70 % of single-packet datagrams arrive, in order."""

    async def main(internet: VirtualInternet) -> None:
        internet.fabric.set_loss("a", "b", 0.3)
        arrived: list[bytes] = []
        async with (
            await internet.attach("a").datagrams() as a,
            await internet.attach("b").datagrams(PORT) as b,
            trio.open_nursery() as nursery,
        ):

            async def collect() -> None:
                while True:
                    arrived.append((await b.receive())[0])

            nursery.start_soon(collect)
            for i in range(1000):
                await a.send(i.to_bytes(2, "big"), b.address)
                await trio.sleep(0.001)
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
        assert 640 < len(arrived) < 760
        assert arrived == sorted(arrived)

    in_virtual_time(main)


def test_the_low_watermark_wakes_a_reader_once_per_message() -> None:
    """A reader that needs 64 KiB gets them in one piece, though they cross in segments."""

    async def main(internet: VirtualInternet) -> None:
        ours, theirs = await connection_pair(internet)
        theirs.set_low_watermark(65536)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ours.send_all, bytes(65536))
            assert len(await theirs.receive_some()) == 65536
        await ours.send_eof()
        assert await theirs.receive_some() == b""

    in_virtual_time(main)


def test_bytes_sent_are_passed_by_reference() -> None:
    """A bytes object that fits a segment arrives as the very same object."""
    message = b"the same object" * 100

    async def main(internet: VirtualInternet) -> None:
        ours, theirs = await connection_pair(internet)
        await ours.send_all(message)
        assert await theirs.receive_some() is message
        await ours.send_parts(b"head", message)
        assert await theirs.receive_some() == b"head" + message

    in_virtual_time(main)


def test_what_arrives_is_passed_on_in_pieces_as_it_arrives() -> None:
    """A sink hears of each delivery at its time, of what had come before, and of the end."""

    async def main(internet: VirtualInternet) -> None:
        ours, theirs = await connection_pair(internet)
        heard: list[tuple[float, bytes]] = []

        def take(pieces: Sequence[Piece]) -> bool:
            heard.append((trio.current_time() - start, b"".join(pieces)))
            return False

        start = trio.current_time()
        await ours.send_all(b"early")
        await trio.sleep(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(theirs.receive_each, take)
            await trio.sleep(1)
            for message in (b"one", b"two"):
                await ours.send_all(message)
                await trio.sleep(1)
            await ours.send_eof()
        assert [data for _, data in heard] == [b"early", b"one", b"two", b""]
        assert [time for time, _ in heard] == pytest.approx([1, 2.01, 3.01, 4.01], abs=1e-4)

    in_virtual_time(main)


@pytest.mark.parametrize("fails", [False, True])
def test_a_sink_that_has_enough_or_fails_gets_no_more(fails: bool) -> None:
    """Its task goes on, with its error if it had one; what comes later can still be received."""

    async def main(internet: VirtualInternet) -> None:
        ours, theirs = await connection_pair(internet)
        heard: list[bytes] = []

        def take(pieces: Sequence[Piece]) -> bool:
            heard.append(b"".join(pieces))
            if fails:
                raise LookupError("enough")
            return True

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ours.send_all, bytes(100))
            with pytest.raises(LookupError) if fails else nullcontext():
                await theirs.receive_each(take)
        await ours.send_all(b"later")
        assert heard == [bytes(100)]
        assert await theirs.receive_some() == b"later"

    in_virtual_time(main)


def test_a_sink_hears_nothing_once_its_task_is_cancelled() -> None:
    """And whoever receives next gets what it did not; two at once are refused."""

    async def main(internet: VirtualInternet) -> None:
        ours, theirs = await connection_pair(internet)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(theirs.receive_each, lambda _: pytest.fail("cancelled"))
                await trio.sleep(1)
                with pytest.raises(trio.BusyResourceError):
                    await theirs.receive_some()
                scope.cancel()
        await ours.send_all(b"after")
        assert await theirs.receive_some() == b"after"

    in_virtual_time(main)


def test_a_sink_is_told_of_a_reset_and_of_a_close() -> None:
    """They are raised where `receive_some` would raise them."""

    async def main(internet: VirtualInternet) -> None:
        for end, error in ((0, trio.BrokenResourceError), (1, trio.ClosedResourceError)):
            pair = await connection_pair(internet)
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def receive(
                    theirs: VirtualConnection = pair[1], error: type[Exception] = error
                ) -> None:
                    with pytest.raises(error):
                        await theirs.receive_each(lambda _: False)

                await trio.sleep(1)
                pair[end].abort()

    in_virtual_time(main)


def test_a_sink_may_wake_tasks() -> None:
    """Whom it wakes runs at that very time, before anything else happens."""

    async def main(internet: VirtualInternet) -> None:
        ours, theirs = await connection_pair(internet)
        arrived, start = trio.Event(), trio.current_time()

        def take(_: object) -> bool:
            arrived.set()
            return False

        async with trio.open_nursery() as nursery:
            nursery.start_soon(theirs.receive_each, take)
            await ours.send_all(b"now")
            nursery.start_soon(ours.send_all, bytes(100_000))
            await arrived.wait()
            assert trio.current_time() - start == pytest.approx(0.01, abs=1e-4)
            nursery.cancel_scope.cancel()

    in_virtual_time(main)


@pytest.mark.parametrize("size", [1, 1000, 300_000])
def test_sending_at_once_says_when_the_link_has_it_all(size: int) -> None:
    """At the moment when `send_all` would return; until then nobody else can send."""

    async def main(internet: VirtualInternet) -> None:
        took: list[float] = []
        start = 0.0

        def then() -> None:
            took.append(trio.current_time() - start)

        for waiting in (True, False):
            ours, _ = await connection_pair(internet)
            start = trio.current_time()
            if waiting:
                await ours.send_all(bytes(size))
                then()
                continue
            assert ours.send_now(bytes(size), then=then)
            assert not ours.send_now(b"more")
            with pytest.raises(trio.BusyResourceError):
                await ours.send_all(b"more")
            await trio.sleep(10)
            assert ours.send_now(b"more")
        assert took[1] == pytest.approx(took[0])

    in_virtual_time(main)


def test_nothing_follows_what_was_being_sent_when_the_connection_ended() -> None:
    """Whoever closes or resets it knows."""

    async def main(internet: VirtualInternet) -> None:
        for end in (0, 1):
            pair = await connection_pair(internet)
            assert pair[0].send_now(bytes(100_000), then=lambda: pytest.fail("it ended"))
            pair[end].abort()
            await trio.sleep(10)

    in_virtual_time(main)


def test_every_link_reports_the_rate_it_was_asked_for() -> None:
    """Calibration finds both classes busy, at their rates, and the run valid."""

    async def main(internet: VirtualInternet) -> None:
        ours, theirs = await connection_pair(internet)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send, ours, 1 << 20)
            await drain(theirs)
        calibration = internet.calibration()
        assert calibration.valid
        assert calibration.reasons == ()
        assert {each.name for each in calibration.classes} == {"uplink", "downlink"}
        for each in calibration.classes:
            assert each.achieved == pytest.approx(each.asked)
            assert each.asked == pytest.approx(10e6)
        assert internet.bytes_up("a") == internet.bytes_down("b") == 1 << 20

    in_virtual_time(main)
