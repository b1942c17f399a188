"""The uploading half of a peer: whom to serve, and which requested chunk to send next.

Few chunks are sent at a time, neighbours taking turns, so that each is soon whole and can be
passed on. It sends nothing itself and knows no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from math import inf

from peer.neighbour import Neighbour
from peer.settings import PeerSettings
from peer.turns import Turns
from wire.message import Choke, Reject, Unchoke

PROMISES = 3  # neighbours that wait for the same chunk: the next shall ask those who got it
STALL = 2.0  # seconds after which a chunk being sent no longer holds others back
MAX_QUEUE = 256  # requests one neighbour may have waiting


class Upload:
    """Slots, and the requests of those who hold them.

    Always true: at most `slots` neighbours are unchoked, only unchoked ones have
    requests queued, and at most `concurrent_uploads` chunks are being sent without stalling.
    """

    def __init__(self, settings: PeerSettings) -> None:
        self.slots = settings.upload_slots
        self.work_conserving = True
        self.credit = inf  # bytes a neighbour may get beyond what it gave
        self._settings = settings
        self._unchoked: dict[Neighbour, None] = {}
        self._turns = Turns()
        self._sending: dict[Neighbour, None] = {}
        self._promises: Counter[int] = Counter()  # per chunk: who waits for it, or is sent it

    def idle(self, now: float) -> bool:
        """Whether nothing moves, and nothing that could be sent now is asked for."""
        return all(each in self._sending for each in self._turns) and not self._active(now)

    @property
    def has_free_slot(self) -> bool:
        """Whether one more neighbour could be served."""
        return len(self._unchoked) < self.slots

    def rechoke(self, neighbours: Iterable[Neighbour], shares: Mapping[bytes, float]) -> None:
        """Begin a round: serve the interested whose ids `shares` has, with these shares."""
        chosen = dict.fromkeys(
            [each for each in neighbours if each.peer_interested and each.peer_id in shares]
        )
        self._turns.share(shares)
        for neighbour in [each for each in self._unchoked if each not in chosen]:
            self._choke(neighbour)
        for neighbour in chosen:
            self._unchoke(neighbour)

    def fill_slots(self, neighbours: Collection[Neighbour]) -> None:
        """Between rounds, give a free slot to whoever has waited longest, if work-conserving."""
        free = self.slots - len(self._unchoked)
        if free <= 0 or not self.work_conserving:
            return
        waiting = [each for each in neighbours if each.am_choking and each.peer_interested]
        waiting.sort(key=lambda neighbour: neighbour.interested_since)
        for neighbour in waiting[:free]:
            self._unchoke(neighbour)

    def request(self, neighbour: Neighbour, index: int, now: float) -> None:
        """`neighbour` asks for chunk `index`.

        Refused while it is choked, asks too much, or enough others are about to get the chunk.
        """
        if neighbour.am_choking or len(neighbour.queue) >= MAX_QUEUE:
            neighbour.outbox.append(Reject(index))
        elif index in neighbour.queue:
            return
        elif self._promised(index, now) >= PROMISES:
            neighbour.outbox.append(Reject(index))
        else:
            neighbour.queue.append(index)
            self._promises[index] += 1
            self._turns.wait(neighbour)

    def cancel(self, neighbour: Neighbour, index: int) -> None:
        """`neighbour` no longer wants chunk `index`."""
        if index in neighbour.queue:
            neighbour.queue.remove(index)
            self._release(index)
            if not neighbour.queue:
                self._turns.leave(neighbour)

    def withdraw(self, neighbour: Neighbour, chunks: int) -> None:
        """The mask `chunks` is not to be sent to `neighbour`, which may have asked for some."""
        for index in [index for index in neighbour.queue if chunks >> index & 1]:
            self.cancel(neighbour, index)
            neighbour.outbox.append(Reject(index))

    def not_interested(self, neighbour: Neighbour) -> None:
        """`neighbour` wants nothing more: its slot is free."""
        if not neighbour.am_choking:
            self._choke(neighbour)

    def forget(self, neighbour: Neighbour) -> None:
        """`neighbour` is gone."""
        self._drop_queue(neighbour)
        if neighbour.sending is not None:
            self._release(neighbour.sending)
            neighbour.sending = None
        self._turns.forget(neighbour)
        self._unchoked.pop(neighbour, None)
        self._sending.pop(neighbour, None)

    def start(self, now: float) -> list[Neighbour]:
        """Begin to send what may be sent now; returns to whom (see their `sending`)."""
        started: list[Neighbour] = []
        active = self._active(now)
        for neighbour in self._turns:
            if active >= self._settings.concurrent_uploads:
                break
            if neighbour in self._sending or neighbour.sent - neighbour.received >= self.credit:
                continue
            neighbour.sending, neighbour.sending_since = neighbour.queue.popleft(), now
            self._sending[neighbour] = None
            self._turns.take(neighbour)
            if neighbour.queue:
                self._turns.wait(neighbour)
            started.append(neighbour)
            active += 1
        return started

    def finished(self, neighbour: Neighbour, size: int) -> None:
        """The chunk that was being sent to `neighbour`, `size` bytes, is sent."""
        neighbour.sent += size
        if neighbour.sending is not None:
            self._release(neighbour.sending)
            neighbour.sending = None
        self._sending.pop(neighbour, None)

    def _unchoke(self, neighbour: Neighbour) -> None:
        if neighbour.am_choking:
            neighbour.am_choking = False
            self._unchoked[neighbour] = None
            neighbour.outbox.append(Unchoke())

    def _choke(self, neighbour: Neighbour) -> None:
        neighbour.am_choking = True
        del self._unchoked[neighbour]
        neighbour.outbox.append(Choke())
        neighbour.outbox.extend(Reject(index) for index in neighbour.queue)
        self._drop_queue(neighbour)
        self._turns.leave(neighbour)

    def _drop_queue(self, neighbour: Neighbour) -> None:
        for index in neighbour.queue:
            self._release(index)
        neighbour.queue.clear()

    def _active(self, now: float) -> int:
        """How many chunks are being sent without stalling."""
        return sum(now - each.sending_since < STALL for each in self._sending)

    def _promised(self, index: int, now: float) -> int:
        """How many neighbours wait for chunk `index`, or are sent it; who has stalled is none."""
        if self._promises[index] < PROMISES:
            return self._promises[index]
        stalled = [each for each in self._sending if now - each.sending_since >= STALL]
        return self._promises[index] - sum(
            (each.sending == index) + (index in each.queue) for each in stalled
        )

    def _release(self, index: int) -> None:
        self._promises[index] -= 1
        if not self._promises[index]:
            del self._promises[index]
