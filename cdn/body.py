"""The bytes of one object: written once as they arrive, read by many at their own pace.

Refuses to know where they come from and whether they will be kept.
"""

from __future__ import annotations

from typing import Self

import trio

from wire.http.errors import TooLargeError, TruncatedError
from wire.http.message import Buffer

BLOCK = 1024 * 1024


class Body:
    """An append-only sequence of bytes that wakes its readers as it grows.

    Invariant: bytes below `size` never change, so views of them stay valid; `complete` and
    `broken` are final and exclude each other; `size` never exceeds `limit` or `expected`.
    """

    def __init__(self, expected: int | None, *, limit: int) -> None:
        self.size = 0
        self.complete = False
        self.broken = False
        self._expected = expected
        self._limit = limit if expected is None else min(limit, expected)
        self._blocks: list[bytearray] = []
        self._readers = trio.lowlevel.ParkingLot()

    @property
    def length(self) -> int | None:
        """The length in bytes this body has or will have, None while unknown."""
        return self.size if self.complete else self._expected

    def append(self, data: Buffer) -> None:
        """Add `data` at the end.

        Raises:
            TooLargeError: that would exceed the limit; nothing was added.
        """
        if self.size + len(data) > self._limit:
            raise TooLargeError(f"object exceeds {self._limit} bytes")
        rest = memoryview(data)
        while rest:
            at = self.size % BLOCK
            if at == 0:
                self._blocks.append(bytearray(min(BLOCK, self._limit - self.size)))
            block = self._blocks[-1]
            taken = rest[: len(block) - at]
            block[at : at + len(taken)] = taken
            self.size += len(taken)
            rest = rest[len(taken) :]
        self._readers.unpark_all()

    def finish(self) -> None:
        """Declare the body whole.

        Raises:
            TruncatedError: it is shorter than expected; it is broken now.
        """
        if self._expected is not None and self.size < self._expected:
            self.fail()
            raise TruncatedError(f"object ended at byte {self.size} of {self._expected}")
        self.complete = True
        if self._blocks:  # give back what the last block did not need
            last = self.size - (len(self._blocks) - 1) * BLOCK
            if last < len(self._blocks[-1]):
                self._blocks[-1] = self._blocks[-1][:last]
        self._readers.unpark_all()

    def fail(self) -> None:
        """Declare that the rest will never come, unless the body is whole already."""
        self.broken = not self.complete
        self._readers.unpark_all()

    def read(self, start: int, stop: int | None) -> Buffer | BodyReader:
        """Return bytes `start` to `stop` (None: to the end), at once if one view holds them."""
        if stop is not None and stop <= self.size:
            if start >= stop:
                return b""
            if start // BLOCK == (stop - 1) // BLOCK:
                return self._view(start, stop)
        return BodyReader(self, start, stop)

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
        while self.size <= start and not self.complete:
            if self.broken:
                raise TruncatedError(f"the source broke off at byte {self.size}")
            await self._readers.park()
        end = self.size if stop is None else min(stop, self.size)
        return self._view(start, end) if start < end else memoryview(b"")


class BodyReader:
    """One reader's place in a body: a stream of views, no faster than the body grows."""

    def __init__(self, body: Body, start: int, stop: int | None) -> None:
        self._body = body
        self._at = start
        self._stop = stop

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Buffer:
        if self._at == self._stop:
            raise StopAsyncIteration
        view = await self._body.view(self._at, self._stop)
        if not view:
            raise StopAsyncIteration
        self._at += len(view)
        return view

    async def aclose(self) -> None:
        """Leave; the body and its other readers go on."""
