"""A peer's part in its swarm: messages in, messages out, and when to be woken next.

It takes the time as an argument, changes the state of its neighbours and fills their outboxes.
It knows no sockets: the node empties the outboxes.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from math import inf

from net.trace import Trace, silent
from peer.download import Download, Verdict
from peer.neighbour import Neighbour
from peer.news import News
from peer.reveal import Reveal
from peer.round import Rounds
from peer.settings import PeerSettings
from peer.store import ChunkStore
from peer.strategy import DEFAULT, Strategies
from peer.upload import Upload
from wire.errors import ProtocolError
from wire.message import (
    Bitfield,
    Buffer,
    Cancel,
    Choke,
    Chunk,
    Handshake,
    Have,
    Interested,
    KeepAlive,
    Message,
    NotInterested,
    Reject,
    Request,
    Unchoke,
)

MAX_OUTBOX = 1024  # messages a neighbour may leave unread

RARE = 1  # a chunk that no more neighbours have is told of at once, to who can use the news


class CorruptChunkError(ProtocolError):
    """A chunk does not match its hash; who sent it meant to, or cannot be relied on."""


class Swarm:
    """The neighbours of one peer, and everything agreed with them.

    Always true: after each call the outboxes hold all there is to say, and `touched` every
    neighbour with something in its outbox or a chunk to be sent.
    """

    def __init__(
        self,
        store: ChunkStore,
        settings: PeerSettings,
        *,
        rng: random.Random,
        now: float,
        trace: Trace = silent,
        strategies: Strategies = DEFAULT,
    ) -> None:
        self.store = store
        self.neighbours: dict[Neighbour, None] = {}
        self.touched: dict[Neighbour, None] = {}
        self.uploaded = 0
        self.downloaded = 0
        self.news = News(store)
        self._chunk_count = store.manifest.chunk_count
        self._settings = settings
        self._rng = rng
        self._trace = trace
        self._download = Download(store, strategies.make_picker(), settings, rng)
        self._upload = Upload(settings)
        self._rounds = Rounds(
            strategies.make_choker(), strategies.make_seed_choker(), settings, store.manifest, rng
        )
        self._apply_choker(seeding=store.complete)
        self._reveal: Reveal | None = None
        if store.complete and settings.super_seed and self._chunk_count:
            self._reveal = Reveal(self._chunk_count, rng)
            self._upload.slots = settings.max_neighbours  # each is shown, and sent, its own chunks
        self._withdrawn = 0  # chunks that were offered once, as a mask
        self._announce_at = inf
        self._rechoke_at = now + settings.choke_interval

    @property
    def download(self) -> Download:
        """What is missing and whom it was asked of, for who brings chunks from elsewhere."""
        return self._download

    @property
    def left(self) -> int:
        """Bytes not stored yet."""
        manifest = self.store.manifest
        missing = ((1 << self._chunk_count) - 1) & ~self.store.have
        if not missing:
            return 0
        left = missing.bit_count() * manifest.chunk_size
        last = self._chunk_count - 1
        return left - (manifest.chunk_size - manifest.length(last) if missing >> last else 0)

    @property
    def wake_at(self) -> float:
        """When `tick` is due."""
        news, rechoke = self._announce_at, self._rechoke_at
        return news if news < rechoke else rechoke  # noqa: FURB136 - asked after each message

    def join(self, neighbour: Neighbour) -> None:
        """A connection has shaken hands: tell it what we have."""
        self.neighbours[neighbour] = None
        self.touched[neighbour] = None
        hidden = self._reveal is not None
        self.news.put_all(neighbour, self._bits(0 if hidden else self.store.have))
        if self._reveal is not None:
            self._reveal.show(neighbour, len(self.neighbours))

    def leave(self, neighbour: Neighbour, now: float) -> None:
        """A connection is gone: what was asked of it is asked of others."""
        if neighbour not in self.neighbours:
            return
        del self.neighbours[neighbour]
        if self._reveal is not None:
            self._reveal.forget(neighbour)
        self.touched.pop(neighbour, None)
        self._download.forget(neighbour)
        self._upload.forget(neighbour)
        self._upload.fill_slots(self.neighbours)
        self._fill_all(self.neighbours, now)
        self._start_uploads(now)

    def receive(self, neighbour: Neighbour, message: Message, now: float) -> None:
        """Act on a message.

        Raises:
            ProtocolError: the message is not allowed here; the connection is to be closed.
        """
        neighbour.heard = now
        self._act(neighbour, message, now)
        if len(neighbour.outbox) > MAX_OUTBOX:
            raise ProtocolError("it asks for more than it reads")
        if neighbour.outbox:
            self.touched[neighbour] = None

    def _act(self, neighbour: Neighbour, message: Message, now: float) -> None:
        match message:
            case Have(indexes):
                self._on_have(neighbour, indexes, now)
            case Chunk(index, payload):
                self._on_chunk(neighbour, index, payload, now)
            case Request(index):
                self._on_request(neighbour, index, now)
            case Bitfield():
                chunks = message.mask(self._chunk_count)
                self._download.unlearn(neighbour, ~chunks)
                self._on_chunks(neighbour, chunks, now)
            case Interested():
                neighbour.peer_interested = True
                neighbour.interested_since = now
                self._upload.fill_slots(self.neighbours)
                self._touch_all(self.neighbours)
            case NotInterested():
                neighbour.peer_interested = False
                self._upload.not_interested(neighbour)
                self._upload.fill_slots(self.neighbours)
                self._touch_all(self.neighbours)
            case Unchoke():
                self._download.unchoked(neighbour, now)
            case Choke():
                self._download.choked(neighbour)
            case Reject(index):
                self._download.decline(neighbour, index)
                holders = [each for each in self.neighbours if each.have >> index & 1]
                self._fill_all(holders, now)  # the one that declined is among them
            case Cancel(index):
                self._upload.cancel(neighbour, index)
            case KeepAlive():
                pass
            case Handshake():
                raise ProtocolError("a second handshake")

    def take(self, source: Neighbour, index: int, payload: Buffer, now: float) -> None:
        """A chunk has come from a `source` outside the swarm.

        Raises:
            ProtocolError: it does not match its hash; what was asked of `source` is to be given up.
        """
        self._on_chunk(source, index, payload, now)

    def give_up(self, source: Neighbour, index: int, now: float) -> None:
        """A chunk does not come from `source` outside the swarm: ask neighbours for it again."""
        self._download.release(source, index)
        self._fill_all([each for each in self.neighbours if each.have >> index & 1], now)

    def look(self, chunks: int, now: float) -> None:
        """Ask for nothing but the mask `chunks` from now on."""
        self._download.look(chunks, self.neighbours)
        self._fill_all(self.neighbours, now)
        self._touch_all(self.neighbours)

    def withdraw(self, chunks: int) -> int:
        """Offer `chunks` (a mask) to nobody any more; returns those that are not being sent now.

        The others stay on offer. The caller drops what is returned before anything else happens.
        """
        sending = 0
        for neighbour in self.neighbours:
            sending |= 0 if neighbour.sending is None else 1 << neighbour.sending
        gone = chunks & self.store.have & ~sending
        if gone:
            self._withdrawn |= gone
            left = self._bits(self.store.have & ~gone)
            for neighbour in self.neighbours:
                self._upload.withdraw(neighbour, gone)
                self.news.put_all(neighbour, left)
            self._touch_all(self.neighbours)
        return gone

    def sent_chunk(self, neighbour: Neighbour, size: int, now: float) -> None:
        """The node has sent `neighbour.sending`, `size` bytes."""
        self.uploaded += size
        if self._reveal is not None and neighbour.sending is not None:
            self._reveal.sent(neighbour, neighbour.sending, self.neighbours)
            if self._reveal.over:
                self._reveal = None
                self._upload.slots = self._settings.upload_slots
            self._touch_all(self.neighbours)
        self._upload.finished(neighbour, size)
        self._start_uploads(now)

    def tick(self, now: float) -> None:
        """Do what is due: announce new chunks, begin a choke round, notice who is silent."""
        if now >= self._announce_at:
            self._announce_at = inf
            self._tell(self.neighbours)
        if now >= self._rechoke_at:
            self._rechoke_at = now + self._settings.choke_interval
            for neighbour in self.neighbours:
                neighbour.update_rates(self._settings.choke_interval)
                neighbour.declined = 0
            self._snub(now)
            if self._download.endgame and not self.store.complete:
                self._fill_all(self.neighbours, now)
            if self._reveal is not None and self._upload.idle(now):
                self._reveal.repeat(self.neighbours)
            self._download.lose_interest(self.neighbours)
            self._reveal_more()
            self._rechoke(now)
            self._touch_all(self.neighbours)
            self._start_uploads(now)

    def silent(self, now: float) -> list[Neighbour]:
        """The neighbours that said, or took in, nothing for too long.

        Those we owe a word get a KeepAlive.
        """
        for neighbour in self.neighbours:
            if now - neighbour.spoke > self._settings.keep_alive and not neighbour.outbox:
                neighbour.outbox.append(KeepAlive())
                self.touched[neighbour] = None
        return [
            neighbour
            for neighbour in self.neighbours
            if now - neighbour.heard > self._settings.idle_timeout
            or (
                neighbour.sending is not None
                and now - neighbour.sending_since > self._settings.idle_timeout
            )
        ]

    def useless(self, neighbour: Neighbour) -> bool:
        """Whether neither side can want anything of the other: both have everything."""
        return self.store.complete and neighbour.have.bit_count() == self._chunk_count

    def _on_chunk(self, neighbour: Neighbour, index: int, payload: Buffer, now: float) -> None:
        self._check_index(index)
        neighbour.received += len(payload)
        neighbour.snubbed = False
        verdict = self._download.receive(neighbour, index, payload)
        if verdict is Verdict.CORRUPT:
            self._trace("chunk_rejected", chunk=index, source=neighbour.name)
            raise CorruptChunkError(f"chunk {index} does not match its hash")
        if verdict is Verdict.DUPLICATE:
            self._trace("chunk_duplicated", chunk=index, source=neighbour.name, bytes=len(payload))
        else:
            self.downloaded += len(payload)
            self._trace("chunk_received", chunk=index, source=neighbour.name, bytes=len(payload))
            others = self._download.cancel_others(index)
            self._announce(index, now)
            self._fill_all(others, now)
        self._download.fill(neighbour, now)
        if self._upload.credit < inf:
            self._start_uploads(now)  # it has paid

    def _announce(self, index: int, now: float) -> None:
        """Have a new chunk told to everybody soon; having everything, tell everybody so.

        Of a rare one who would be served, and has nothing else to ask for, is told at once.
        """
        self.news.add(index)
        self._announce_at = min(self._announce_at, now + self._settings.have_delay)
        if self._download.availability.count(index) <= RARE:
            free = self._upload.has_free_slot
            useful = [each for each in self.neighbours if free or not each.am_choking]
            self._tell([each for each in useful if not each.queue])
        if self.store.complete:
            everything = self._bits(self.store.have)
            for neighbour in self.neighbours:
                self.news.put_all(neighbour, everything)
            self._download.lose_interest(self.neighbours)
            self._announce_at = inf
            self._touch_all(self.neighbours)

    def _tell(self, neighbours: Iterable[Neighbour]) -> None:
        """Tell these neighbours of the new chunks."""
        for neighbour in neighbours:
            self.news.put(neighbour)
            if neighbour.outbox:
                self.touched[neighbour] = None

    def _on_have(self, neighbour: Neighbour, indexes: tuple[int, ...], now: float) -> None:
        self._check_index(max(indexes, default=0))  # a mask is as long as its highest index
        chunks = 0
        for index in indexes:
            chunks |= 1 << index
        self._on_chunks(neighbour, chunks, now)

    def _on_chunks(self, neighbour: Neighbour, chunks: int, now: float) -> None:
        self._download.learn(neighbour, chunks)
        self._download.fill(neighbour, now)
        if self._reveal is not None:
            self._reveal.show(neighbour, len(self.neighbours))

    def _on_request(self, neighbour: Neighbour, index: int, now: float) -> None:
        self._check_index(index)
        if not self.store.have >> index & 1:
            if self._withdrawn >> index & 1:  # the request was on its way when we said so
                neighbour.outbox.append(Reject(index))
                return
            raise ProtocolError(f"a request for chunk {index}, which was not offered")
        self._upload.request(neighbour, index, now)
        self._start_uploads(now)

    def _reveal_more(self) -> None:
        """While super-seeding, leave nobody without a chunk to ask for."""
        if self._reveal is not None:
            for neighbour in self.neighbours:
                if not neighbour.peer_interested:
                    self._reveal.uninterested(neighbour, len(self.neighbours))

    def _snub(self, now: float) -> None:
        """Cancel requests that were left unanswered for too long; ask again after as long."""
        late = now - self._settings.request_timeout
        for neighbour in self.neighbours:
            if neighbour.requested and min(neighbour.requested.values()) < late:
                self._trace("neighbour_snubbed", neighbour=neighbour.name)
                neighbour.snubbed, neighbour.snubbed_since = True, now
                self._download.withdraw_all(neighbour)
                self._fill_all(self.neighbours, now)
            elif neighbour.snubbed and neighbour.snubbed_since < late:
                neighbour.snubbed = False
                self._fill_all((neighbour,), now)

    def _rechoke(self, now: float) -> None:
        seeding = self.store.complete
        shares = self._rounds.decide(
            self.neighbours, now, slots=self._upload.slots, seeding=seeding
        )
        self._apply_choker(seeding=seeding)
        self._upload.rechoke(self.neighbours, shares)

    def _apply_choker(self, *, seeding: bool) -> None:
        """Let what holds between rounds be as the choker on duty wants it."""
        self._upload.work_conserving = self._rounds.work_conserving(seeding=seeding)
        self._upload.credit = self._rounds.credit(seeding=seeding)

    def _fill_all(self, neighbours: Iterable[Neighbour], now: float) -> None:
        for neighbour in neighbours:
            self._download.fill(neighbour, now)
            if neighbour.outbox:
                self.touched[neighbour] = None

    def _start_uploads(self, now: float) -> None:
        self.touched.update(dict.fromkeys(self._upload.start(now)))

    def _touch_all(self, neighbours: Iterable[Neighbour]) -> None:
        self.touched.update((each, None) for each in neighbours if each.outbox)

    def _bits(self, chunks: int) -> Bitfield:
        """Return a mask as the message that says it."""
        return Bitfield.of(chunks, self._chunk_count)

    def _check_index(self, index: int) -> None:
        if not index < self._chunk_count:
            raise ProtocolError(f"no chunk {index} among {self._chunk_count}")
