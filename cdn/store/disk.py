"""A directory of stored responses that survives a restart and a kill.

Refuses to know what is worth keeping and whether it is still fresh.

Layout: `heads/xx/…` and `bodies/xx/….N`, named by the SHA-256 of an entry's name, and `arriving/N`
for large bodies under way. A new body takes a new number; then its head is renamed into place,
which is the moment it is stored. What no head names is litter and goes at the next start.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from cdn.body import Body
from cdn.store.filed import FiledBody, Maps, checksum, map_file, write
from cdn.store.growing import GrowingBody
from cdn.store.head import BodyMark, Head, UnreadableError, pack, unpack
from cdn.stored import Stored
from net.trace import Trace, silent
from wire.http.headers import Headers

_MARK = "swarmbed-store"
_LAYOUT = "swarmbed store, layout 1\n"
_LOCK = "lock"
_PART = ".part"
_BODY = re.compile(r"[0-9a-f]{62}\.[0-9]+")
_MOST_ASIDE = 64
_BLOCK = 4096  # what file systems round up to, for a head and for the end of a body


class StoreError(Exception):
    """The directory cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class _Entry:
    stored: Stored
    mark: BodyMark
    body: FiledBody


class Disk:
    """Stored responses in `directory`, which belongs to this process alone while it is open.

    Invariant: a head is there only while the whole body it names is.
    """

    overhead = 2 * _BLOCK

    def __init__(self, directory: Path, *, trace: Trace = silent) -> None:
        """Open the directory, and make it if need be.

        Raises:
            StoreError: it is in use, it is not a store, or it cannot be written.
        """
        self._root = directory
        self._trace = trace
        self._maps = Maps()
        self._entries: dict[str, _Entry] = {}
        self._arrivals = 0
        try:
            self._lock = _locked(directory)
            _marked(directory)
            for name in ("heads", "bodies", "arriving", "aside"):
                (directory / name).mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(f"{directory}: {error.strerror or error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others use the directory."""
        os.close(self._lock)

    def body(self, expected: int | None, limit: int) -> GrowingBody:
        """Return a new body that goes to the disk while it arrives."""
        self._arrivals += 1
        path = self._root / "arriving" / str(self._arrivals)
        return GrowingBody(expected, limit=limit, path=path)

    # -- keeping ------------------------------------------------------------------------------

    def keep(self, name: str, key: str, stored: Stored) -> Stored:
        """Keep `stored` under `name`; return it with its body on disk.

        A response that is kept with the body it already has costs a new head only.

        Raises:
            OSError: there is no room, or no right, to keep it; nothing is kept under `name` now.
        """
        try:
            return self._keep(name, key, stored)
        except OSError:
            self.drop(name)
            raise

    def _keep(self, name: str, key: str, stored: Stored) -> Stored:
        held = self._entries.get(name)
        if held is not None and held.stored is stored:
            return stored
        if held is not None and held.body is stored.body:
            mark, body = held.mark, held.body
        else:
            mark, body = self._file(name, stored.body, 0 if held is None else held.mark.number + 1)
        kept = Head.of(name, key, stored, mark).stored(body)
        try:
            self._commit(name, Head.of(name, key, kept, mark))
        except OSError:
            if held is None or held.body is not body:
                body.path.unlink(missing_ok=True)
            raise
        if held is not None and held.body is not body:
            _unlink_outlived(held.body)
        self._entries[name] = _Entry(kept, mark, body)
        return kept

    def drop(self, name: str) -> None:
        """Keep it no longer; who reads its body now reads on."""
        held = self._entries.pop(name, None)
        if held is None:
            return
        try:
            self._head_path(name).unlink(missing_ok=True)
            _unlink_outlived(held.body)
        except OSError as error:  # what stays there is of no use to this life
            self._trace("store_file_stays", file=held.body.path.name, reason=str(error))

    def _file(self, name: str, body: Body, number: int) -> tuple[BodyMark, FiledBody]:
        path = self._body_path(name, number)
        path.parent.mkdir(exist_ok=True)
        if isinstance(body, GrowingBody) and body.whole_in_file:
            body.move(path)
            found = body.checksum
        else:
            found = write(path, body) if body.size else 0
        mark = BodyMark(number, body.size, found, tuple(body.trailers))
        return mark, self._filed(name, mark)

    def _filed(self, name: str, mark: BodyMark) -> FiledBody:
        head = self._head_path(name)
        return FiledBody(
            self._body_path(name, mark.number),
            mark.size,
            self._maps,
            used=lambda: _touch(head),
            trailers=Headers(mark.trailers),
        )

    def _commit(self, name: str, head: Head) -> None:
        path = self._head_path(name)
        part = path.with_name(path.name + _PART)
        path.parent.mkdir(exist_ok=True)
        try:
            part.write_bytes(pack(head))
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def _head_path(self, name: str) -> Path:
        digest = sha256(name.encode()).hexdigest()
        return self._root / "heads" / digest[:2] / digest[2:]

    def _body_path(self, name: str, number: int) -> Path:
        digest = sha256(name.encode()).hexdigest()
        return self._root / "bodies" / digest[:2] / f"{digest[2:]}.{number}"

    # -- an earlier life ----------------------------------------------------------------------

    def load(self) -> Iterator[tuple[str, Stored]]:
        """Yield keys and responses of an earlier life, about in the order of their last use.

        Every body is read and compared with its checksum. Litter is removed, and what is damaged
        or foreign is set aside.
        """
        found: list[tuple[int, str, Stored]] = []
        bodies: set[Path] = set()
        for path in sorted(_files(self._root / "heads")):
            try:
                head = self._readable(path)
            except (UnreadableError, OSError) as error:
                self._set_aside(path, str(error))
                continue
            body = self._filed(head.name, head.body)
            bodies.add(body.path)
            stored = head.stored(body)
            self._entries[head.name] = _Entry(stored, head.body, body)
            found.append((path.stat().st_mtime_ns, head.key, stored))
        for path in sorted(_files(self._root / "bodies")):
            if path in bodies:
                continue
            if _BODY.fullmatch(path.name):
                path.unlink()
            else:
                self._set_aside(path, "not of this store")
        for path in _files(self._root / "arriving"):
            path.unlink()
        self._forget_oldest_aside()
        size = sum(stored.body.size for _, _, stored in found)
        self._trace("store_loaded", objects=len(found), bytes=size)
        for _, key, stored in sorted(found, key=lambda one: one[0]):
            yield key, stored

    def _readable(self, path: Path) -> Head:
        """Return the head at `path`, whose body is there and whole."""
        head = unpack(path.read_bytes())
        if path != self._head_path(head.name):
            raise UnreadableError("not where it belongs")
        body = self._body_path(head.name, head.body.number)
        if head.body.size and not _is_whole(body, head.body):
            if body.exists():
                self._set_aside(body, "damaged body")
            raise UnreadableError("its body is damaged or gone")
        return head

    def _set_aside(self, path: Path, reason: str) -> None:
        if path.name.endswith(_PART):
            path.unlink()
            return
        path.replace(self._root / "aside" / f"{path.parent.name}{path.name}")
        self._trace("store_file_set_aside", file=path.name, reason=reason)

    def _forget_oldest_aside(self) -> None:
        aside = sorted(_files(self._root / "aside"), key=lambda path: path.stat().st_mtime_ns)
        for path in aside[:-_MOST_ASIDE]:
            path.unlink()


def _locked(directory: Path) -> int:
    """Return a descriptor that keeps other processes out for as long as it is open."""
    directory.mkdir(parents=True, exist_ok=True)
    known = {path.name for path in directory.iterdir()}
    if known - {_LOCK} and _MARK not in known:
        raise StoreError(f"{directory} holds other files; name a new or an empty directory")
    lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StoreError(f"{directory} is in use by another edge; give each its own") from None
    return lock


def _marked(directory: Path) -> None:
    mark = directory / _MARK
    if not mark.exists():
        mark.write_text(_LAYOUT)
    elif mark.read_text() != _LAYOUT:
        raise StoreError(f"{directory} is of another version; remove it or name another")


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if not path.is_dir())


def _is_whole(path: Path, mark: BodyMark) -> bool:
    try:
        return path.stat().st_size == mark.size and checksum(map_file(path)) == mark.checksum
    except OSError:
        return False


def _unlink_outlived(body: FiledBody) -> None:
    with suppress(OSError):  # a file that has gone already cannot be read on
        body.outlive()
    body.path.unlink(missing_ok=True)


def _touch(path: Path) -> None:
    with suppress(OSError):  # it may be dropped by now; the order of use is approximate
        os.utime(path)
