"""Where a peer keeps the part of a file that is of use for a while: chunks come, and are dropped.

It knows neither what the part is nor why; who plays the file does.
"""

from __future__ import annotations

import trio

from peer.picker import bits
from peer.store import ChunkPool, MemoryStore
from wire.manifest import Manifest
from wire.message import Buffer


class Unshared(ChunkPool):
    """A pool that keeps nothing: what its one store drops is gone from memory."""

    def intern(self, chunk_hash: bytes, data: Buffer) -> bytes:  # noqa: ARG002 - as in a pool
        """Return `data` as bytes."""
        return bytes(data)


class WindowStore(MemoryStore):
    """Chunks in memory that may be dropped again.

    Always true: bit i of `have` is set exactly when chunk i is held. It is never complete: what
    was dropped can be wanted again.
    """

    def __init__(self, manifest: Manifest, pool: ChunkPool | None = None) -> None:
        """Start with no chunk; what is written is shared through `pool`, if there is one.

        A pool keeps what any of its stores ever held: it is for many peers in one process.
        """
        super().__init__(manifest, pool or Unshared())
        self.held = 0
        self.most_held = 0  # bytes, at any time so far
        self._came = trio.Event()

    @property
    def complete(self) -> bool:
        """False."""
        return False

    def write(self, index: int, data: Buffer) -> None:
        """Keep `data` as chunk `index`, verified by the caller, and wake who waits for chunks."""
        if not self.have >> index & 1:
            self.held += len(data)
            self.most_held = max(self.most_held, self.held)
        super().write(index, data)
        self._came.set()
        self._came = trio.Event()

    def drop(self, chunks: int) -> None:
        """Forget the mask `chunks`; those that are not here are none."""
        for index in bits(chunks & self.have):
            self.held -= len(self._chunks.pop(index))
        self.have &= ~chunks

    async def another(self) -> None:
        """Wait until another chunk is here."""
        await self._came.wait()
