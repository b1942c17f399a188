"""Which message type carries which fields: the peer protocol as one table.

It knows bounds and types of fields, not how they become bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, cast

from wire.errors import ProtocolError
from wire.message import (
    MAX_CHUNKS,
    MAX_EXCHANGE,
    MAX_HAVE,
    MAX_HOST,
    PEER_ID_BYTES,
    SWARM_ID_BYTES,
    Bitfield,
    Cancel,
    Choke,
    Chunk,
    Handshake,
    Have,
    Interested,
    KeepAlive,
    Message,
    NotInterested,
    PeerExchange,
    Reject,
    Request,
    Unchoke,
)


@dataclass(frozen=True, slots=True)
class Integer:
    """A field that is an integer from 0 to `most`."""

    most: int

    def fits(self, value: object) -> bool:
        """Return whether `value` is such an integer."""
        return type(value) is int and 0 <= value <= self.most

    def __str__(self) -> str:
        return f"an integer from 0 to {self.most}"


@dataclass(frozen=True, slots=True)
class Identifier:
    """A field that is a byte string of exactly `length` bytes."""

    length: int

    def fits(self, value: object) -> bool:
        """Return whether `value` is such a byte string."""
        return type(value) is bytes and len(value) == self.length

    def __str__(self) -> str:
        return f"{self.length} bytes"


Field: TypeAlias = Integer | Identifier


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How one message class travels: its header fields, and whether a payload follows.

    There is one for each class, so a layout equals only itself.
    """

    message: type[Message]
    header: tuple[Field, ...] = ()
    least_payload: int | None = None  # None: no payload

    @property
    def name(self) -> str:
        """The message's name."""
        return self.message.__name__


_INDEX = Integer(MAX_CHUNKS - 1)

LAYOUTS: dict[int, Layout] = {
    0: Layout(Handshake, (Identifier(SWARM_ID_BYTES), Identifier(PEER_ID_BYTES), Integer(65_535))),
    1: Layout(Bitfield, least_payload=0),
    2: Layout(Have),  # its header is the indexes themselves, 1 to MAX_HAVE of them
    3: Layout(Interested),
    4: Layout(NotInterested),
    5: Layout(Choke),
    6: Layout(Unchoke),
    7: Layout(Request, (_INDEX,)),
    8: Layout(Chunk, (_INDEX,), least_payload=1),
    9: Layout(Cancel, (_INDEX,)),
    10: Layout(Reject, (_INDEX,)),
    11: Layout(KeepAlive),
    12: Layout(PeerExchange),  # id, host and port of 1 to MAX_EXCHANGE contacts, one after another
}


def check_fields(layout: Layout, values: tuple[object, ...]) -> None:
    """Raise `ProtocolError` unless `values` are the header fields of `layout` within bounds."""
    if layout.message is Have:
        _check_indexes(values)
        return
    if layout.message is PeerExchange:
        _check_contacts(values)
        return
    if len(values) != len(layout.header):
        raise ProtocolError(
            f"{layout.name}: {len(values)} header fields instead of {len(layout.header)}"
        )
    for position, (field, value) in enumerate(zip(layout.header, values, strict=True)):
        if not field.fits(value):
            raise ProtocolError(f"{layout.name}: header field {position} is not {field}")


def _check_indexes(values: tuple[object, ...]) -> None:
    if not 1 <= len(values) <= MAX_HAVE:
        raise ProtocolError(f"Have: {len(values)} indexes, not 1 to {MAX_HAVE}")
    if set(map(type, values)) != {int}:
        raise ProtocolError("Have: an index is not an integer")
    indexes = cast("tuple[int, ...]", values)
    if min(indexes) < 0 or max(indexes) >= MAX_CHUNKS:
        raise ProtocolError(f"Have: an index is not {_INDEX}")


def _check_contacts(values: tuple[object, ...]) -> None:
    if len(values) % 3 or not 1 <= len(values) // 3 <= MAX_EXCHANGE:
        raise ProtocolError(
            f"PeerExchange: {len(values)} header fields are not 1 to {MAX_EXCHANGE} contacts"
        )
    for at in range(0, len(values), 3):
        problem = contact_problem(*values[at : at + 3])
        if problem is not None:
            raise ProtocolError(f"PeerExchange: {problem}")


def contact_problem(peer_id: object, host: object, port: object) -> str | None:
    """Return why these three are not the fields of a contact, or None."""
    if type(peer_id) is not bytes or len(peer_id) != PEER_ID_BYTES:
        return f"a peer id is not {PEER_ID_BYTES} bytes"
    if type(host) is not str or not 1 <= len(host) <= MAX_HOST or not host.isprintable():
        return f"a host is not 1 to {MAX_HOST} printable characters"
    if type(port) is not int or not 1 <= port <= 65_535:
        return f"port {port!r} is not 1 to 65535"
    return None
