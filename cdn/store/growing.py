"""A body on its way to disk: what has arrived lies in a file, but for the last block.

Refuses to know what it will be called there.
"""

from __future__ import annotations

import mmap
import os
import weakref
import zlib
from pathlib import Path

from cdn.body import BLOCK, Body
from cdn.store.filed import write_all
from wire.http.headers import Headers
from wire.http.message import NO_FIELDS, Buffer


class GrowingBody(Body):
    """A body whose full blocks go to the new file `path`, which is removed unless it is moved.

    Invariant: the file holds the first `_filed` bytes; the rest is in memory, less than a block
    unless the file cannot take it: then the body is passing. A body of at most one block never
    makes a file.
    """

    def __init__(self, expected: int | None, *, limit: int, path: Path) -> None:
        super().__init__(expected, limit=limit)
        self.checksum = 0
        self._path = path
        self._file: int | None = None
        self._filed = 0

    @property
    def whole_in_file(self) -> bool:
        """Whether all of a complete body lies in the file."""
        return self.complete and self._file is not None and self._filed == self.size

    def append(self, data: Buffer) -> None:
        """Add `data` at the end; where the file cannot grow, the body passes by."""
        super().append(data)
        try:
            while self.size - self._filed > BLOCK and not self.passing:
                self._spill()
        except OSError:
            self.passing = True

    def finish(self, trailers: Headers = NO_FIELDS) -> None:
        """Declare the body whole."""
        super().finish(trailers)
        if self._file is None or self.passing:
            return
        try:
            while self._filed < self.size:
                self._spill()
        except OSError:
            self.passing = True

    def move(self, path: Path) -> None:
        """Give the file another name, for good.

        Raises:
            OSError: it cannot be had there.
        """
        self._path.replace(path)

    def _spill(self) -> None:
        """Move the oldest block in memory to the file."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            weakref.finalize(self, _discard, self._file, self._path)
        block = memoryview(self._blocks[self._filed // BLOCK])
        write_all(self._file, block)
        self.checksum = zlib.crc32(block, self.checksum)
        del self._blocks[self._filed // BLOCK]
        self._filed += len(block)

    def _view(self, start: int, stop: int) -> memoryview:
        if start >= self._filed or self._file is None:
            return super()._view(start, stop)
        begin = start // BLOCK * BLOCK
        end = min(begin + BLOCK, self._filed)
        mapped = mmap.mmap(self._file, end - begin, access=mmap.ACCESS_READ, offset=begin)
        return memoryview(mapped)[start - begin : stop - begin]


def _discard(descriptor: int, path: Path) -> None:
    os.close(descriptor)
    path.unlink(missing_ok=True)
