"""One neighbour of a peer: what it has, what was agreed with it, what passed between us.

It holds state and takes no decisions; sockets are the node's.
"""

from __future__ import annotations

from collections import deque

from net.seam import Address
from peer.view import NOTHING, REMEMBERED, Exchange
from wire.message import Message

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
        "declined",
        "download_rate",
        "have",
        "heard",
        "history",
        "interested_since",
        "name",
        "outbox",
        "peer_choking",
        "peer_id",
        "peer_interested",
        "port",
        "queue",
        "received",
        "requested",
        "revealed",
        "sending",
        "sending_since",
        "sent",
        "served",
        "snubbed",
        "snubbed_since",
        "spoke",
        "told",
        "upload_rate",
    )  # fmt: skip

    def __init__(self, name: str, peer_id: bytes, now: float) -> None:
        self.name = name
        self.peer_id = peer_id
        self.port = 0  # where it listens; 0: nowhere
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
        self.told = 0  # how many of our new chunks it was told of
        self.revealed = 0  # what a super-seed has shown it
        self.served = 0  # and sent it, or it has from others
        self.snubbed = False
        self.snubbed_since = now
        self.declined = 0  # chunks it rejected our requests for, this round
        self.heard = now
        self.spoke = now
        self.received = 0
        self.sent = 0
        self.download_rate = 0.0
        self.upload_rate = 0.0
        self.history: tuple[Exchange, ...] = ()  # of the last choke rounds
        self._received_before = 0
        self._sent_before = 0

    def __repr__(self) -> str:
        ours = "choking" if self.am_choking else "serving"
        return f"<Neighbour {self.name}, {self.have.bit_count()} chunks, {ours}>"

    @property
    def address(self) -> Address:
        """Where it listens, as far as it says; its host is as seen."""
        return Address(self.name, self.port)

    def update_rates(self, elapsed: float) -> None:
        """Fold the bytes since the last call, `elapsed` seconds ago, into the rates (bytes/s)."""
        received, sent = self.received - self._received_before, self.sent - self._sent_before
        self._received_before, self._sent_before = self.received, self.sent
        self.download_rate += _SMOOTHING * (received / elapsed - self.download_rate)
        self.upload_rate += _SMOOTHING * (sent / elapsed - self.upload_rate)
        exchange = Exchange(received, sent) if received or sent else NOTHING
        self.history = (*self.history[1 - REMEMBERED :], exchange)
