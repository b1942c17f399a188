"""One neighbour of a peer: what it has, what was agreed with it, what passed between us.

It holds state and takes no decisions; sockets are the node's.
"""

from __future__ import annotations

from collections import deque

from wire.message import MAX_HAVE, Have, Message

_SMOOTHING = 0.5  # weight of the last choke round in a rate


class Neighbour:
    """The other end of one connection.

    Always true: `requested` are the chunks we asked it for and have neither received nor given
    up; `queue` are the chunks it asked us for that we have not begun to send.
    """

    __slots__ = (
        "_received_before",
        "_sent_before",
        "am_choking",
        "am_interested",
        "download_rate",
        "fresh",
        "have",
        "heard",
        "interested_since",
        "name",
        "outbox",
        "peer_choking",
        "peer_id",
        "peer_interested",
        "queue",
        "received",
        "requested",
        "revealed",
        "sending",
        "sending_since",
        "sent",
        "served",
        "snubbed",
        "spoke",
        "upload_rate",
    )  # fmt: skip

    def __init__(self, name: str, peer_id: bytes, now: float) -> None:
        self.name = name
        self.peer_id = peer_id
        self.have = 0
        self.am_choking = True
        self.am_interested = False
        self.peer_choking = True
        self.peer_interested = False
        self.interested_since = now
        self.requested: dict[int, float] = {}
        self.queue: deque[int] = deque()
        self.sending: int | None = None
        self.sending_since = now
        self.outbox: list[Message] = []
        self.fresh: list[int] = []  # our new chunks that it lacks and was not told of yet
        self.revealed = 0  # what a super-seed has shown it
        self.served = 0  # and sent it
        self.snubbed = False
        self.heard = now
        self.spoke = now
        self.received = 0
        self.sent = 0
        self.download_rate = 0.0
        self.upload_rate = 0.0
        self._received_before = 0
        self._sent_before = 0

    def __repr__(self) -> str:
        ours = "choking" if self.am_choking else "serving"
        return f"<Neighbour {self.name}, {self.have.bit_count()} chunks, {ours}>"

    @property
    def idle(self) -> bool:
        """Whether it may download from us and has nothing it asks for."""
        return not self.am_choking and not self.queue and self.sending is None

    def take_messages(self) -> list[Message]:
        """Empty the outbox; the chunks it was not told of yet come last."""
        messages, self.outbox = self.outbox, []
        if self.fresh:
            news = tuple([index for index in self.fresh if not self.have >> index & 1])
            self.fresh.clear()
            messages += [Have(news[at : at + MAX_HAVE]) for at in range(0, len(news), MAX_HAVE)]
        return messages

    def update_rates(self, elapsed: float) -> None:
        """Fold the bytes since the last call, `elapsed` seconds ago, into the rates (bytes/s)."""
        received = (self.received - self._received_before) / elapsed
        sent = (self.sent - self._sent_before) / elapsed
        self._received_before, self._sent_before = self.received, self.sent
        self.download_rate += _SMOOTHING * (received - self.download_rate)
        self.upload_rate += _SMOOTHING * (sent - self.upload_rate)
