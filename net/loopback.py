"""The loopback internet: real TCP and UDP sockets of this machine, shaped in user space.

Every byte crosses a real socket, when the fabric says that it has arrived. One address of
127.0.0.0/8 stands for each host where the system has them, ports of one address elsewhere.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Self

import trio

from net.calibration import Calibration, calibrate
from net.fabric import MAX_DATAGRAM, Fabric
from net.flow import Transport
from net.internet import Internet
from net.loopback_connection import LoopbackConnection
from net.realtime import RealTimeScheduler
from net.seam import Address, Connection, DatagramSocket, Listener, Network
from net.sockets import SocketDatagrams, SocketListener, SocketNetwork
from net.topology import Topology

INTRODUCTION = 1.0  # seconds a dialler has to say which host it is, where addresses are shared
DATAGRAMS_UNDER_WAY = 1024


class LoopbackInternet(Internet):
    """The hosts of a topology on real sockets; enter it to let time run.

    Always true: a host's connections together stay within its links' rates, except towards
    programs outside the topology, whose own links are unlimited.
    """

    def __init__(
        self,
        topology: Topology,
        *,
        seed: int | str,
        segment: int = 16 * 1024,
        transport: Transport | None = None,
        one_address: bool = sys.platform != "linux",
    ) -> None:
        self.scheduler = RealTimeScheduler()
        transport = transport or Transport(segment=segment)
        super().__init__(Fabric(topology, self.scheduler, seed=seed, transport=transport))
        self.nursery: trio.Nursery
        self._ips = {
            host: "127.0.0.1" if one_address else _ip(index)
            for index, host in enumerate(topology.hosts)
        }
        self._hosts_by_ip = {} if one_address else {ip: host for host, ip in self._ips.items()}
        self._hosts_by_address: dict[Address, str] = {}
        self._introduced = trio.Event()
        self._networks: dict[str, LoopbackNetwork] = {}

    async def __aenter__(self) -> Self:
        self._manager = trio.open_nursery()
        self.nursery = await self._manager.__aenter__()
        self.nursery.start_soon(self.scheduler.run)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.nursery.cancel_scope.cancel()
        await self._manager.__aexit__(kind, error, trace)

    def attach(self, host: str) -> LoopbackNetwork:
        """The network as `host` sees it.

        Raises:
            ValueError: the topology has no such host.
        """
        self.check_host(host)
        if host not in self._networks:
            self._networks[host] = LoopbackNetwork(self, host, self._ips[host])
        return self._networks[host]

    def calibration(self) -> Calibration:
        """Asked against achieved rate per link class, and how late events ran."""
        return calibrate(
            self.fabric, mean_lag=self.scheduler.mean_lag, max_lag=self.scheduler.max_lag
        )

    def introduce(self, address: Address, host: str) -> None:
        """Note that `address` is a port of `host`, where all hosts share one IP address."""
        self._hosts_by_address[address] = host
        self._introduced.set()
        self._introduced = trio.Event()

    def host_at(self, address: Address) -> str | None:
        """Which host `address` belongs to; None for a stranger."""
        return self._hosts_by_ip.get(address.host) or self._hosts_by_address.get(address)

    async def wait_for_host_at(self, address: Address) -> str | None:
        """The same for an address whose owner may be about to say so."""
        if not self._hosts_by_ip:
            with trio.move_on_after(INTRODUCTION):
                while address not in self._hosts_by_address:
                    await self._introduced.wait()
        return self.host_at(address)


class LoopbackNetwork(Network):
    """What one host of the loopback internet can do."""

    def __init__(self, internet: LoopbackInternet, name: str, ip: str) -> None:
        self._internet = internet
        self._name = name
        self._sockets = SocketNetwork(ip)

    def __repr__(self) -> str:
        return f"<LoopbackNetwork {self._name} at {self.host}>"

    @property
    def host(self) -> str:
        """This host's IP address, as others dial it."""
        return self._sockets.host

    async def listen(self, port: int = 0) -> LoopbackListener:
        """Accept connections on `port`; 0 picks a free one."""
        listener = await self._sockets.listen(port)
        self._internet.introduce(listener.address, self._name)
        return LoopbackListener(self._internet, self._name, listener)

    async def dial(self, address: Address) -> Connection:
        """Connect to `address`, in one round trip of the topology."""
        internet = self._internet
        target = internet.host_at(address)
        if target is not None:
            await trio.sleep(await internet.send_syn(self._name, target, address))
        inner = await self._sockets.dial(address)
        internet.introduce(inner.local, self._name)
        return LoopbackConnection(internet.fabric, (self._name, target), inner, internet.nursery)

    async def datagrams(self, port: int = 0) -> LoopbackDatagrams:
        """Bind a datagram socket to `port`; 0 picks a free one."""
        inner = await self._sockets.datagrams(port)
        self._internet.introduce(inner.address, self._name)
        return LoopbackDatagrams(self._internet, self._name, inner)


