"""Turns one message into a frame, and the parts of one frame into a message, within bounds.

It knows no stream: each part is there whole.

A frame is a prefix of eight bytes (version, type, header length, payload length; big-endian), a
header that is one flat msgpack array of the message's fields, and a raw payload.
"""

from __future__ import annotations

import struct
from dataclasses import fields
from functools import lru_cache
from typing import Any, cast

import msgpack

from wire.errors import ProtocolError
from wire.layout import LAYOUTS, Layout, check_fields
from wire.message import (
    MAX_HOST,
    SWARM_ID_BYTES,
    Bitfield,
    Buffer,
    Chunk,
    Contact,
    Have,
    Message,
    PeerExchange,
)

VERSION = 1
MAX_HEADER = 65_536
"""Bytes of one header."""
_PREFIX = struct.Struct("!BBHI")
PREFIX_BYTES = _PREFIX.size
_FEW = 64  # indexes; how a Have of more is encoded is not remembered

_KINDS = {layout.message: (kind, layout) for kind, layout in LAYOUTS.items()}
_HEADER_NAMES = {
    layout.message: [field.name for field in fields(layout.message)][: len(layout.header)]
    for layout in LAYOUTS.values()
}


def encode(message: Message) -> tuple[Buffer, ...]:
    """Return the byte strings to send, in order; a payload is passed on by reference.

    Raises:
        ProtocolError: a field is outside its bounds.
    """
    long = isinstance(message, Have) and len(message.indexes) > _FEW
    return _encode(message) if long or type(message) in _WITH_PAYLOAD else _encode_again(message)


def _encode(message: Message) -> tuple[Buffer, ...]:
    kind, layout = _KINDS[type(message)]
    values = _header_values(message)
    check_fields(layout, values)
    header = cast("bytes", msgpack.packb(values))
    payload = _payload(message)
    if layout.least_payload is None:
        return (_PREFIX.pack(VERSION, kind, len(header), 0) + header,)
    if len(payload) < layout.least_payload:
        raise ProtocolError(f"{layout.name}: the payload is empty")
    start = _PREFIX.pack(VERSION, kind, len(header), len(payload)) + header
    return (start, payload) if payload else (start,)


_encode_again = lru_cache(maxsize=4096)(_encode)  # a Have goes to every neighbour alike
_WITH_PAYLOAD = frozenset(
    layout.message for layout in LAYOUTS.values() if layout.least_payload is not None
)


def _header_values(message: Message) -> tuple[object, ...]:
    if isinstance(message, Have):
        return message.indexes
    if isinstance(message, PeerExchange):
        return tuple(
            [value for each in message.added for value in (each.peer_id, each.host, each.port)]
        )
    return tuple([getattr(message, name) for name in _HEADER_NAMES[type(message)]])


def _payload(message: Message) -> Buffer:
    if isinstance(message, Chunk):
        return message.payload
    if isinstance(message, Bitfield):
        return message.bits
    return b""


def whole_messages(data: bytes) -> list[Message] | None:
    """Return the messages without payload that `data` is, or None if it is anything else."""
    messages: list[Message] = []
    start = 0
    while start <= len(data) - PREFIX_BYTES:
        end = start + PREFIX_BYTES + (data[start + 2] << 8 | data[start + 3])
        message = _whole_message(data[start:end])
        if message is None:
            return None
        messages.append(message)
        start = end
    return messages if start == len(data) else None


@lru_cache(maxsize=4096)  # neighbours are told the same
def _whole_message(data: bytes) -> Message | None:
    try:
        layout, header_length, _ = parse_prefix(data[:PREFIX_BYTES], 0)
        whole = len(data) == PREFIX_BYTES + header_length
        return parse_header(layout, data[PREFIX_BYTES:])[0] if whole else None
    except ProtocolError:
        return None


def parse_prefix(prefix: Buffer, max_payload: int) -> tuple[Layout, int, int]:
    """Return what comes next: a header of so many bytes, and a payload of so many.

    Raises:
        ProtocolError: the prefix is malformed, or the payload larger than `max_payload`.
    """
    version, kind, header_length, payload_length = _PREFIX.unpack(prefix)
    if version != VERSION:
        raise ProtocolError(f"version {version} is not {VERSION}")
    layout = LAYOUTS.get(kind)
    if layout is None:
        raise ProtocolError(f"unknown message type {kind}")
    if payload_length > max_payload:
        raise ProtocolError(
            f"{layout.name}: payload of {payload_length} bytes exceeds {max_payload}"
        )
    if layout.least_payload is None:
        if payload_length:
            raise ProtocolError(f"{layout.name}: unexpected payload of {payload_length} bytes")
    elif payload_length < layout.least_payload:
        raise ProtocolError(f"{layout.name}: the payload is empty")
    return layout, header_length, payload_length


def parse_header(layout: Layout, header: Buffer) -> tuple[Message | None, tuple[Any, ...]]:
    """Return the message that a header is, or None if a payload belongs to it; and its fields.

    Raises:
        ProtocolError: the header is not a flat array of the message's fields.
    """
    unpacker = msgpack.Unpacker(
        max_buffer_size=max(1, len(header)),  # allocated at once
        max_array_len=0,  # the outer array is read by hand; there is no inner one
        max_map_len=0,
        max_str_len=MAX_HOST,
        max_ext_len=0,
        max_bin_len=SWARM_ID_BYTES,
    )
    try:
        unpacker.feed(header)
        count = unpacker.read_array_header()
        values = tuple(unpacker)
    except (ValueError, msgpack.UnpackException) as error:
        raise ProtocolError(
            f"{layout.name}: the header is not a flat msgpack array: {error}"
        ) from error
    if len(values) != count or unpacker.tell() != len(header):
        raise ProtocolError(f"{layout.name}: the header does not hold the {count} fields it says")
    check_fields(layout, values)
    if layout.message is Have:
        return Have(values), values
    if layout.least_payload is not None:
        return None, values
    arguments = (_contacts(values),) if layout.message is PeerExchange else values
    return cast("Message", cast("Any", layout.message)(*arguments)), values


parse_header_again = lru_cache(maxsize=4096)(parse_header)  # neighbours are told the same


def _contacts(values: tuple[Any, ...]) -> tuple[Contact, ...]:
    return tuple([Contact(*values[at : at + 3]) for at in range(0, len(values), 3)])
