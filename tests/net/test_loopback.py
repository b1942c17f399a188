"""Shaped real sockets keep the promises of the seam and of trio's streams, in real time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from trio.testing import check_half_closeable_stream

from net.loopback import LoopbackInternet
from net.loopback_connection import LoopbackConnection
from net.seam import Address, Network
from net.sockets import SocketNetwork
from net.topology import Access, star
from tests.net import contract
from tests.net.arithmetic import drain, send

FAST = Access(400e6, 400e6)
Pair = tuple[LoopbackConnection, LoopbackConnection]


@asynccontextmanager
async def internet(
    access: Access = FAST, rtt: float = 0.001, *, one_address: bool = False
) -> AsyncIterator[LoopbackInternet]:
    """Two hosts, a and b."""
    topology = star({"a": access, "b": access}, rtt=rtt)
    async with LoopbackInternet(topology, seed=1, one_address=one_address) as loopback:
        yield loopback


@asynccontextmanager
async def two_hosts(*, one_address: bool) -> AsyncIterator[tuple[Network, Network]]:
    """Both hosts' networks."""
    async with internet(one_address=one_address) as loopback:
        yield loopback.attach("a"), loopback.attach("b")


async def connection_pair(loopback: LoopbackInternet) -> Pair:
    """Both ends of a new connection from a to b."""
    async with await loopback.attach("b").listen() as listener:
        dialled = await loopback.attach("a").dial(listener.address)
        accepted = await listener.accept()
    assert isinstance(dialled, LoopbackConnection)
    assert isinstance(accepted, LoopbackConnection)
    return dialled, accepted


@pytest.mark.trio
@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
async def test_the_loopback_network_keeps_the_contract(check: contract.Check) -> None:
    """Everything a network promises holds between two shaped addresses."""
    await check(partial(two_hosts, one_address=False))


@pytest.mark.trio
@pytest.mark.parametrize(
    "check",
    [check for check in contract.CHECKS if check is not contract.addresses],
    ids=lambda check: check.__name__,
)
async def test_it_keeps_the_contract_where_hosts_share_an_address(check: contract.Check) -> None:
    """The same with one IP address for all hosts (only their names do not differ then)."""
    await check(partial(two_hosts, one_address=True))


@pytest.mark.trio
async def test_connections_conform_to_trio() -> None:
    """Trio's own conformance check passes, clogged maker included."""
    async with internet() as loopback:

        async def clogged_pair() -> Pair:
            ends = await connection_pair(loopback)
            with trio.move_on_after(0.1):
                async with trio.open_nursery() as nursery:
                    for end in ends:
                        nursery.start_soon(contract.send_for_ever, end)
            return ends

        await check_half_closeable_stream(lambda: connection_pair(loopback), clogged_pair)


@pytest.mark.trio
async def test_no_byte_arrives_before_its_time() -> None:
    """A transfer takes at least handshake, F/rate and delay, and its bytes are counted."""
    async with internet(Access(20e6, 20e6), rtt=0.02) as loopback:
        began = trio.current_time()
        dialled, accepted = await connection_pair(loopback)
        async with dialled, accepted, trio.open_nursery() as nursery:
            nursery.start_soon(send, dialled, 500_000)
            assert await drain(accepted) == 500_000
        assert trio.current_time() - began >= 0.02 + 8 * 500_000 / 20e6 + 0.01
        assert loopback.bytes_up("a") == loopback.bytes_down("b") == 500_000


@pytest.mark.trio
async def test_all_connections_of_a_host_share_its_uplink() -> None:
    """Two transfers from one host take at least as long as their bytes together."""
    async with internet(Access(40e6, 40e6)) as loopback:
        pairs = [await connection_pair(loopback) for _ in range(2)]
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for dialled, accepted in pairs:
                nursery.start_soon(send, dialled, 500_000)
                nursery.start_soon(drain, accepted)
        assert trio.current_time() - began >= 8 * 1_000_000 / 40e6


@pytest.mark.trio
async def test_a_stranger_is_served_at_the_hosts_own_rate() -> None:
    """A program outside the topology is limited by the host's uplink only."""
    async with internet(Access(40e6, 40e6)) as loopback:
        async with await loopback.attach("a").listen() as listener:
            outside = await SocketNetwork().dial(listener.address)
            inside = await listener.accept()
        began = trio.current_time()
        async with outside, inside, trio.open_nursery() as nursery:
            nursery.start_soon(send, inside, 500_000)
            assert await drain(outside) == 500_000
        assert trio.current_time() - began >= 8 * 500_000 / 40e6


@pytest.mark.trio
async def test_a_crashed_host_hears_nothing_more() -> None:
    """What is sent to a crashed host never arrives."""
    async with internet() as loopback:
        dialled, accepted = await connection_pair(loopback)
        async with dialled, accepted:
            loopback.crash("b")
            await dialled.send_all(b"lost")
            with trio.move_on_after(0.05) as silence:
                await accepted.receive_some()
            assert silence.cancelled_caught


@pytest.mark.trio
async def test_an_idle_internet_reports_no_link_class() -> None:
    """Calibration judges only links that were busy; a name outside the topology is refused."""
    async with internet() as loopback:
        assert loopback.calibration().classes == ()
        with pytest.raises(ValueError, match="no host 'c' in the topology"):
            loopback.attach("c")
        with pytest.raises(ConnectionRefusedError):
            await loopback.attach("a").dial(Address(loopback.attach("b").host, 9))