class LoopbackListener(Listener):
    """A real listening socket whose connections are shaped."""

    def __init__(self, internet: LoopbackInternet, host: str, inner: SocketListener) -> None:
        self._internet = internet
        self._host = host
        self._inner = inner

    @property
    def address(self) -> Address:
        """The address peers dial."""
        return self._inner.address

    async def accept(self) -> Connection:
        """Wait for the next connection."""
        inner = await self._inner.accept()
        remote = await self._internet.wait_for_host_at(inner.remote)
        hosts = (self._host, remote)
        return LoopbackConnection(self._internet.fabric, hosts, inner, self._internet.nursery)

    async def aclose(self) -> None:
        """Stop listening."""
        await self._inner.aclose()


class LoopbackDatagrams(DatagramSocket):
    """A real UDP socket whose datagrams leave when the fabric has carried them."""

    def __init__(self, internet: LoopbackInternet, host: str, inner: SocketDatagrams) -> None:
        self._internet = internet
        self._host = host
        self._inner = inner
        self._arrived, pending = trio.open_memory_channel[tuple[bytes, Address]](
            DATAGRAMS_UNDER_WAY
        )
        internet.nursery.start_soon(self._forward, pending)

    @property
    def address(self) -> Address:
        """The address datagrams to this socket are sent to."""
        return self._inner.address

    async def send(self, payload: bytes, to: Address) -> None:
        """Send one datagram; it may be lost."""
        target = self._internet.host_at(to)
        if target is None or len(payload) > MAX_DATAGRAM:
            await self._inner.send(payload, to)
            return
        await trio.lowlevel.checkpoint()
        self._inner.check_open()
        self._internet.fabric.send_datagram(
            self._host, target, payload, lambda datagram: self._release(datagram, to)
        )

    async def receive(self) -> tuple[bytes, Address]:
        """Return the next datagram and its sender."""
        return await self._inner.receive()

    async def aclose(self) -> None:
        """Close the socket; datagrams under way are lost."""
        self._arrived.close()
        await self._inner.aclose()

    def _release(self, datagram: bytes, to: Address) -> None:
        """The fabric has carried a datagram: let it go, or lose it if too many wait."""
        try:
            self._arrived.send_nowait((datagram, to))
        except (trio.WouldBlock, trio.ClosedResourceError, trio.BrokenResourceError):
            return

    async def _forward(self, pending: trio.MemoryReceiveChannel[tuple[bytes, Address]]) -> None:
        async with pending:
            async for datagram, to in pending:
                try:
                    await self._inner.send(datagram, to)
                except (OSError, trio.ClosedResourceError):
                    return


def _ip(index: int) -> str:
    """The address of the index-th host; processes that run at once rarely share one."""
    return f"127.{16 + os.getpid() % 200}.{index // 250}.{index % 250 + 1}"
