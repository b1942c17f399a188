"""Verbs for assembling swarms: peers of one file, in virtual time or wired back to back.

It knows how to bring peers together, not what a test expects of them.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from itertools import count
from typing import TypeVar

import trio

from net.clock import VirtualClock
from net.seam import Address
from net.simulation import simulate
from net.topology import Access, star
from net.virtual import VirtualInternet
from peer.neighbour import Neighbour
from peer.node import Peer
from peer.settings import PeerSettings
from peer.store import ChunkPool, ChunkStore, MemoryStore
from peer.swarm import Swarm
from peer.web_plan import WebSettings
from tracker.node import Tracker
from wire.channel import Channel
from wire.errors import ProtocolError
from wire.manifest import Manifest
from wire.message import Chunk, Handshake, Message

T = TypeVar("T")

TRACKER = Address("tracker", 7000)
PORT = 6881
KIB, MIB = 1024, 1024 * 1024
EIGHT = Access(8e6, 8e6)
RTT = 0.04
INTERVAL = 60.0

TraceEvent = tuple[float, str, str, dict[str, str | float | None]]


class Content:
    """A file of pseudo-random bytes, its manifest, and stores that hold some of it."""

    def __init__(self, size: int, chunk_size: int) -> None:
        self.data = random.Random(f"content/{size}").randbytes(size)
        self.manifest = Manifest.of_bytes("content", self.data, chunk_size)
        self.count = self.manifest.chunk_count
        self.everything = (1 << self.count) - 1
        self._pool = ChunkPool()

    def chunk(self, index: int) -> bytes:
        """Return the bytes of chunk `index`."""
        return self.data[index * self.manifest.chunk_size :][: self.manifest.length(index)]

    def store(self, have: int = 0) -> MemoryStore:
        """Return a store with the chunks of the mask `have`."""
        store = MemoryStore(self.manifest, self._pool)
        for index in range(self.count):
            if have >> index & 1:
                store.write(index, self.chunk(index))
        return store

    def held(self, store: ChunkStore) -> bytes:
        """Return the whole file as `store` holds it."""
        return b"".join([store.read(index) for index in range(self.count)])


class Wired:
    """Swarm cores that exchange messages through lists: no network, time moved by hand."""

    def __init__(self, content: Content, have: Iterable[int], *, seed: int = 1) -> None:
        """Wire a full mesh of cores that begin with the chunks of the masks in `have`."""
        self.content = content
        self.now = 0.0
        self.said: list[tuple[int, int, Message]] = []
        settings = PeerSettings()
        self.cores = [
            Swarm(content.store(mask), settings, rng=random.Random(f"{seed}/{i}"), now=0.0)
            for i, mask in enumerate(have)
        ]
        n = len(self.cores)
        self._sight = {  # how core i sees core j
            (i, j): Neighbour(f"core-{j}", bytes([j]) * 20, 0.0)
            for i in range(n)
            for j in range(n)
            if i != j
        }
        for (i, _j), neighbour in self._sight.items():
            self.cores[i].join(neighbour)

    def run(self, *, rounds: int = 200, until: Callable[[], bool] | None = None) -> None:
        """Exchange all there is to say, then let 0.2 s pass; over and over until all is whole."""
        done = until or (lambda: all(core.store.complete for core in self.cores))
        for _ in range(rounds):
            self.settle()
            if done():
                return
            self.now += 0.2
            for core in self.cores:
                if core.wake_at <= self.now:
                    core.tick(self.now)
        raise AssertionError(f"not done after {rounds} rounds: {self.cores}")

    def settle(self) -> None:
        """Deliver messages until nobody has anything to say at this instant."""
        mail: deque[tuple[int, int, Message]] = deque()
        while True:
            for (i, j), neighbour in self._sight.items():
                mail.extend((i, j, message) for message in neighbour.outbox)
                neighbour.outbox.clear()
                mail.extend(self._chunk(i, j, neighbour))
            if not mail:
                return
            self.said.extend(mail)
            while mail:
                i, j, message = mail.popleft()
                self.cores[j].receive(self._sight[j, i], message, self.now)

    def _chunk(self, i: int, j: int, neighbour: Neighbour) -> Iterable[tuple[int, int, Message]]:
        if neighbour.sending is None:
            return
        payload = self.cores[i].store.read(neighbour.sending)
        yield i, j, Chunk(neighbour.sending, payload)
        self.cores[i].sent_chunk(neighbour, len(payload), self.now)


class VirtualSwarm:
    """Hosts round one router in virtual time: a tracker, peers, and strangers."""

    def __init__(
        self, internet: VirtualInternet, content: Content, nursery: trio.Nursery, seed: int
    ) -> None:
        self.internet = internet
        self.content = content
        self.events: list[TraceEvent] = []
        self.peers: dict[str, Peer] = {}
        self.stores: dict[str, MemoryStore] = {}
        self._nursery = nursery
        self._scopes: dict[str, trio.CancelScope] = {}
        self._seed = seed
        self._names = count()

    async def open_tracker(self, interval: float = INTERVAL) -> None:
        """Run a tracker at `TRACKER`."""
        tracker = Tracker(
            rng=random.Random(f"{self._seed}/tracker"), wall=trio.current_time, interval=interval
        )
        listener = await self.internet.attach(TRACKER.host).listen(TRACKER.port)
        await self._nursery.start(partial(tracker.serve, listener))

    async def join(
        self,
        host: str,
        have: int = 0,
        *,
        settings: PeerSettings | None = None,
        trackers: tuple[Address, ...] = (TRACKER,),
        web: WebSettings | None = None,
    ) -> Peer:
        """Start a peer on `host`, listening at `PORT`, with the chunks of the mask `have`."""
        store = self.stores[host] = self.content.store(have)

        def trace(event: str, /, **fields: str | float | None) -> None:
            self.events.append((trio.current_time(), host, event, fields))

        peer = self.peers[host] = Peer(
            self.internet.attach(host),
            store,
            *trackers,
            rng=random.Random(f"{self._seed}/{host}"),
            trace=trace,
            settings=settings,
            web=web,
            port=PORT,
        )
        self._scopes[host] = trio.CancelScope()

        async def run(*, task_status: trio.TaskStatus[Address]) -> None:
            with self._scopes[host]:
                await peer.run(task_status=task_status)

        await self._nursery.start(run)
        return peer

    async def seed(self, settings: PeerSettings | None = None) -> Peer:
        """Start a peer that has everything, on the host `seed`."""
        return await self.join("seed", self.content.everything, settings=settings)

    def leave(self, host: str) -> None:
        """The peer on `host` says goodbye."""
        self._scopes[host].cancel()

    def crash(self, host: str) -> None:
        """`host` falls silent for good."""
        self.internet.crash(host)
        self._scopes[host].cancel()

    async def completed(self, hosts: Iterable[str]) -> float:
        """Wait until each of `hosts` has the right bytes; returns the time then."""
        for host in hosts:
            await self.peers[host].completed.wait()
            assert self.content.held(self.stores[host]) == self.content.data
        return trio.current_time()

    async def reached(self, host: str, chunks: int) -> None:
        """Wait until the peer on `host` has so many chunks."""
        while self.stores[host].have.bit_count() < chunks:  # noqa: ASYNC110 - stores do not tell
            await trio.sleep(0.01)

    async def dial(self, stranger: str, peer: str) -> Channel:
        """Connect a stranger's host to a peer, without a word said."""
        stream = await self.internet.attach(stranger).dial(Address(peer, PORT))
        return Channel(stream, max_payload=self.content.manifest.chunk_size)

    async def shake_hands(self, stranger: str, peer: str, peer_id: bytes = b"") -> Channel:
        """Connect as a neighbour, and return the channel after both handshakes."""
        channel = await self.dial(stranger, peer)
        name = peer_id or stranger.encode().rjust(20, b"-")
        await channel.send(Handshake(self.content.manifest.swarm_id, name, PORT))
        hello = await channel.receive()
        assert isinstance(hello, Handshake)
        return channel

    def happened(self, event: str, host: str | None = None) -> list[TraceEvent]:
        """Return the events of this name so far, of one host or of all."""
        return [each for each in self.events if each[2] == event and host in (None, each[1])]

    def background(self, script: Callable[[], Awaitable[None]]) -> None:
        """Run `script` beside the test until the test ends."""
        self._nursery.start_soon(script)


def run_swarm(
    script: Callable[[VirtualSwarm], Awaitable[T]],
    hosts: Iterable[str],
    content: Content,
    *,
    seed: int = 1,
    access: Access = EIGHT,
    horizon: float = 2000.0,
) -> T:
    """Run `script` with a swarm on `hosts` (and a host for the tracker); returns its result."""

    async def main(clock: VirtualClock) -> T:
        links = dict.fromkeys(hosts, access) | {TRACKER.host: Access()}
        internet = VirtualInternet(star(links, rtt=RTT), clock=clock, seed=seed)
        async with trio.open_nursery() as nursery:
            result = await script(VirtualSwarm(internet, content, nursery, seed))
            nursery.cancel_scope.cancel()
        return result

    return simulate(main, seed=seed, horizon=horizon)


def leechers(n: int) -> list[str]:
    """Return the names of `n` hosts."""
    return [f"leecher-{i}" for i in range(n)]


async def until_closed(channel: Channel) -> None:
    """Read until the peer hangs up."""
    try:
        while True:
            await channel.receive()
    except (trio.EndOfChannel, trio.BrokenResourceError, ProtocolError):
        return
