"""The head of a response on disk: everything but its body, in one checked file.

Refuses to know where files lie.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import msgspec

from cdn.body import Body
from cdn.conditions import Validators
from cdn.freshness import Freshness
from cdn.stored import Part, Stored
from cdn.vary import Selecting
from wire.http.headers import Headers

VERSION = 1
_FRAME = struct.Struct(">8sHII")
_MAGIC = b"swarmbed"

Fields = tuple[tuple[str, str], ...]


class UnreadableError(ValueError):
    """A file is not a whole head of this version; the text says why."""


@dataclass(frozen=True, slots=True)
class BodyMark:
    """Which body goes with a head: its file's number, length in bytes, CRC-32, and trailers."""

    number: int
    size: int
    checksum: int
    trailers: Fields = ()


@dataclass(frozen=True, slots=True)
class Head:
    """A stored response without its body, under `name` for `key`."""

    name: str
    key: str
    status: int
    headers: Fields
    freshness: Freshness
    selecting: Selecting
    part: Part | None
    body: BodyMark

    @classmethod
    def of(cls, name: str, key: str, stored: Stored, body: BodyMark) -> Head:
        """Return the head of `stored`."""
        return cls(
            name=name,
            key=key,
            status=stored.status,
            headers=tuple(stored.headers),
            freshness=stored.freshness,
            selecting=stored.selecting,
            part=stored.part,
            body=body,
        )

    def stored(self, body: Body) -> Stored:
        """Return the response again, with its `body`."""
        headers = Headers(self.headers)
        return Stored(
            status=self.status,
            headers=headers,
            body=body,
            freshness=self.freshness,
            validators=Validators.of(headers),
            selecting=self.selecting,
            part=self.part,
        )


def pack(head: Head) -> bytes:
    """Return the file's content: magic, version, CRC-32 and length of what follows in msgpack."""
    payload = msgspec.msgpack.encode(head)
    return _FRAME.pack(_MAGIC, VERSION, zlib.crc32(payload), len(payload)) + payload


def unpack(data: bytes) -> Head:
    """Return the head in a file's content.

    Raises:
        UnreadableError: it is foreign, of another version, cut short or damaged.
    """
    if len(data) < _FRAME.size or not data.startswith(_MAGIC):
        raise UnreadableError("not a head")
    _, version, checksum, size = _FRAME.unpack_from(data)
    if version != VERSION:
        raise UnreadableError(f"version {version}, not {VERSION}")
    payload = data[_FRAME.size :]
    if len(payload) != size or zlib.crc32(payload) != checksum:
        raise UnreadableError("damaged head")
    try:
        return msgspec.msgpack.decode(payload, type=Head)
    except msgspec.MsgspecError as error:
        raise UnreadableError(f"damaged head: {error}") from error
