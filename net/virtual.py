"""The virtual internet: hosts that listen, dial and exchange datagrams in memory.

Bytes cross the fabric's links in virtual time, so a run is deterministic and as long as its
CPU work. It knows ports and hosts; streams and links are its neighbours' business.
"""

from __future__ import annotations

import errno
from collections.abc import Collection
from itertools import count

import trio

from net.clock import Scheduler
from net.fabric import MAX_DATAGRAM, Fabric, UnreachableError
from net.flow import Transport
from net.internet import Internet, os_error
from net.parking import Mailbox
from net.seam import Address, Connection, DatagramSocket, Listener, Network
from net.topology import Topology
from net.virtual_connection import VirtualConnection

BACKLOG = 1024  # connections that may wait to be accepted
DATAGRAM_BUFFER = 256  # datagrams that may wait to be received
EPHEMERAL = range(49152, 65536)  # RFC 6335, section 6


class VirtualInternet(Internet):
    """The hosts of a topology, joined by its fabric, in virtual time."""

    def __init__(
        self,
        topology: Topology,
        *,
        clock: Scheduler,
        seed: int | str,
        segment: int = 16 * 1024,
        transport: Transport | None = None,
    ) -> None:
        super().__init__(
            Fabric(topology, clock, seed=seed, transport=transport or Transport(segment=segment))
        )
        self._networks: dict[str, VirtualNetwork] = {}

    def attach(self, host: str) -> VirtualNetwork:
        """The network as `host` sees it.

        Raises:
            ValueError: the topology has no such host.
        """
        self.check_host(host)
        if host not in self._networks:
            self._networks[host] = VirtualNetwork(self, host)
        return self._networks[host]

    def crash(self, host: str) -> None:
        """`host` falls silent, and forgets its ports."""
        super().crash(host)
        self.attach(host).forget_ports()

    def network(self, host: str) -> VirtualNetwork | None:
        """The network of `host` if somebody attached to it."""
        return self._networks.get(host)


class VirtualNetwork(Network):
    """What one host of the virtual internet can do."""

    def __init__(self, internet: VirtualInternet, host: str) -> None:
        self._internet = internet
        self._host = host
        self._ephemeral = count()
        self._listeners: dict[int, VirtualListener] = {}
        self._sockets: dict[int, VirtualDatagramSocket] = {}

    def __repr__(self) -> str:
        return f"<VirtualNetwork {self._host}>"

    @property
    def host(self) -> str:
        """This host's name, which is its address here."""
        return self._host

    async def listen(self, port: int = 0) -> VirtualListener:
        """Accept connections on `port`; 0 picks a free one."""
        await trio.lowlevel.checkpoint()
        port = self._bind(port, self._listeners)
        self._listeners[port] = VirtualListener(self, Address(self._host, port))
        return self._listeners[port]

    async def dial(self, address: Address) -> VirtualConnection:
        """Connect to `address`, in one round trip."""
        local = Address(self._host, self._free_port())
        delay = await self._internet.send_syn(self._host, address.host, address)
        listener = self._listener_at(address)
        if listener is None:
            await trio.sleep(delay)  # RST
            raise os_error(errno.ECONNREFUSED, address)
        await trio.sleep(delay)  # SYN and ACK
        fabric, hosts = self._internet.fabric, (self._host, address.host)
        ours, theirs = VirtualConnection.pair(fabric, hosts, (local, address))
        scheduler = fabric.scheduler
        scheduler.call_at(scheduler.now() + delay, listener.offer, theirs)
        return ours

    async def datagrams(self, port: int = 0) -> VirtualDatagramSocket:
        """Bind a datagram socket to `port`; 0 picks a free one."""
        await trio.lowlevel.checkpoint()
        port = self._bind(port, self._sockets)
        self._sockets[port] = VirtualDatagramSocket(self, Address(self._host, port))
        return self._sockets[port]

    def forget_ports(self) -> None:
        """Nobody listens on this host any more."""
        self._listeners.clear()
        self._sockets.clear()

    def release(self, port: int, holder: VirtualListener | VirtualDatagramSocket) -> None:
        """Free `port` for others, if it is still `holder`'s."""
        if self._listeners.get(port) is holder:
            del self._listeners[port]
        if self._sockets.get(port) is holder:
            del self._sockets[port]

    def carry(self, payload: bytes, source: Address, to: Address) -> None:
        """Send one datagram over the fabric, to whoever is bound to `to` when it arrives."""
        fabric = self._internet.fabric

        def deliver(datagram: bytes) -> None:
            network = self._internet.network(to.host)
            if network is not None and to.port in network._sockets:
                network._sockets[to.port].take(datagram, source)

        try:
            fabric.send_datagram(self._host, to.host, payload, deliver)
        except UnreachableError as error:
            raise os_error(errno.EHOSTUNREACH, to) from error

    def _listener_at(self, address: Address) -> VirtualListener | None:
        network = self._internet.network(address.host)
        return None if network is None else network._listeners.get(address.port)

    def _bind(self, port: int, bound: Collection[int]) -> int:
        if self._internet.fabric.is_down(self._host):
            raise os_error(errno.ENETDOWN, Address(self._host, port))
        if port in bound:
            raise os_error(errno.EADDRINUSE, Address(self._host, port))
        if not 0 <= port <= 65535:
            raise OverflowError(f"a port is between 0 and 65535, not {port}")
        return port or self._free_port()

    def _free_port(self) -> int:
        for _ in EPHEMERAL:
            port = EPHEMERAL[next(self._ephemeral) % len(EPHEMERAL)]
            if port not in self._listeners and port not in self._sockets:
                return port
        raise os_error(errno.EADDRINUSE, Address(self._host, 0))


