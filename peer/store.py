"""Where a peer keeps the chunks it has verified: in memory, or in a file.

It knows a manifest and which of its chunks are there, not where they came from.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from wire.manifest import Manifest
from wire.message import Buffer

PART_SUFFIX = ".part"


class ChunkStore(Protocol):
    """The verified chunks of one file; it gains chunks, and loses none but withdrawn ones."""

    @property
    def manifest(self) -> Manifest:
        """What the file consists of."""

    @property
    def have(self) -> int:
        """The chunks that are there, as a mask: bit i is set when chunk i is."""

    @property
    def complete(self) -> bool:
        """Whether every chunk is there."""

    def read(self, index: int) -> bytes:
        """Return chunk `index`; `KeyError` when it is not there."""

    def verify(self, index: int, data: Buffer) -> bool:
        """Whether `data` is chunk `index` of the manifest."""

    def write(self, index: int, data: Buffer) -> None:
        """Keep `data` as chunk `index`; the caller has verified it."""


class ChunkPool:
    """Equal chunks are one object: however many stores hold a chunk, memory holds it once.

    Always true: each chunk here was verified against the hash it is kept under.
    """

    def __init__(self) -> None:
        self._chunks: dict[bytes, bytes] = {}

    def intern(self, chunk_hash: bytes, data: Buffer) -> bytes:
        """Return the one object for the chunk with this hash, made from `data` the first time."""
        chunk = self._chunks.get(chunk_hash)
        if chunk is None:
            chunk = self._chunks[chunk_hash] = bytes(data)
        return chunk

    def holds(self, chunk_hash: bytes, data: Buffer) -> bool:
        """Whether `data` equals, byte for byte, the chunk with this hash that is here."""
        return self._chunks.get(chunk_hash) == bytes(data)


class MemoryStore:
    """Chunks in memory; bit i of `have` is set exactly when chunk i is held."""

    def __init__(self, manifest: Manifest, pool: ChunkPool) -> None:
        """Start with no chunk; what is written is shared through `pool`."""
        self.manifest = manifest
        self.have = 0
        self._everything = (1 << manifest.chunk_count) - 1
        self._pool = pool
        self._chunks: dict[int, bytes] = {}

    @classmethod
    def full(cls, manifest: Manifest, data: bytes, pool: ChunkPool) -> Self:
        """Return a complete store of `data`, the whole file.

        Raises:
            ValueError: a chunk of `data` is not the manifest's.
        """
        store = cls(manifest, pool)
        view = memoryview(data)
        for index in range(manifest.chunk_count):
            start = index * manifest.chunk_size
            chunk = view[start : start + manifest.length(index)]
            if not manifest.verify(index, chunk):
                raise ValueError(f"{manifest.name}: chunk {index} does not match the manifest")
            store.write(index, chunk)
        return store

    @property
    def complete(self) -> bool:
        """Whether every chunk is there."""
        return self.have == self._everything

    def verify(self, index: int, data: Buffer) -> bool:
        """Whether `data` is chunk `index`: compared with the shared one, or by its hash."""
        shared = self._pool.holds(self.manifest.hashes[index], data)
        return shared or self.manifest.verify(index, data)

    def read(self, index: int) -> bytes:
        """Return chunk `index`, the shared object; `KeyError` when it is not there."""
        return self._chunks[index]

    def write(self, index: int, data: Buffer) -> None:
        """Keep `data` as chunk `index`; the caller has verified it."""
        _check_length(self.manifest, index, data)
        self._chunks[index] = self._pool.intern(self.manifest.hashes[index], data)
        self.have |= 1 << index


class FileStore:
    """Chunks in a file, which takes its name only when it is complete.

    Bit i of `have` is set exactly when chunk i is on disk and was verified, by this object or by
    the caller. Until the last chunk the file is `<path>.part`, at its full length, and locked
    against a second process.
    """

    def __init__(self, manifest: Manifest, path: str | os.PathLike[str]) -> None:
        """Open the file at `path`, or its part, or start it; what is there is verified once.

        Raises:
            FileExistsError: another file is at `path` already.
            BlockingIOError: another process is writing the part.
            OSError: the file cannot be opened, read or grown.
        """
        self.manifest = manifest
        self.path = Path(path)
        self.have = 0
        self._everything = (1 << manifest.chunk_count) - 1
        self._part = self.path.with_name(self.path.name + PART_SUFFIX)
        self._file = self._open_whole() if self.path.exists() else self._open_part()

    @property
    def complete(self) -> bool:
        """Whether every chunk is there and the file has its name."""
        return self.have == self._everything

    def verify(self, index: int, data: Buffer) -> bool:
        """Whether the hash of `data` is that of chunk `index`."""
        return self.manifest.verify(index, data)

    def read(self, index: int) -> bytes:
        """Return chunk `index` from disk; `KeyError` when it is not there."""
        if not 0 <= index < self.manifest.chunk_count or not self.have >> index & 1:
            raise KeyError(index)
        data = self._pread(self._file, index)
        if len(data) != self.manifest.length(index):
            raise OSError(errno.EIO, "the file was cut short", str(self.path))
        return data

    def write(self, index: int, data: Buffer) -> None:
        """Keep `data` as chunk `index`, verified by the caller; the last one names the file."""
        _check_length(self.manifest, index, data)
        if self.have >> index & 1:
            return
        with _naming(self._part):
            view = memoryview(data)
            offset = index * self.manifest.chunk_size
            while view:
                written = os.pwrite(self._file, view, offset)
                view, offset = view[written:], offset + written
        self.have |= 1 << index
        self._finish()

    def close(self) -> None:
        """Close the file; what was written stays for the next time."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open_whole(self) -> int:
        file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.have = self._verified(file)
            if not self.complete or os.fstat(file).st_size != self.manifest.size:
                raise FileExistsError(
                    errno.EEXIST,
                    f"exists and is not the {self.manifest.name} of the manifest; "
                    "move it away or choose another path",
                    str(self.path),
                )
        except BaseException:
            os.close(file)
            raise
        return file

    def _open_part(self) -> int:
        file = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            with _naming(self._part):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                resumed = os.fstat(file).st_size > 0
                os.ftruncate(file, self.manifest.size)
            if resumed:
                self.have = self._verified(file)
            self._finish()
        except BaseException:
            os.close(file)
            raise
        return file

    def _verified(self, file: int) -> int:
        have = 0
        for index in range(self.manifest.chunk_count):
            if self.manifest.verify(index, self._pread(file, index)):
                have |= 1 << index
        return have

    def _pread(self, file: int, index: int) -> bytes:
        with _naming(self.path):
            return os.pread(file, self.manifest.length(index), index * self.manifest.chunk_size)

    def _finish(self) -> None:
        if self.complete:
            self._part.rename(self.path)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Add `path` to an error of a call that was given only a descriptor."""
    try:
        yield
    except BlockingIOError as error:
        raise BlockingIOError(
            error.errno, "another process is writing this file", str(path)
        ) from error
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _check_length(manifest: Manifest, index: int, data: Buffer) -> None:
    if len(data) != manifest.length(index):
        raise ValueError(
            f"{manifest.name}: chunk {index} is {manifest.length(index)} bytes, not {len(data)}"
        )
