"""A peer's client for web seeds: HTTP servers that have the whole file, asked chunk by chunk.

It moves bytes and judges answers; which chunk to fetch is the plan's business, what a chunk is
worth the swarm's. The idea is that of BEP 19; ranges are those of RFC 9110, section 14.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from math import inf

import trio

from net.seam import Network
from net.trace import Trace, silent
from peer.swarm import Swarm
from peer.web_plan import LONGEST_PAUSE, Errand, WebAddress, WebPlan, WebSettings
from wire.errors import ProtocolError
from wire.http.client import HttpConnection, IncomingResponse
from wire.http.errors import DisconnectedError, HttpError, SilentPeerError
from wire.http.headers import Headers
from wire.http.ranges import Span, parse_content_range
from wire.message import Buffer

SLOWEST = 8 * 1024  # bytes per second a server must keep up, on top of its silence
NOT_WORTH_ENDING = 64 * 1024  # bytes: the rest of a needless answer is read, not broken off
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class UnfitAnswerError(HttpError):
    """The server answered, but not with the range; `pause` (s) is how long to leave it alone."""

    def __init__(self, reason: str, pause: float) -> None:
        super().__init__(reason)
        self.pause = pause


class NeedlessError(HttpError):
    """The swarm was faster, and too much is still to come to wait for it."""


class WebSeed:
    """Fetches what the plan says over persistent connections, and hands it to the swarm.

    Always true: a connection is used by one errand at a time, and idle ones await the next.
    """

    def __init__(
        self,
        network: Network,
        swarm: Swarm,
        settings: WebSettings,
        *,
        rng: random.Random,
        settled: Callable[[], None],
        trace: Trace = silent,
    ) -> None:
        """`settled` is called after each change to the swarm."""
        self._network = network
        self._swarm = swarm
        self._manifest = swarm.store.manifest
        self._settled = settled
        self._silence = settings.silence
        self._trace = trace
        self._plan = WebPlan(
            settings, self._manifest, swarm.download, rng=rng, now=trio.current_time(),
            neighbours=swarm.neighbours,
        )  # fmt: skip
        self._idle: dict[WebAddress, list[HttpConnection]] = {}
        self._changed = trio.lowlevel.ParkingLot()

    async def run(self) -> None:
        """Fetch until the file is complete, or cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                while not self._swarm.store.complete:
                    while (errand := self._plan.next(trio.current_time())) is not None:
                        nursery.start_soon(self._fetch, errand)
                    with trio.move_on_at(self._plan.wake_at(trio.current_time())):
                        await self._changed.park()
                nursery.cancel_scope.cancel()
        finally:
            await self._hang_up()

    def want(self, index: int, by: float) -> None:
        """Chunk `index` is needed at the time `by`; see `WebPlan.want`."""
        self._plan.want(index, by)
        self._changed.unpark_all()

    def look(self) -> None:
        """What is missing has changed, without a chunk having come."""
        self._changed.unpark_all()

    async def _fetch(self, errand: Errand) -> None:
        try:
            data = await self._get(errand)
        except NeedlessError:
            self._plan.brought(errand, trio.current_time())
        except (HttpError, OSError, trio.TooSlowError) as error:
            pause = error.pause if isinstance(error, UnfitAnswerError) else 0.0
            length = self._plan.failed(errand, trio.current_time(), pause=pause)
            self._lose(errand, str(error) or "too slow", length)
        else:
            self._hand_on(errand, data)
        self._changed.unpark_all()

    def _hand_on(self, errand: Errand, data: Buffer) -> None:
        now = trio.current_time()
        try:
            self._swarm.take(errand.source.as_neighbour, errand.index, data, now)
        except ProtocolError as error:
            self._lose(errand, error.reason, self._plan.spoilt(errand, now))
        else:
            self._plan.brought(errand, now)
            self._settled()

    def _lose(self, errand: Errand, reason: str, pause: float) -> None:
        """Let the swarm have the chunk, and say for how long (s) the web seed is left alone."""
        self._trace(
            "web_seed_failed",
            seed=str(errand.source.address),
            chunk=errand.index,
            reason=reason,
            pause=pause if pause < inf else None,
        )
        self._swarm.give_up(errand.source.as_neighbour, errand.index, trio.current_time())
        self._settled()

    async def _get(self, errand: Errand) -> bytes:
        """Return what the server says is the chunk.

        Raises:
            HttpError: it was not had.
            OSError: nobody answers there.
            trio.TooSlowError: it came too slowly.
        """
        size = self._manifest.length(errand.index)
        with trio.fail_after(self._silence + size / SLOWEST):
            idle = self._idle.setdefault(errand.source.address, [])
            while idle:
                try:
                    return await self._ask(idle.pop(), errand)
                except DisconnectedError:  # it may have been closed while it was idle
                    continue
            return await self._ask(await self._dial(errand.source.address), errand)

    async def _dial(self, address: WebAddress) -> HttpConnection:
        with trio.move_on_after(self._silence):
            stream = await self._network.dial(address.server)
            return HttpConnection(stream, str(address.server), timeout=self._silence)
        raise SilentPeerError(f"no answer within {self._silence:g} s")

    async def _ask(self, connection: HttpConnection, errand: Errand) -> bytes:
        part = errand.source.address.part(errand.index, self._manifest)
        span, fields = part.span, {"accept-encoding": "identity"}
        if len(span) < part.size:
            fields["range"] = f"bytes={span.start}-{span.stop - 1}"
        async with connection.request("GET", part.target, headers=Headers(fields)) as response:
            check(response.status, response.headers, span, part.size)
            data = await self._read(response, errand, len(span))
        if connection.reusable:
            self._idle[errand.source.address].append(connection)
        return data

    async def _read(self, response: IncomingResponse, errand: Errand, size: int) -> bytes:
        data = bytearray()
        async for piece in response:
            data += piece
            if len(data) > size:
                raise UnfitAnswerError("more bytes than were asked for", LONGEST_PAUSE)
            if size - len(data) > NOT_WORTH_ENDING and not self._still_missing(errand):
                raise NeedlessError("the swarm was faster")
            errand.source.as_neighbour.heard = trio.current_time()
        if len(data) < size:
            raise UnfitAnswerError(f"{len(data)} of {size} bytes", 0.0)
        return bytes(data)

    def _still_missing(self, errand: Errand) -> bool:
        return bool(self._swarm.download.missing >> errand.index & 1)

    async def _hang_up(self) -> None:
        with trio.CancelScope(shield=True):
            for connections in self._idle.values():
                while connections:
                    await connections.pop().aclose()


def check(status: int, headers: Headers, span: Span, size: int) -> None:
    """Return if an answer with this head carries `span` of an object of `size` bytes.

    The whole object (200) will do where the whole was asked for.

    Raises:
        UnfitAnswerError: it does not; says why, and for how long to leave the server alone.
    """
    if status == 206:
        part = parse_content_range(headers.get("content-range") or "")
        if part is None or part[0] != span or part[1] not in (None, size):
            raise UnfitAnswerError("another range than was asked for", LONGEST_PAUSE)
    elif status == 200:
        if len(span) != size:
            raise UnfitAnswerError("the whole file instead of a range", LONGEST_PAUSE)
    elif status in _PASSING:
        raise UnfitAnswerError(f"status {status}", _retry_after(headers))
    else:
        raise UnfitAnswerError(f"status {status}", LONGEST_PAUSE)


def _retry_after(headers: Headers) -> float:
    """Return the seconds Retry-After gives (RFC 9110, section 10.2.3); 0 for dates and none."""
    field = headers.get("retry-after") or ""
    seconds = field.isascii() and field.isdecimal() and len(field) < 10
    return float(field) if seconds else 0.0
