"""What an origin serves: resources found by path, in memory or in a directory.

Refuses to know HTTP's methods and conditions; a site only finds, describes and reads.
"""

from __future__ import annotations

import hashlib
import mimetypes
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, Self
from urllib.parse import quote, unquote_to_bytes

import trio

from wire.http.errors import BadRequestError, TruncatedError
from wire.http.message import Buffer, Stream

_PIECE = 256 * 1024
_UNKNOWN_TYPE = "application/octet-stream"
_TYPES = mimetypes.MimeTypes()
for _kind, _ending in (
    ("application/vnd.apple.mpegurl", ".m3u8"),
    ("application/dash+xml", ".mpd"),
    ("video/iso.segment", ".m4s"),
    ("video/mp4", ".mp4"),
    ("video/mp2t", ".ts"),
):
    _TYPES.add_type(_kind, _ending)


@dataclass(frozen=True, slots=True)
class Moved:
    """A resource that lives at `location` (a path or URL) now."""

    location: str


class Resource(Protocol):
    """One representation: its description, and its bytes on demand."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    @property
    def etag(self) -> str:
        """A strong entity tag, quotes included (RFC 9110 8.8.3)."""

    @property
    def last_modified(self) -> int | None:
        """POSIX seconds, None if unknown."""

    @property
    def media_type(self) -> str:
        """The Content-Type."""

    @property
    def cache_control(self) -> str | None:
        """What caches are told, None: what the server says of everything."""

    def read(self, start: int, stop: int | None) -> Buffer | Stream:
        """Return bytes `start` to `stop` (excluded; None: the end)."""


class Site(Protocol):
    """Finds resources by the percent-encoded path of a request."""

    def lookup(self, path: str) -> Resource | Moved | None:
        """Return what `path` names, None if nothing.

        Raises:
            BadRequestError: the path is not well formed.
        """


def decode_path(path: str) -> str:
    """Return `path` without percent-encoding.

    Raises:
        BadRequestError: it is not UTF-8, or holds a NUL.
    """
    try:
        decoded = unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequestError(400, "the path is not UTF-8") from error
    if "\0" in decoded:
        raise BadRequestError(400, "the path holds a NUL")
    return decoded


def media_type(name: str) -> str:
    """Return the media type that `name`'s ending stands for."""
    kind, encoding = _TYPES.guess_type(name)
    if kind is None or encoding is not None:
        return _UNKNOWN_TYPE
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


@dataclass(frozen=True, slots=True)
class MemoryResource:
    """Bytes kept in memory and handed out by reference."""

    content: bytes | memoryview
    etag: str
    last_modified: int | None = None
    media_type: str = _UNKNOWN_TYPE
    cache_control: str | None = None

    @classmethod
    def of(
        cls,
        name: str,
        content: bytes,
        *,
        last_modified: int | None = None,
        cache_control: str | None = None,
    ) -> Self:
        """Return the resource of `content`, tagged by its SHA-256 and typed by its name."""
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        return cls(content, etag, last_modified, media_type(name), cache_control)

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.content)

    def read(self, start: int, stop: int | None) -> Buffer:
        """Return a view of bytes `start` to `stop` (excluded; None: the end)."""
        return memoryview(self.content)[start:stop]


@dataclass(frozen=True)
class MemorySite:
    """Resources by decoded path ("/name"), and those that moved; needs neither disk nor threads."""

    resources: Mapping[str, MemoryResource]
    moved: Mapping[str, str] = field(default_factory=dict)

    def lookup(self, path: str) -> Resource | Moved | None:
        """Return what `path` names, None if nothing."""
        name = decode_path(path)
        if name in self.moved:
            return Moved(self.moved[name])
        return self.resources.get(name)


@dataclass(frozen=True)
class FileResource:
    """A regular file as it was when looked up."""

    path: Path
    size: int
    modified_ns: int
    inode: int
    cache_control: str | None = None

    @property
    def etag(self) -> str:
        """A tag that changes whenever the file is written or replaced."""
        return f'"{self.inode:x}-{self.modified_ns:x}-{self.size:x}"'

    @property
    def last_modified(self) -> int:
        """POSIX seconds."""
        return self.modified_ns // 1_000_000_000

    @property
    def media_type(self) -> str:
        """The type its name stands for."""
        return media_type(self.path.name)

    def read(self, start: int, stop: int | None) -> Stream:
        """Return bytes `start` to `stop` (excluded; None: the end), piece by piece."""
        return FileStream(self, start, self.size if stop is None else stop)

    def open(self) -> BinaryIO:
        """Return the file, open for reading.

        Raises:
            TruncatedError: it is not the file that was looked up any more.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.fdopen(os.open(self.path, flags), "rb", buffering=0)
        now = os.fstat(file.fileno())
        if (now.st_ino, now.st_mtime_ns, now.st_size) != (self.inode, self.modified_ns, self.size):
            file.close()
            raise TruncatedError(f"{self.path.name} changed while it was asked for")
        return file


class FileStream:
    """Part of a file as a body, at most 256 KiB in memory at a time."""

    def __init__(self, resource: FileResource, start: int, stop: int) -> None:
        self._resource = resource
        self._start = start
        self._left = stop - start
        self._file: BinaryIO | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Buffer:
        if self._left == 0:
            raise StopAsyncIteration
        if self._file is None:
            self._file = self._resource.open()
            self._file.seek(self._start)
        piece = self._file.read(min(_PIECE, self._left))
        if not piece:
            raise TruncatedError(f"{self._resource.path.name} shrank while it was sent")
        self._left -= len(piece)
        await trio.lowlevel.checkpoint()
        return piece

    async def aclose(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class DirectorySite:
    """The regular files under one directory; `lifetime` says of each path what caches are told.

    Invariant: no path leads outside `root`, whatever its dots, encodings or symbolic links.
    """

    def __init__(
        self,
        root: Path,
        moved: Mapping[str, str] | None = None,
        *,
        lifetime: Callable[[str], str | None] = lambda _path: None,
    ) -> None:
        self.root = root.resolve(strict=True)
        self._moved = dict(moved or {})
        self._lifetime = lifetime

    def lookup(self, path: str) -> Resource | Moved | None:
        """Return the file `path` names, `index.html` for a directory, None if neither."""
        name = decode_path(path)
        if name in self._moved:
            return Moved(self._moved[name])
        parts = name.split("/")
        if "\\" in name or ".." in parts or "." in parts:
            return None
        try:
            return self._find(name, directory=name.endswith("/"))
        except (OSError, RuntimeError):  # missing, forbidden, too long, or a loop of links
            return None

    def _find(self, name: str, *, directory: bool) -> Resource | Moved | None:
        found = (self.root / name.strip("/")).resolve(strict=True)
        if not found.is_relative_to(self.root):
            return None
        status = found.stat()
        if stat.S_ISDIR(status.st_mode):
            if not directory:
                return Moved(quote(f"/{name.strip('/')}/"))
            return self._find(f"{name}index.html", directory=False)
        if directory or not stat.S_ISREG(status.st_mode):
            return None
        return FileResource(
            found, status.st_size, status.st_mtime_ns, status.st_ino, self._lifetime(name)
        )
