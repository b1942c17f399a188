"""The bytes of one object: written once as they arrive, read by many at their own pace.

Refuses to know where they come from and whether they will be kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import trio

from wire.http.errors import TooLargeError, TruncatedError
from wire.http.headers import Headers
from wire.http.message import NO_FIELDS, Buffer

BLOCK = 1024 * 1024
WINDOW = 4 * BLOCK


class Body:
    """An append-only sequence of bytes that wakes its readers as it grows.

    Invariant: bytes below `size` never change, so views of them stay valid; `complete` and
    `broken` are final and exclude each other; `size` never exceeds `expected`. Beyond `limit` the
    body is `passing`: what all its readers have had is forgotten, and nobody may join.
    """

    def __init__(self, expected: int | None, *, limit: int) -> None:
        self.size = 0
        self.complete = False
        self.broken = False
        self.passing = False
        self.trailers: Headers = NO_FIELDS
        self._expected = expected
        self._limit = limit
        self._blocks: dict[int, bytearray | memoryview] = {}
        self._growth = trio.lowlevel.ParkingLot()
        self._progress = trio.lowlevel.ParkingLot()
        self._reading: dict[BodyReader, None] = {}

    @classmethod
    def of(cls, whole: Buffer) -> Body:
        """Return the complete body that `whole` is, without a copy."""
        body = cls(len(whole), limit=len(whole))
        view = memoryview(whole).toreadonly()
        for at in range(0, len(view), BLOCK):
            body._blocks[at // BLOCK] = view[at : at + BLOCK]
        body.size = len(view)
        body.complete = True
        return body

    @property
    def length(self) -> int | None:
        """The length in bytes this body has or will have, None while unknown."""
        return self.size if self.complete else self._expected

    @property
    def held(self) -> int:
        """The bytes of memory this body takes now."""
        return sum(map(len, self._blocks.values()))

    def append(self, data: Buffer) -> None:
        """Add `data` at the end.

        Raises:
            TooLargeError: that is more than was expected; nothing was added.
        """
        size = self.size + len(data)
        if self._expected is not None and size > self._expected:
            raise TooLargeError(f"object exceeds its {self._expected} bytes")
        self.passing = self.passing or size > self._limit
        rest = memoryview(data)
        while rest:
            index, at = divmod(self.size, BLOCK)
            if at == 0:
                room = BLOCK if self._expected is None else min(BLOCK, self._expected - self.size)
                self._blocks[index] = bytearray(room)
            block = self._blocks[index]
            taken = rest[: len(block) - at]
            block[at : at + len(taken)] = taken
            self.size += len(taken)
            rest = rest[len(taken) :]
        self._growth.unpark_all()

    async def drained(self) -> bool:
        """Wait until the slowest reader of a passing body is near; return whether any is left."""
        while self._reading and self.size - self._slowest() > WINDOW:
            await self._progress.park()
        slowest = min(self._slowest(), self.size) if self._reading else self.size
        for index in [index for index in self._blocks if (index + 1) * BLOCK <= slowest]:
            del self._blocks[index]
        return bool(self._reading)

    def _slowest(self) -> int:
        return min(reader.at for reader in self._reading)

    def finish(self, trailers: Headers = NO_FIELDS) -> None:
        """Declare the body whole.

        Raises:
            TruncatedError: it is shorter than expected; it is broken now.
        """
        if self._expected is not None and self.size < self._expected:
            self.fail()
            raise TruncatedError(f"object ended at byte {self.size} of {self._expected}")
        self.complete = True
        self.trailers = trailers
        index, last = divmod(self.size, BLOCK)
        if index in self._blocks:  # give back what the last block did not need
            self._blocks[index] = self._blocks[index][:last]
        self._growth.unpark_all()

    def fail(self) -> None:
        """Declare that the rest will never come, unless the body is whole already."""
        self.broken = not self.complete
        self._growth.unpark_all()

    def read(self, start: int, stop: int | None) -> Buffer | BodyReader:
        """Return bytes `start` to `stop` (None: to the end), at once if one view holds them."""
        if stop is not None and stop <= self.size:
            if start >= stop:
                return b""
            if start // BLOCK == (stop - 1) // BLOCK:
                return self._view(start, stop)
        reader = BodyReader(self, start, stop)
        if not self.complete:
            self._reading[reader] = None
        return reader

    def pieces(self) -> Iterator[memoryview]:
        """Yield views of all the bytes there are, in order."""
        for start in range(0, self.size, BLOCK):
            yield self._view(start, self.size)

    def whole(self) -> bytes:
        """Return a copy of all the bytes there are."""
        return b"".join(self.pieces())

    def leave(self, reader: BodyReader) -> None:
        """Wait for `reader` no longer."""
        self._reading.pop(reader, None)
        self._progress.unpark_all()

    def _view(self, start: int, stop: int) -> memoryview:
        index, at = divmod(start, BLOCK)
        block = memoryview(self._blocks[index]).toreadonly()
        return block[at : at + min(stop - start, BLOCK - at)]

    async def view(self, start: int, stop: int | None) -> memoryview:
        """Return some bytes from `start` on, none past `stop`, waiting for the first of them.

        Empty at the end of the body.

        Raises:
            TruncatedError: those bytes will never come.
        """
        if self.passing:
            self._progress.unpark_all()
        while self.size <= start and not self.complete:
            if self.broken:
                raise TruncatedError(f"the source broke off at byte {self.size}")
            await self._growth.park()
        end = self.size if stop is None else min(stop, self.size)
        return self._view(start, end) if start < end else memoryview(b"")


class BodyReader:
    """One reader's place in a body: a stream of views, no faster than the body grows."""

    def __init__(self, body: Body, start: int, stop: int | None) -> None:
        self.at = start
        self._body = body
        self._stop = stop

    @property
    def trailers(self) -> Headers:
        """The fields after the body, known at its end."""
        return self._body.trailers

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Buffer:
        if self.at == self._stop:
            raise StopAsyncIteration
        view = await self._body.view(self.at, self._stop)
        if not view:
            raise StopAsyncIteration
        self.at += len(view)
        return view

    async def aclose(self) -> None:
        """Leave; the body and its other readers go on."""
        self._body.leave(self)
