"""The downloading half of a peer: which chunk to ask of whom, and what to make of the answer.

It decides and remembers; it sends nothing itself and knows no clock.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from enum import Enum

from peer import decision
from peer.decision import Picker
from peer.neighbour import Neighbour
from peer.picker import Availability, bits
from peer.settings import PeerSettings
from peer.store import ChunkStore
from peer.view import ChunksView
from wire.message import Buffer, Cancel, Interested, NotInterested, Request

SILENCE = 3.0  # seconds after which a neighbour is not relied on for the last chunks


class Verdict(Enum):
    """What a received chunk turned out to be."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CORRUPT = "corrupt"


class Download:
    """Requests in flight.

    Always true: a chunk that is stored is not asked for; `requesters[i]` are the neighbours
    asked for chunk i, more than one only once every missing chunk has been asked for, or where
    one is urgent; `availability` counts the missing chunks (no others are of interest). Missing
    is what is not stored, or, for who looks at a part of the file, what of that is not stored.
    """

    def __init__(
        self, store: ChunkStore, picker: Picker, settings: PeerSettings, rng: random.Random
    ) -> None:
        self.availability = Availability(store.manifest.chunk_count)
        self.requesters: dict[int, list[Neighbour]] = {}
        self._store = store
        self._picker = picker
        self._settings = settings
        self._rng = rng
        self._missing = ((1 << store.manifest.chunk_count) - 1) & ~store.have
        self._in_flight = 0
        self._view = ChunksView(store.manifest.chunk_count, self.availability, self)
        self._sources: set[Neighbour] = set()  # who answers our requests; only counted

    @property
    def missing(self) -> int:
        """The chunks not stored yet of those that are of interest, as a mask."""
        return self._missing

    @property
    def in_flight(self) -> int:
        """The missing chunks that were asked for, as a mask."""
        return self._in_flight

    @property
    def endgame(self) -> bool:
        """Whether every missing chunk has been asked for."""
        return not self._missing & ~self._in_flight

    def learn(self, neighbour: Neighbour, chunks: int) -> None:
        """`neighbour` has `chunks` (a mask), perhaps more than we knew."""
        fresh = chunks & ~neighbour.have & self._missing
        neighbour.have |= chunks
        if fresh:
            self.availability.add_all(fresh)
            self._show_interest(neighbour)

    def look(self, chunks: int, neighbours: Collection[Neighbour]) -> None:
        """Only the mask `chunks` is of interest from now on; what else was asked for is not."""
        missing = chunks & ~self._store.have
        added, left = missing & ~self._missing, self._missing & ~missing
        self._missing = missing
        for index in bits(left & self._in_flight):
            self.cancel_others(index)
        for index in bits(added):
            self.availability.recount(index, sum(each.have >> index & 1 for each in neighbours))
        for neighbour in neighbours:
            if neighbour.have & added:
                self._show_interest(neighbour)

    def unlearn(self, neighbour: Neighbour, chunks: int) -> None:
        """`neighbour` has `chunks` (a mask) no more."""
        lost = chunks & neighbour.have
        self.availability.remove_all(lost & self._missing)
        neighbour.have &= ~lost

    def forget(self, neighbour: Neighbour) -> None:
        """`neighbour` is gone: its chunks count no more, and what it was asked for is free."""
        self.availability.remove_all(neighbour.have & self._missing)
        self._sources.discard(neighbour)
        self.release_all(neighbour)

    def unchoked(self, neighbour: Neighbour, now: float) -> None:
        """`neighbour` answers requests from now on."""
        neighbour.peer_choking = False
        neighbour.snubbed = False
        self._sources.add(neighbour)
        self.fill(neighbour, now)

    def choked(self, neighbour: Neighbour) -> None:
        """`neighbour` takes no more requests; it rejects those it will not answer."""
        neighbour.peer_choking = True
        self._sources.discard(neighbour)

    def fill(self, neighbour: Neighbour, now: float) -> None:
        """Ask `neighbour` for chunks until its pipeline is full or it has none we lack."""
        if neighbour.peer_choking or neighbour.snubbed:
            return
        room = self._pipeline(neighbour) - len(neighbour.requested)
        while room > 0:
            index = self._next_chunk(neighbour, now)
            if index is None:
                return
            self.claim(neighbour, index, now)
            neighbour.outbox.append(Request(index))
            room -= 1

    def claim(self, source: Neighbour, index: int, now: float) -> None:
        """`source`, which may be no neighbour, was asked for chunk `index`."""
        source.requested[index] = now
        self.requesters.setdefault(index, []).append(source)
        self._in_flight |= 1 << index

    def receive(self, neighbour: Neighbour, index: int, payload: Buffer) -> Verdict:
        """Take a chunk in: verified and stored, or refused."""
        self.release(neighbour, index)
        if not self._missing >> index & 1:
            return Verdict.DUPLICATE
        if not self._store.verify(index, payload):
            return Verdict.CORRUPT
        self._store.write(index, payload)
        self._missing &= ~(1 << index)
        return Verdict.NEW

    def cancel_others(self, index: int) -> Iterable[Neighbour]:
        """Withdraw the requests for a chunk that has come; returns who was asked as well."""
        others = list(self.requesters.get(index, ()))
        for other in others:
            self.release(other, index)
            other.outbox.append(Cancel(index))
        return others

    def release(self, neighbour: Neighbour, index: int) -> None:
        """`neighbour` will not send chunk `index` any more, or has sent it."""
        if neighbour.requested.pop(index, None) is None:
            return
        left = self.requesters[index]
        left.remove(neighbour)
        if not left:
            del self.requesters[index]
            self._in_flight &= ~(1 << index)

    def decline(self, neighbour: Neighbour, index: int) -> None:
        """`neighbour` will not send chunk `index` now: ask others first."""
        neighbour.declined |= 1 << index
        self.release(neighbour, index)

    def release_all(self, neighbour: Neighbour) -> None:
        """Give up everything asked of `neighbour`."""
        for index in list(neighbour.requested):
            self.release(neighbour, index)

    def withdraw_all(self, neighbour: Neighbour) -> None:
        """Give up everything asked of `neighbour`, and tell it so."""
        neighbour.outbox.extend([Cancel(index) for index in neighbour.requested])
        self.release_all(neighbour)

    def lose_interest(self, neighbours: Iterable[Neighbour]) -> None:
        """Tell those neighbours that have nothing for us any more."""
        for neighbour in neighbours:
            if neighbour.am_interested and not neighbour.have & self._missing:
                neighbour.am_interested = False
                neighbour.outbox.append(NotInterested())

    def _show_interest(self, neighbour: Neighbour) -> None:
        if not neighbour.am_interested:
            neighbour.am_interested = True
            neighbour.outbox.append(Interested())

    def _pipeline(self, neighbour: Neighbour) -> int:
        """Requests to keep in flight: more to one of few sources, and to a fast one."""
        settings = self._settings
        share = max(settings.pipeline, settings.total_pipeline // max(1, len(self._sources)))
        ahead = neighbour.download_rate * settings.pipeline_time / self._store.manifest.chunk_size
        return min(share + int(ahead), settings.max_pipeline)

    def _next_chunk(self, neighbour: Neighbour, now: float) -> int | None:
        candidates = neighbour.have & self._missing & ~self._in_flight & ~neighbour.declined
        if candidates:
            return decision.pick(self._picker, candidates, self._view, self._rng)
        if not self.endgame or neighbour.requested:
            return None
        return self._endgame_chunk(neighbour, now)

    def _endgame_chunk(self, neighbour: Neighbour, now: float) -> int | None:
        """Everything is asked for: ask an idle neighbour for what the fewest were asked for.

        Who has said nothing for a while may have crashed, and does not count.
        """
        wanted = [
            (
                sum(now - each.heard < SILENCE for each in self.requesters[index]),
                self._rng.random(),
                index,
            )
            for index in bits(neighbour.have & self._missing & ~neighbour.declined)
        ]
        if not wanted:
            return None
        copies, _, index = min(wanted)
        return index if copies < self._settings.endgame_copies else None
