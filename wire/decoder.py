"""Cuts the bytes of a stream into frames, however they come, and returns their messages.

It never waits, and refuses to know what a frame holds beside its lengths.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, cast

from wire.errors import ProtocolError
from wire.frame import PREFIX_BYTES, parse_header, parse_header_again, parse_prefix, whole_messages
from wire.layout import Layout
from wire.message import Bitfield, Buffer, Message

_BY_REFERENCE = 4096  # bytes; less is copied
_SMALL_HEADER = 64  # bytes; what a header of no more says is remembered
_SMALL = 256  # bytes; what so few say is remembered


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
            messages = whole_messages(bytes(pieces[0]))
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
            self._frame = parse_prefix(self._take(PREFIX_BYTES), self._max_payload)
        layout, header_length, payload_length = self._frame
        if self._buffered < header_length + payload_length:
            return None
        header = self._take(header_length)
        small = type(header) is bytes and header_length <= _SMALL_HEADER
        parse = parse_header_again if small else parse_header
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


def _slice(piece: Buffer | bytearray, start: int, end: int) -> Buffer:
    """Return part of `piece`: by reference when it is large and immutable."""
    if isinstance(piece, bytearray) or end - start < _BY_REFERENCE:
        return bytes(piece[start:end])
    return memoryview(piece)[start:end] if end - start < len(piece) else piece
