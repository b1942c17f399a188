"""What peers say to each other: one frozen class per message, and the bounds of its fields.

Nothing here knows how a message becomes bytes, or when a peer may send it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from wire.errors import ProtocolError

SWARM_ID_BYTES = 32
PEER_ID_BYTES = 20
MAX_CHUNKS = 1 << 20
"""Chunks of one swarm: 64 GiB in chunks of 64 KiB."""
MAX_HAVE = 8192
"""Indexes in one Have."""
MAX_EXCHANGE = 50
"""Contacts in one PeerExchange (BEP 11)."""
MAX_HOST = 255
"""Characters of a host's name or address."""

Buffer: TypeAlias = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Contact:
    """A peer and the address it listens on."""

    peer_id: bytes
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Handshake:
    """The first message each way: the swarm meant, who speaks, the port it listens on (or 0)."""

    swarm_id: bytes
    peer_id: bytes
    port: int


@dataclass(frozen=True, slots=True)
class Bitfield:
    """The chunks the sender has: chunk i is bit i % 8 (least significant first) of byte i // 8."""

    bits: bytes

    @classmethod
    def of(cls, have: int, count: int) -> Bitfield:
        """Return the bit field of the mask `have` (bit i set: chunk i) of `count` chunks."""
        return cls(have.to_bytes((count + 7) // 8, "little"))

    def mask(self, count: int) -> int:
        """Return the chunks as a mask (bit i set: chunk i).

        Raises:
            ProtocolError: the bits do not describe exactly `count` chunks.
        """
        have = int.from_bytes(self.bits, "little")
        if len(self.bits) != (count + 7) // 8 or have >> count:
            raise ProtocolError(
                f"bit field of {len(self.bits)} bytes does not describe {count} chunks"
            )
        return have


@dataclass(frozen=True, slots=True)
class Have:
    """Chunks the sender has received and verified since it last said so."""

    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Interested:
    """The receiver has chunks that the sender lacks."""


@dataclass(frozen=True, slots=True)
class NotInterested:
    """The receiver has nothing that the sender lacks."""


@dataclass(frozen=True, slots=True)
class Choke:
    """The sender stops answering the receiver's requests."""


@dataclass(frozen=True, slots=True)
class Unchoke:
    """The sender answers the receiver's requests from now on."""


@dataclass(frozen=True, slots=True)
class Request:
    """Send me this chunk."""

    index: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A whole chunk, the answer to a request."""

    index: int
    payload: Buffer


@dataclass(frozen=True, slots=True)
class Cancel:
    """Forget my request for this chunk."""

    index: int


@dataclass(frozen=True, slots=True)
class Reject:
    """The request for this chunk will not be answered."""

    index: int


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Nothing to say, but still here."""


@dataclass(frozen=True, slots=True)
class PeerExchange:
    """Peers that the sender has met since it last said so (BEP 11)."""

    added: tuple[Contact, ...]


Message: TypeAlias = (
    Handshake
    | Bitfield
    | Have
    | Interested
    | NotInterested
    | Choke
    | Unchoke
    | Request
    | Chunk
    | Cancel
    | Reject
    | KeepAlive
    | PeerExchange
)
