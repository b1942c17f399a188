"""Where a download's bytes go: nowhere but a hash, memory, or a file that appears when whole.

A sink takes bytes in order and can start over; it refuses to know where they come from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Protocol

from wire.http.errors import TooLargeError
from wire.http.message import Buffer

_PIECE = 1024 * 1024


class Sink(Protocol):
    """Takes a body in order.

    `size` bytes are held; `validator` (a strong ETag or a date) names the version they are of.
    """

    size: int
    validator: str | None

    def write(self, data: Buffer) -> None:
        """Add `data` at the end."""

    def restart(self, validator: str | None) -> None:
        """Drop everything and expect the version that `validator` names."""

    def sha256(self) -> str:
        """Return the hexadecimal SHA-256 of what is held."""

    def commit(self) -> None:
        """Make it final: it is whole and right."""

    def close(self) -> None:
        """Let go of resources; uncommitted bytes may serve a later attempt."""


class HashSink:
    """Counts and hashes, keeps nothing.

    Invariant: the hash covers exactly the `size` bytes taken.
    """

    def __init__(self) -> None:
        self.size = 0
        self.validator: str | None = None
        self._hash = hashlib.sha256()

    def write(self, data: Buffer) -> None:
        """Take `data` into the hash."""
        self._hash.update(data)
        self.size += len(data)

    def restart(self, validator: str | None) -> None:
        """Begin a new hash."""
        self.size = 0
        self.validator = validator
        self._hash = hashlib.sha256()

    def sha256(self) -> str:
        """Return the hash so far."""
        return self._hash.hexdigest()

    def commit(self) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is held."""


class MemorySink(HashSink):
    """Keeps the bytes, at most `limit` of them, in `content`."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.content = bytearray()
        self._limit = limit

    def write(self, data: Buffer) -> None:
        """Keep `data`.

        Raises:
            TooLargeError: it would exceed the limit.
        """
        if self.size + len(data) > self._limit:
            raise TooLargeError(f"download exceeds {self._limit} bytes")
        super().write(data)
        self.content += data

    def restart(self, validator: str | None) -> None:
        """Drop the bytes."""
        super().restart(validator)
        self.content.clear()


class FileSink(HashSink):
    """Writes `<name>.part`, which becomes `path` only when committed.

    Invariant: `<name>.part.version`, if present, names the version the bytes in `.part` are of,
    so that a later run may go on where this one stopped.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._version = path.with_name(f"{path.name}.part.version")
        self._file = self._resume()

    def _resume(self) -> BinaryIO:
        if self._version.exists() and self._part.exists():
            self.validator = self._version.read_text("latin-1")
            for piece in _pieces(self._part):
                super().write(piece)
            return self._part.open("ab")
        return self._part.open("wb")

    def write(self, data: Buffer) -> None:
        """Append `data` to the part file."""
        self._file.write(data)
        super().write(data)

    def restart(self, validator: str | None) -> None:
        """Empty the part file and note the version that will fill it."""
        super().restart(validator)
        self._version.unlink(missing_ok=True)
        self._file.close()
        self._file = self._part.open("wb")
        if validator is not None:
            self._version.write_text(validator, "latin-1")

    def commit(self) -> None:
        """Give the file its name."""
        self._file.close()
        self._part.replace(self._path)
        self._version.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the part file."""
        self._file.close()


def _pieces(path: Path) -> Iterator[bytes]:
    with closing(path.open("rb")) as file:
        while piece := file.read(_PIECE):
            yield piece
