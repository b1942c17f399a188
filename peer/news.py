"""The chunks a peer has got, in order, and how far each neighbour was told of them.

It fills outboxes; when that is due, and who is worth telling, is the swarm's.
"""

from __future__ import annotations

from peer.neighbour import Neighbour
from peer.store import ChunkStore
from wire.message import MAX_HAVE, Bitfield, Have


class News:
    """What there is to tell of new chunks.

    Always true: of the news, a neighbour was told the first `told`, but for chunks it had itself.
    """

    def __init__(self, store: ChunkStore) -> None:
        self._store = store
        self._chunks: list[int] = []

    def add(self, index: int) -> None:
        """A chunk has come."""
        self._chunks.append(index)

    def put(self, neighbour: Neighbour) -> None:
        """Put the chunks that `neighbour` lacks and was not told of into its outbox.

        Who has a chunk already is not told of it: a peer counts only the chunks it lacks.
        """
        if neighbour.told == len(self._chunks):
            return
        fresh = self._chunks[neighbour.told :]
        neighbour.told = len(self._chunks)
        ours = self._store.have & ~neighbour.have
        news = tuple([index for index in fresh if ours >> index & 1])
        for start in range(0, len(news), MAX_HAVE):
            neighbour.outbox.append(Have(news[start : start + MAX_HAVE]))

    def put_all(self, neighbour: Neighbour, chunks: Bitfield) -> None:
        """Tell `neighbour` that we have `chunks`, whatever it was told before."""
        neighbour.told = len(self._chunks)
        neighbour.outbox.append(chunks)
