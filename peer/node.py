"""A peer on a network: whom it dials, whom it lets in, and the tasks round its `Swarm`.

It refuses to know what neighbours say, and decides nothing about chunks.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

import trio

from net.seam import Address, Connection, Listener, Network
from net.trace import Trace, silent
from peer.announce import Announcer, Announcers
from peer.announcing import Announcing, Progress
from peer.bans import Bans
from peer.contacts import Contacts
from peer.conversations import Conversations
from peer.exchange import Exchange
from peer.line import Line
from peer.neighbour import Neighbour
from peer.settings import PeerSettings
from peer.store import ChunkStore
from peer.strategy import Strategies
from peer.swarm import Swarm
from peer.web_plan import WebSettings
from peer.web_seed import WebSeed
from wire.channel import Channel
from wire.errors import ProtocolError
from wire.message import PEER_ID_BYTES, Contact, Handshake

LOOK_ROUND = 2.0  # seconds between looks for missing and silent neighbours
SPARE_CONNECTIONS = 16  # accepted beyond the neighbours, while they shake hands


class Peer:
    """One peer of one swarm, which downloads what its store lacks and uploads what it has.

    Always true: at most `max_neighbours` neighbours, no two with the same peer id, none banned.
    Each dial under way has a place reserved: who is welcomed there is welcome here.
    """

    def __init__(
        self,
        network: Network,
        store: ChunkStore,
        *trackers: Address,
        rng: random.Random,
        trace: Trace = silent,
        settings: PeerSettings | None = None,
        strategies: Strategies | None = None,
        web: WebSettings | None = None,
        port: int = 0,
    ) -> None:
        self.peer_id = rng.randbytes(PEER_ID_BYTES)
        self.completed = trio.Event()
        self._network = network
        self._store = store
        self._trackers = trackers
        self._rng = rng
        self._trace = trace
        self._settings = settings or PeerSettings()
        self._strategies = strategies or Strategies()
        self._web = web
        self._web_seed: WebSeed | None = None
        self._looked_at: int | None = None  # None: the whole file
        self._running = False
        self._first_dials = min(self._settings.first_dials, -(-self._settings.max_neighbours // 2))
        self._wanted_port = port
        self._contacts = Contacts(self.peer_id)
        self._bans = Bans()
        self._lines: Mapping[Neighbour, Line] = {}  # which the conversations keep
        self._connections = 0
        self._dialling = 0  # of them, those we dialled that are no neighbours yet
        self._swarm: Swarm
        self._conversations: Conversations
        self._announcing: Announcing
        self._nursery: trio.Nursery

    async def run(
        self, *, task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Take part in the swarm until cancelled; the listening address is the task's status."""
        self._swarm = Swarm(
            self._store,
            self._settings,
            rng=self._rng,
            now=trio.current_time(),
            trace=self._trace,
            strategies=self._strategies,
        )
        self._conversations = Conversations(
            self._swarm, bans=self._bans, contacts=self._contacts, completed=self.completed,
            trace=self._trace,
        )  # fmt: skip
        self._lines = self._conversations.lines
        self._running = True
        if self._looked_at is not None:
            self._swarm.look(self._looked_at, trio.current_time())
        if self._store.complete:
            self.completed.set()
        elif self._web is not None:
            self._web_seed = WebSeed(
                self._network, self._swarm, self._web, rng=self._rng, trace=self._trace,
                settled=self._conversations.settle,
            )  # fmt: skip
        async with (
            await self._network.listen(self._wanted_port) as listener,
            trio.open_nursery() as self._nursery,
        ):
            self._announcing = self._announcing_from(listener.address.port)
            self._nursery.start_soon(self._accept, listener)
            self._nursery.start_soon(self._conversations.keep_time)
            if self._web_seed is not None:
                self._nursery.start_soon(self._web_seed.run)
            self._nursery.start_soon(self._keep_connected, listener.address.port)
            task_status.started(listener.address)
            await self._announcing.run(self.completed)

    @property
    def neighbours(self) -> tuple[Neighbour, ...]:
        """The neighbours at present, oldest first."""
        return tuple(self._lines)

    @property
    def uploaded(self) -> int:
        """Bytes of chunks sent so far."""
        return self._swarm.uploaded

    @property
    def downloaded(self) -> int:
        """Bytes of verified chunks received so far."""
        return self._swarm.downloaded

    def want(self, index: int, by: float) -> None:
        """Have chunk `index` fetched from a web seed if the swarm has not brought it in time.

        `by` is when it is needed (`trio.current_time`), `inf` if there is no hurry any more.
        Without web seeds, and once everything is there, this changes nothing.

        Raises:
            IndexError: there is no such chunk.
        """
        if self._web_seed is not None:
            self._web_seed.want(index, by)

    def look(self, chunks: int) -> None:
        """Ask for nothing but the mask `chunks` from now on; before `run`, from the start.

        So does who plays a file and wants only what comes soon.
        """
        self._looked_at = chunks
        if self._running:
            self._swarm.look(chunks, trio.current_time())
            self._conversations.speak()
            if self._web_seed is not None:
                self._web_seed.look()

    def withdraw(self, chunks: int) -> int:
        """Offer `chunks` (a mask) to nobody any more; returns those the store may drop at once.

        Those being sent at this moment are not among them, and stay on offer.
        """
        gone = self._swarm.withdraw(chunks)
        self._conversations.speak()
        return gone

    async def _accept(self, listener: Listener) -> None:
        port = listener.address.port
        while True:
            connection = await listener.accept()
            room = self._connections < self._settings.max_neighbours + SPARE_CONNECTIONS
            if room and not self._bans.whole_host(connection.remote.host):
                self._connections += 1
                self._nursery.start_soon(self._talk, connection, port, False)
            else:
                await trio.aclose_forcefully(connection)

    async def _dial(self, address: Address, port: int) -> None:
        """Connect and converse; a place is reserved already."""
        try:
            with trio.fail_after(self._settings.handshake_timeout):
                connection = await self._network.dial(address)
        except (OSError, trio.TooSlowError) as error:
            self._trace("dial_failed", address=str(address), reason=_reason(error))
            self._dialling -= 1
            self._connections -= 1
            self._dial_another(port)
        else:
            await self._talk(connection, port, True)

    async def _talk(self, connection: Connection, port: int, dialled: bool) -> None:
        """Shake hands on a new connection and, if all is well, exchange messages to its end."""
        manifest = self._store.manifest
        channel = Channel(
            connection, max_payload=max(manifest.chunk_size, -(-manifest.chunk_count // 8))
        )
        hello = Handshake(manifest.swarm_id, self.peer_id, port)
        try:
            async with channel:
                try:
                    neighbour = await self._meet(channel, connection.remote.host, hello, dialled)
                finally:
                    self._dialling -= dialled
                if neighbour is not None and self._welcome(neighbour, dialled):
                    if not dialled:
                        neighbour.outbox.append(hello)  # who is not welcome gets no answer
                    here = connection.local.host == connection.remote.host
                    await self._conversations.hold(neighbour, channel, dialled=dialled, here=here)
        finally:
            self._connections -= 1
        if dialled and neighbour is None:
            self._dial_another(port)

    async def _meet(
        self, channel: Channel, host: str, hello: Handshake, dialled: bool
    ) -> Neighbour | None:
        """Say hello if we dialled, and return who says hello to us."""
        try:
            with trio.fail_after(self._settings.handshake_timeout):
                if dialled:
                    await channel.send(hello)
                answer = await channel.receive()
            if not isinstance(answer, Handshake) or answer.swarm_id != hello.swarm_id:
                raise ProtocolError("no handshake for this swarm")
        except trio.EndOfChannel:
            self._trace("handshake_failed", neighbour=host, reason="it hung up")
            return None
        except (ProtocolError, trio.TooSlowError, trio.BrokenResourceError) as error:
            self._trace("handshake_failed", neighbour=host, reason=_reason(error))
            return None
        neighbour = Neighbour(host, answer.peer_id, trio.current_time())
        neighbour.port = answer.port
        return neighbour

    def _welcome(self, newcomer: Neighbour, dialled: bool) -> bool:
        """Whether there is room for this peer, and it is neither ourselves, nor here, nor banned.

        When two peers dial each other at once, both keep the connection that the one with the
        higher id dialled (as BGP does: RFC 4271, section 6.8), or each would close one.
        """
        peer_id = newcomer.peer_id
        if peer_id == self.peer_id or newcomer.address in self._bans:
            return False
        twin = next(
            (each for each in self._lines.values() if each.neighbour.peer_id == peer_id), None
        )
        if twin is None:
            return len(self._lines) + self._dialling < self._settings.max_neighbours
        stands = dialled == (self.peer_id > peer_id)
        crossed = trio.current_time() - twin.since < self._settings.handshake_timeout
        if twin.dialled == dialled or not stands or not crossed:
            return False
        self._conversations.hang_up(twin, "crossed connections")
        return True

    async def _keep_connected(self, port: int) -> None:
        exchange = Exchange(trio.current_time())
        while True:
            await trio.sleep(LOOK_ROUND)
            for neighbour in self._swarm.silent(trio.current_time()):
                if neighbour in self._lines:
                    self._conversations.hang_up(self._lines[neighbour], "silent")
            told = exchange.tell(self._lines, trio.current_time())
            self._swarm.touched.update(dict.fromkeys(told))
            self._conversations.speak()
            if not self._store.complete:  # who lacks something dials; who lacks nothing waits
                self._make_room()
                self._dial_contacts(self._settings.min_neighbours, port)
            self._announcing.hurry()

    def _starving(self) -> bool:
        """Whether we need to hear of more peers before the interval is over."""
        if self._store.complete:
            return len(self._lines) < self._settings.first_dials
        few = len(self._lines) < self._settings.min_neighbours and not self._contacts
        return few or not any(each.am_interested for each in self._lines)

    def _make_room(self) -> None:
        """If all places are taken and nobody has anything for us, part with who has least."""
        if len(self._lines) >= self._settings.max_neighbours and not any(
            each.am_interested for each in self._lines
        ):
            poorest = min(self._lines, key=lambda each: each.have.bit_count())
            self._conversations.hang_up(self._lines[poorest], "nothing for us")

    def _dial_contacts(self, target: int, port: int) -> None:
        """Dial known peers until `target` connections stand or are being made."""
        known = {neighbour.peer_id for neighbour in self._lines}
        for _ in range(target - self._connections):
            address = self._contacts.take(known)
            if address is None:
                return
            if address in self._bans:
                continue
            self._connections += 1
            self._dialling += 1
            self._nursery.start_soon(self._dial, address, port)

    def _dial_another(self, port: int) -> None:
        """A dial came to nothing: dial somebody else instead, if we lack neighbours."""
        if not self._store.complete:
            self._dial_contacts(self._first_dials, port)

    def _announcing_from(self, port: int) -> Announcing:
        swarm_id = self._store.manifest.swarm_id
        announcers = [
            Announcer(self._network, tracker, swarm_id=swarm_id, peer_id=self.peer_id, port=port)
            for tracker in self._trackers
        ]

        def learn(peers: tuple[Contact, ...]) -> None:
            self._contacts.remember(peers)
            self._dial_contacts(self._first_dials, port)

        return Announcing(
            Announcers(announcers),
            progress=lambda: Progress(self._swarm.left, self.uploaded, self.downloaded),
            starving=self._starving,
            learn=learn,
            trace=self._trace,
        )


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
