"""The manifest: what a file consists of, and the name of the swarm that shares it.

It knows chunks and their hashes, not who has them.
"""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import msgpack

from wire.errors import ProtocolError
from wire.message import MAX_CHUNKS, Buffer

VERSION = 1
HASH_BYTES = 32
MAX_CHUNK_SIZE = 1 << 24
MAX_NAME_BYTES = 255
MAX_MANIFEST_BYTES = MAX_CHUNKS * HASH_BYTES + 1024
SUFFIX = ".manifest"


@dataclass(frozen=True)
class Manifest:
    """A file's name, size in bytes, chunk size in bytes, and the SHA-256 of each chunk.

    Always valid: the name is a plain file name, and there are exactly as many hashes as chunks.
    """

    name: str
    size: int
    chunk_size: int
    hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Raise `ProtocolError` for values outside the bounds."""
        _check_name(self.name)
        if not _is_int(self.chunk_size) or not 1 <= self.chunk_size <= MAX_CHUNK_SIZE:
            raise ProtocolError(
                f"manifest: chunk size {self.chunk_size!r} is not 1 to {MAX_CHUNK_SIZE} bytes"
            )
        if not _is_int(self.size) or not 0 <= self.size <= MAX_CHUNKS * self.chunk_size:
            raise ProtocolError(
                f"manifest: size {self.size!r} is not 0 to {MAX_CHUNKS} chunks of "
                f"{self.chunk_size} bytes; take larger chunks"
            )
        expected = -(-self.size // self.chunk_size)
        if len(self.hashes) != expected:
            raise ProtocolError(f"manifest: {len(self.hashes)} hashes for {expected} chunks")
        if any(len(chunk_hash) != HASH_BYTES for chunk_hash in self.hashes):
            raise ProtocolError(f"manifest: a hash is not {HASH_BYTES} bytes")

    @classmethod
    def of_bytes(cls, name: str, data: bytes, chunk_size: int) -> Manifest:
        """Return the manifest of `data`."""
        return cls._of_chunks(name, len(data), chunk_size, _slices(memoryview(data), chunk_size))

    @classmethod
    def of_file(cls, path: str | os.PathLike[str], chunk_size: int = 65_536) -> Manifest:
        """Return the manifest of the file at `path`, read once.

        Raises:
            OSError: the file cannot be read.
            ProtocolError: its name or size is outside the bounds.
        """
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            chunks = iter(lambda: file.read(max(1, chunk_size)), b"")
            return cls._of_chunks(Path(path).name, size, chunk_size, chunks)

    @classmethod
    def _of_chunks(
        cls, name: str, size: int, chunk_size: int, chunks: Iterator[Buffer]
    ) -> Manifest:
        return cls(name, size, chunk_size, tuple([sha256(chunk).digest() for chunk in chunks]))

    @property
    def chunk_count(self) -> int:
        """How many chunks the file has; an empty file has none."""
        return len(self.hashes)

    @cached_property
    def swarm_id(self) -> bytes:
        """The swarm's name: SHA-256 of the canonical encoding."""
        return sha256(self.encode()).digest()

    def length(self, index: int) -> int:
        """Return the bytes of chunk `index`; only the last chunk may be shorter.

        Raises:
            IndexError: there is no such chunk.
        """
        if not 0 <= index < self.chunk_count:
            raise IndexError(f"{self.name}: no chunk {index} of {self.chunk_count}")
        return min(self.chunk_size, self.size - index * self.chunk_size)

    def verify(self, index: int, data: Buffer) -> bool:
        """Return whether `data` is chunk `index`."""
        return len(data) == self.length(index) and sha256(data).digest() == self.hashes[index]

    def encode(self) -> bytes:
        """Return the canonical encoding: one msgpack array, each field in its shortest form."""
        packed = msgpack.packb(
            (VERSION, self.name, self.size, self.chunk_size, b"".join(self.hashes))
        )
        return cast("bytes", packed)

    @classmethod
    def decode(cls, data: bytes) -> Manifest:
        """Return the manifest that `data` encodes.

        Raises:
            ProtocolError: `data` is not the canonical encoding of a manifest.
        """
        name, size, chunk_size, hashes = _unpack(data)
        whole, rest = divmod(len(hashes), HASH_BYTES)
        if rest:
            raise ProtocolError(f"manifest: the hashes are not {HASH_BYTES} bytes each")
        starts = range(0, whole * HASH_BYTES, HASH_BYTES)
        manifest = cls(
            name, size, chunk_size, tuple([hashes[start : start + HASH_BYTES] for start in starts])
        )
        if manifest.encode() != data:
            raise ProtocolError("manifest: not the canonical encoding")
        return manifest

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the manifest to `path`, whole or not at all."""
        target = Path(path)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:64]}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, 0o644)
                file.write(self.encode())
            Path(temporary).replace(target)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(temporary).unlink()
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Manifest:
        """Return the manifest saved at `path`.

        Raises:
            OSError: the file cannot be read.
            ProtocolError: it is not a manifest; the reason names the file.
        """
        with Path(path).open("rb") as file:
            data = file.read(MAX_MANIFEST_BYTES + 1)
        try:
            return cls.decode(data)
        except ProtocolError as error:
            raise ProtocolError(f"{path}: {error.reason}") from error


def default_path(path: str | os.PathLike[str]) -> Path:
    """Return where the manifest of the file at `path` is saved: beside it."""
    return Path(f"{os.fspath(path)}{SUFFIX}")


def _unpack(data: bytes) -> tuple[Any, Any, Any, bytes]:
    if len(data) > MAX_MANIFEST_BYTES:
        raise ProtocolError(f"manifest: longer than {MAX_MANIFEST_BYTES} bytes")
    try:
        fields = msgpack.unpackb(
            data,
            use_list=False,
            max_array_len=5,
            max_map_len=0,
            max_ext_len=0,
            max_str_len=MAX_NAME_BYTES,
        )
    except (ValueError, msgpack.UnpackException) as error:
        raise ProtocolError(f"manifest: not a msgpack array of its fields: {error}") from error
    if type(fields) is not tuple or len(fields) != 5 or type(fields[4]) is not bytes:
        raise ProtocolError("manifest: not [version, name, size, chunk size, hashes]")
    version, name, size, chunk_size, hashes = fields
    if version != VERSION:
        raise ProtocolError(f"manifest: version {version!r} is not {VERSION}")
    return name, size, chunk_size, hashes


def _check_name(name: object) -> None:
    if not isinstance(name, str) or name in ("", ".", ".."):
        raise ProtocolError(f"manifest: {name!r} is not a file name")
    if any(mark in "/\\" or unicodedata.category(mark) in ("Cc", "Cs") for mark in name):
        raise ProtocolError(f"manifest: {name!r} is not a plain file name")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise ProtocolError(f"manifest: the name is longer than {MAX_NAME_BYTES} bytes")


def _is_int(value: object) -> bool:
    return type(value) is int


def _slices(data: memoryview, size: int) -> Iterator[Buffer]:
    step = max(1, size)
    return (data[start : start + step] for start in range(0, len(data), step))