class VirtualListener(Listener):
    """A port of a virtual host.

    Always true: each connection offered is accepted once, in the order they came.
    """

    def __init__(self, network: VirtualNetwork, address: Address) -> None:
        self._network = network
        self._address = address
        self._waiting = Mailbox[VirtualConnection](BACKLOG)

    def __repr__(self) -> str:
        return f"<VirtualListener {self._address}>"

    @property
    def address(self) -> Address:
        """The address peers dial."""
        return self._address

    async def accept(self) -> Connection:
        """Wait for the next connection."""
        return await self._waiting.get()

    def offer(self, connection: VirtualConnection) -> None:
        """A handshake has ended: queue the connection, or reset it if the port was closed."""
        if not self._waiting.put(connection):
            connection.abort()

    async def aclose(self) -> None:
        """Stop listening; connections that nobody accepted are reset."""
        self._network.release(self._address.port, self)
        for connection in self._waiting.close():
            connection.abort()
        await trio.lowlevel.checkpoint()


class VirtualDatagramSocket(DatagramSocket):
    """A datagram port of a virtual host; what arrives beyond its buffer is lost."""

    def __init__(self, network: VirtualNetwork, address: Address) -> None:
        self._network = network
        self._address = address
        self._arrived = Mailbox[tuple[bytes, Address]](DATAGRAM_BUFFER)
        self._closed = False

    def __repr__(self) -> str:
        return f"<VirtualDatagramSocket {self._address}>"

    @property
    def address(self) -> Address:
        """The address datagrams to this socket are sent to."""
        return self._address

    async def send(self, payload: bytes, to: Address) -> None:
        """Send one datagram; it may be lost."""
        await trio.lowlevel.checkpoint()
        if self._closed:
            raise trio.ClosedResourceError("this socket was closed")
        if len(payload) > MAX_DATAGRAM:
            raise os_error(errno.EMSGSIZE, to)
        self._network.carry(payload, self._address, to)

    async def receive(self) -> tuple[bytes, Address]:
        """Return the next datagram and its sender."""
        return await self._arrived.get()

    def take(self, datagram: bytes, source: Address) -> None:
        """A datagram has arrived."""
        self._arrived.put((datagram, source))

    async def aclose(self) -> None:
        """Close the socket and free its port."""
        self._closed = True
        self._network.release(self._address.port, self)
        self._arrived.close()
        await trio.lowlevel.checkpoint()
