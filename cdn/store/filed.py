"""Bodies that lie in files: mapped into memory while they are read, never copied.

Refuses to know which response a body belongs to.
"""

from __future__ import annotations

import mmap
import os
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

from cdn.body import Body
from wire.http.headers import Headers
from wire.http.message import NO_FIELDS, Buffer

_MAPPED = 1024
_READS_PER_USE = 64


class Maps:
    """The bodies that are mapped now.

    Invariant: at most `most` bodies hold a map because of this; the longest unread lose theirs.
    """

    def __init__(self, most: int = _MAPPED) -> None:
        self._most = most
        self._mapped: OrderedDict[FiledBody, memoryview] = OrderedDict()

    def view(self, body: FiledBody) -> memoryview:
        """Return all of `body`.

        Raises:
            OSError: its file is gone, or cannot be mapped.
        """
        found = self._mapped.get(body)
        if found is None:
            found = self._mapped[body] = map_file(body.path)
            if len(self._mapped) > self._most:
                self._mapped.popitem(last=False)
        else:
            self._mapped.move_to_end(body)
        return found

    def forget(self, body: FiledBody) -> None:
        """Map `body` no longer."""
        self._mapped.pop(body, None)


class FiledBody(Body):
    """A complete body in the file `path`; `used` is called now and then when it is read.

    Invariant: the file holds exactly `size` bytes for as long as this body may be read.
    """

    def __init__(
        self,
        path: Path,
        size: int,
        maps: Maps,
        *,
        used: Callable[[], None],
        trailers: Headers = NO_FIELDS,
    ) -> None:
        super().__init__(size, limit=size)
        self.path = path
        self.size = size
        self.complete = True
        self.trailers = trailers
        self._maps = maps
        self._used = used
        self._reads = 0
        self._kept: memoryview | None = None

    def read(self, start: int, stop: int | None) -> Buffer:
        """Return bytes `start` to `stop` (None: to the end)."""
        if self._reads % _READS_PER_USE == 0:
            self._used()
        self._reads += 1
        return self._all()[start:stop]

    def pieces(self) -> Iterator[memoryview]:
        """Yield a view of all the bytes there are."""
        yield self._all()

    def outlive(self) -> None:
        """Stay readable although the file is about to go.

        Raises:
            OSError: it has gone already.
        """
        self._kept = self._all()
        self._maps.forget(self)

    def _all(self) -> memoryview:
        if self.size == 0:
            return memoryview(b"")
        return self._maps.view(self) if self._kept is None else self._kept

    def _view(self, start: int, stop: int) -> memoryview:
        return self._all()[start:stop]


def map_file(path: Path) -> memoryview:
    """Return the bytes of a file that is not empty, without reading them yet."""
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def checksum(view: memoryview) -> int:
    """Return the CRC-32 of `view`."""
    return zlib.crc32(view)


def write(path: Path, body: Body) -> int:
    """Write all of `body` into a new file; return its CRC-32.

    Raises:
        OSError: it could not be written; the file is gone again.
    """
    found = 0
    try:
        with path.open("xb", buffering=0) as file:
            for piece in body.pieces():
                found = zlib.crc32(piece, found)
                write_all(file.fileno(), piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return found


def write_all(descriptor: int, data: memoryview) -> None:
    """Write all of `data` where the descriptor stands.

    Raises:
        OSError: not all of it could be written.
    """
    while data:
        data = data[os.write(descriptor, data) :]
