"""Peer exchange: neighbours are told whom we have met, so that they need no tracker for it.

It says who is told what and when; connections are the node's. Source: BEP 11.
"""

from __future__ import annotations

from collections.abc import Collection

from peer.neighbour import Neighbour
from wire.message import MAX_EXCHANGE, Contact, PeerExchange

ROUND = 10.0
"""Seconds between two messages to one neighbour, at least."""


class Exchange:
    """What neighbours know of each other through us.

    Always true: the neighbours of the last round were told of all others of it that can be
    dialled, or of the newest `MAX_EXCHANGE`.
    """

    def __init__(self, now: float) -> None:
        self._met: frozenset[bytes] = frozenset()
        self._due = now + ROUND

    def tell(self, neighbours: Collection[Neighbour], now: float) -> list[Neighbour]:
        """If a round is due, put the news into the outboxes; return whose."""
        if now < self._due:
            return []
        self._due = now + ROUND
        everyone = [Contact(n.peer_id, n.name, n.port) for n in neighbours if n.port]
        fresh = [contact for contact in everyone if contact.peer_id not in self._met]
        told = []
        for neighbour in neighbours:
            news = fresh if neighbour.peer_id in self._met else everyone
            if any(contact.peer_id != neighbour.peer_id for contact in news):
                neighbour.outbox.append(PeerExchange(tuple(news[-MAX_EXCHANGE:])))
                told.append(neighbour)
        self._met = frozenset(neighbour.peer_id for neighbour in neighbours)
        return told
