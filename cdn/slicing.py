"""Big objects in slices: what a range needs is fetched and stored in aligned pieces of one size.

It awaits pieces and puts them together; it refuses to know how a piece is fetched and which
clients ask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from cdn.ask import Arriving, Ask, Passing
from cdn.cache import Cache
from cdn.fetcher import Fetcher
from cdn.forwarding import CONDITIONS
from cdn.freshness import Failure, Verdict
from cdn.pool import GatewayError
from cdn.stored import Stored, of_one_version
from net.trace import Trace
from wire.http.errors import TruncatedError
from wire.http.message import Buffer, Request, Stream
from wire.http.ranges import first_byte


@dataclass(frozen=True, slots=True)
class Piece:
    """A stored slice, or the whole where that came instead; `hit` if nobody had to be asked."""

    stored: Stored
    hit: bool

    @property
    def start(self) -> int:
        """Where it begins in the representation."""
        return 0 if self.stored.part is None else self.stored.part.span.start

    @property
    def stop(self) -> int | None:
        """Where it ends, None for the whole while its length is unknown."""
        return self.stored.size if self.stored.part is None else self.stored.part.span.stop

    @property
    def extensible(self) -> bool:
        """Whether other pieces can be known to be of the same version."""
        return of_one_version(self.stored, self.stored)

    def holds(self, at: int) -> bool:
        """Return whether byte `at` is in it."""
        return self.start <= at and (self.stop is None or at < self.stop)


class Slicer:
    """Representations from slices of `size` bytes, in `cache` or by way of `fetcher`."""

    def __init__(
        self,
        size: int,
        cache: Cache,
        fetcher: Fetcher,
        *,
        wall: Callable[[], float],
        trace: Trace,
    ) -> None:
        if size < 1:
            raise ValueError(f"slices of {size} bytes: at least 1 is needed")
        self._size = size
        self._cache = cache
        self._fetcher = fetcher
        self._wall = wall
        self._trace = trace

    def ask(self, request: Request, key: str, at: int) -> Ask:
        """Return what asks for the slice with byte `at`."""
        index = at // self._size
        span = f"bytes={index * self._size}-{(index + 1) * self._size - 1}"
        plain = request.headers.without(*CONDITIONS).replace({"range": span})
        return Ask(replace(request, headers=plain), key, None, span, index)

    async def first(self, request: Request, key: str, client: str) -> Piece | Passing | None:
        """Return the slice in which `request` begins, or what came instead and is not for storing.

        None if it cannot be had as a slice.

        Raises:
            GatewayError: upstream gave no answer.
        """
        at = first_byte(request.headers.get("range"))
        return await self.piece(self.ask(request, key, at), client)

    async def piece(self, ask: Ask, client: str) -> Piece | Passing | None:
        """Return one slice, stored or arriving, or what came instead; as `first`."""
        stored = self._cache.find(ask.place, ask.request.headers)
        if stored is not None:
            verdict = stored.freshness.judge(ask.request.headers, self._wall())
            if verdict is not Verdict.ASK:
                size = stored.body.size
                stale = verdict is not Verdict.FRESH
                self._trace("cache_hit", path=ask.place, bytes=size, client=client, stale=stale)
                if verdict is Verdict.REFRESH:
                    self._fetcher.refresh(replace(ask, stale=stored))
                return Piece(stored, hit=True)
        collapsed = self._fetcher.under_way(ask)
        self._trace("cache_missed", path=ask.place, why="slice", client=client, collapsed=collapsed)
        return await self._fetch(ask, stored)

    async def _fetch(self, ask: Ask, stored: Stored | None) -> Piece | Passing | None:
        try:
            shared = await self._fetcher.share(ask)
            if shared is not None:
                return Piece(shared, hit=False)
            answer = await self._fetcher.fetch(replace(ask, stale=stored))
        except GatewayError:
            if stored is None or not stored.freshness.outlasts(
                Failure.UNREACHABLE, ask.request.headers, self._wall()
            ):
                raise
            return Piece(stored, hit=True)
        if isinstance(answer, Arriving):
            return Piece(answer.stored, hit=False)
        if answer.response.status not in (206, 416):
            return answer
        await answer.response.aclose()
        return None

    def drop(self, request: Request, key: str, at: int) -> None:
        """Drop the slice with byte `at`: it does not go with the others, or cannot be read."""
        self._cache.discard(self.ask(request, key, at).place)

    def ahead(self, request: Request, key: str, at: int) -> None:
        """Begin to fetch the slice with byte `at`, unless it is stored."""
        ask = self.ask(request, key, at)
        if ask.place not in self._cache:
            self._fetcher.refresh(ask)

    def reader(
        self, request: Request, key: str, first: Piece, client: str
    ) -> Callable[[int, int | None], Buffer | Stream]:
        """Return what reads bytes of the representation that begins with `first`."""

        def read(start: int, stop: int | None) -> Buffer | Stream:
            end = first.stop if stop is None else stop
            if first.holds(start) and (first.stop is None or (end or 0) <= first.stop):
                return first.stored.body.read(start - first.start, _less(end, first.start))
            if end is None:
                raise ValueError("a representation in slices has a known size")
            return _Slices(self, request, key, first, start, end, client)

        return read


@dataclass(eq=False)
class _Slices:
    """Bytes `at` to `stop`, slice after slice; the next one is fetched while one is read.

    Invariant: all slices are of the version that `first` is of.
    """

    slicer: Slicer
    request: Request
    key: str
    first: Piece
    at: int
    stop: int
    client: str
    reading: Stream | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Buffer:
        while self.at < self.stop:
            if self.reading is None:
                found = await self._open()
                if isinstance(found, Buffer):
                    self.at += len(found)
                    return found
                self.reading = found
            try:
                data = await self.reading.__anext__()
            except StopAsyncIteration:
                self.reading = None
                continue
            self.at += len(data)
            return data
        raise StopAsyncIteration

    async def _open(self) -> Buffer | Stream:
        piece = self.first if self.first.holds(self.at) else await self._next()
        stop = min(self.stop, piece.stop if piece.stop is not None else self.stop)
        if stop < self.stop:
            self.slicer.ahead(self.request, self.key, stop)
        try:
            return piece.stored.body.read(self.at - piece.start, stop - piece.start)
        except OSError as error:
            self.slicer.drop(self.request, self.key, self.at)
            raise TruncatedError(f"a slice cannot be read: {error}") from error

    async def _next(self) -> Piece:
        ask = self.slicer.ask(self.request, self.key, self.at)
        piece = await self._piece(ask)
        if piece is not None and piece.hit and not self._goes_on(piece):
            self.slicer.drop(self.request, self.key, self.at)
            piece = await self._piece(ask)
        if piece is None or not self._goes_on(piece):
            self.slicer.drop(self.request, self.key, self.first.start)
            raise TruncatedError(f"slice {ask.slice} is of another version")
        return piece

    async def _piece(self, ask: Ask) -> Piece | None:
        try:
            piece = await self.slicer.piece(ask, self.client)
        except GatewayError as error:
            raise TruncatedError(f"slice {ask.slice}: {error.reason}") from error
        if isinstance(piece, Passing):
            await piece.response.aclose()
            return None
        return piece

    def _goes_on(self, piece: Piece) -> bool:
        return piece.holds(self.at) and of_one_version(self.first.stored, piece.stored)

    async def aclose(self) -> None:
        """Leave; fetches under way go on."""
        if self.reading is not None:
            await self.reading.aclose()


def _less(end: int | None, start: int) -> int | None:
    return None if end is None else end - start
