"""Turns peer messages into frames and frames into messages, with a bound on every length.

It knows no stream and no clock: bytes in, values out.

A frame is a prefix of eight bytes (version, type, header length, payload length; big-endian), a
header that is one flat msgpack array of the message's fields, and a raw payload.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Iterator
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
_BY_REFERENCE = 4096  # bytes; less is copied
_SMALL_HEADER = 64  # bytes; what a header of no more says is remembered
_SMALL = 256  # bytes; what so few say is remembered
_FEW = 64  # indexes; how a Have of more is encoded is not


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


class Decoder:
    """Decodes one direction of a connection.

    It never holds more than one frame (prefix, `MAX_HEADER`, `max_payload`) and the bytes fed last,
    provided that the caller takes messages until there are none before it feeds again. After an
    error every call raises that error again.
    """

    def __init__(self, *, max_payload: int) -> None:
        """Accept payloads of up to `max_payload` bytes."""
        self._max_payload = max_payload
        self._pieces: deque[Buffer | bytearray] = deque()
        self._start = 0  # of the undecoded bytes in the first piece
        self._buffered = 0
        self._frame: tuple[Layout, int, int] | None = None
        self._error: ProtocolError | None = None

    @property
    def buffered(self) -> int:
        """Bytes fed and not yet decoded."""
        return self._buffered

    @property
    def needed(self) -> int:
        """How many more bytes until the next prefix or frame can be complete (at least 1)."""
        if self._frame is None:
            return max(1, PREFIX_BYTES - self._buffered)
        return max(1, self._frame[1] + self._frame[2] - self._buffered)

    @property
    def idle(self) -> bool:
        """Whether the bytes fed so far end with a whole frame."""
        return self._frame is None and self._buffered == 0

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Append `data`; what is large and immutable is kept by reference."""
        if not data or self._error is not None:
            return
        self._buffered += len(data)
        if len(data) >= _BY_REFERENCE:
            immutable = type(data) is bytes or (type(data) is memoryview and data.readonly)
            self._pieces.append(data if immutable else bytes(data))
        elif self._pieces and type(last := self._pieces[-1]) is bytearray:
            if self._start and len(self._pieces) == 1:
                del last[: self._start]
                self._start = 0
            last += data
        else:
            self._pieces.append(bytearray(data))

    def decode(self, *pieces: bytes | bytearray | memoryview) -> Iterable[Message]:
        """Feed `pieces` and return the messages that are complete with them, as `messages` does."""
        if len(pieces) == 1 and len(pieces[0]) <= _SMALL and self.idle and self._error is None:
            messages = _whole_messages(bytes(pieces[0]))
            if messages is not None:
                return messages
        for piece in pieces:
            self.feed(piece)
        return self.messages()

    def messages(self) -> Iterator[Message]:
        """Yield every message that is complete.

        Raises:
            ProtocolError: the next frame is malformed; the messages before it have been yielded.
        """
        while (message := self.next()) is not None:
            yield message

    def next(self) -> Message | None:
        """Return the next message, or None until more bytes are fed.

        Raises:
            ProtocolError: the next frame is malformed.
        """
        if self._error is not None:
            raise self._error
        try:
            return self._next()
        except ProtocolError as error:
            self._error = error
            self._pieces.clear()
            self._start = self._buffered = 0
            raise

    def _next(self) -> Message | None:
        if self._frame is None:
            if self._buffered < PREFIX_BYTES:
                return None
            self._frame = _parse_prefix(self._take(PREFIX_BYTES), self._max_payload)
        layout, header_length, payload_length = self._frame
        if self._buffered < header_length + payload_length:
            return None
        header = self._take(header_length)
        small = type(header) is bytes and header_length <= _SMALL_HEADER
        parse = _parse_header_again if small else _parse_header
        message, values = parse(layout, header)
        self._frame = None
        if message is not None:
            return message
        payload = self._take(payload_length)
        if layout.message is Bitfield:
            return Bitfield(bytes(payload))
        return cast("Message", cast("Any", layout.message)(*values, payload))

    def _take(self, length: int) -> Buffer:
        """Remove and return the next `length` bytes, which are buffered."""
        if length == 0:
            return b""
        self._buffered -= length
        piece = self._pieces[0]
        end = self._start + length
        if end > len(piece):
            return self._gather(length)
        taken = _slice(piece, self._start, end)
        self._advance(piece, end)
        return taken

    def _gather(self, length: int) -> bytes:
        parts: list[Buffer] = []
        while length:
            piece = self._pieces[0]
            end = min(self._start + length, len(piece))
            parts.append(_slice(piece, self._start, end))
            length -= end - self._start
            self._advance(piece, end)
        return b"".join(parts)

    def _advance(self, piece: Buffer | bytearray, end: int) -> None:
        if end == len(piece):
            self._pieces.popleft()
            self._start = 0
        else:
            self._start = end


def _whole_messages(data: bytes) -> list[Message] | None:
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
        layout, header_length, _ = _parse_prefix(data[:PREFIX_BYTES], 0)
        whole = len(data) == PREFIX_BYTES + header_length
        return _parse_header(layout, data[PREFIX_BYTES:])[0] if whole else None
    except ProtocolError:
        return None


def _parse_prefix(prefix: Buffer, max_payload: int) -> tuple[Layout, int, int]:
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


def _slice(piece: Buffer | bytearray, start: int, end: int) -> Buffer:
    """Return part of `piece`: by reference when it is large and immutable."""
    if isinstance(piece, bytearray) or end - start < _BY_REFERENCE:
        return bytes(piece[start:end])
    return memoryview(piece)[start:end] if end - start < len(piece) else piece


def _parse_header(layout: Layout, header: Buffer) -> tuple[Message | None, tuple[Any, ...]]:
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


_parse_header_again = lru_cache(maxsize=4096)(_parse_header)  # neighbours are told the same


def _contacts(values: tuple[Any, ...]) -> tuple[Contact, ...]:
    return tuple([Contact(*values[at : at + 3]) for at in range(0, len(values), 3)])
