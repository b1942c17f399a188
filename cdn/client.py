"""A download over HTTP that goes on where it broke off, and is not done until it is right.

Refuses to know which server was chosen and where the bytes end up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import trio

from cdn.sink import Sink
from cdn.url import Url
from net.seam import Network
from net.trace import Trace, silent
from wire.http.client import HttpConnection, IncomingResponse
from wire.http.errors import HttpError, SilentPeerError, TooLargeError
from wire.http.headers import Headers
from wire.http.ranges import parse_content_range

OnProgress = Callable[[int, int | None], None]

_REDIRECTS = frozenset({301, 302, 307, 308})
_MOST_REDIRECTS = 5
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class DownloadError(Exception):
    """The download failed for good; the message says what and why."""


@dataclass(frozen=True, slots=True)
class Download:
    """What became of a download.

    `bytes` is the object's size, `seconds` and `first_byte` (the head of the first answer that
    carried it) count from the start, `resumed` how often it went on after a break.
    """

    url: str
    status: int
    bytes: int
    seconds: float
    first_byte: float
    resumed: int
    sha256: str


async def download(
    network: Network,
    url: str,
    *,
    sink: Sink,
    on_progress: OnProgress | None = None,
    sha256: str | None = None,
    elsewhere: Sequence[str] = (),
    retries: int = 5,
    silence: float = 60.0,
    trace: Trace = silent,
) -> Download:
    """Fetch `url` into `sink` and return what became of it; redirects (up to 5) are followed.

    `on_progress(held, total)` counts bytes, total None while unknown. After a break it goes on
    at the next of `elsewhere`, URLs of the same object, and in the end at `url` again. After
    `retries` breaks in a row without a byte gained, or the server silent for `silence` seconds
    as often, it gives up.

    Raises:
        DownloadError: not found, not whole, or not what `sha256` (hexadecimal) says.
        ValueError: not an http URL.
    """
    attempt = _Download(
        network,
        [Url.parse(each) for each in (url, *elsewhere)],
        sink=sink,
        on_progress=on_progress,
        silence=silence,
        trace=trace,
    )
    trace("download_started", url=url, held=sink.size)
    try:
        await attempt.persist(retries)
        digest = sink.sha256()
        if sha256 is not None and digest != sha256.lower():
            sink.restart(None)
            raise DownloadError(f"{url}: SHA-256 is {digest}, expected {sha256}")
        sink.commit()
    finally:
        sink.close()
    done = attempt.summary(digest)
    trace("download_completed", url=url, bytes=done.bytes, seconds=done.seconds)
    return done


class _Download:
    """Attempts at one download, at any of `urls`.

    Invariant: the sink holds a prefix of the version its validator names.
    """

    def __init__(
        self,
        network: Network,
        urls: Sequence[Url],
        *,
        sink: Sink,
        on_progress: OnProgress | None,
        silence: float,
        trace: Trace,
    ) -> None:
        self._network = network
        self._urls = urls
        self._url = urls[0]
        self._turn = 0
        self._sink = sink
        self._on_progress = on_progress
        self._silence = silence
        self._trace = trace
        self._started = trio.current_time()
        self._first_byte: float | None = None
        self._status = 0
        self._resumed = 0
        self._redirects = 0

    def summary(self, digest: str) -> Download:
        seconds = trio.current_time() - self._started
        return Download(
            str(self._url),
            self._status,
            self._sink.size,
            seconds,
            seconds if self._first_byte is None else self._first_byte,
            self._resumed,
            digest,
        )

    async def persist(self, retries: int) -> None:
        """Attempt until the body is whole."""
        failures = 0
        while True:
            held = self._sink.size
            try:
                if await self._attempt():
                    return
            except TooLargeError as error:
                raise DownloadError(f"{self._url}: {error.reason}") from error
            except (HttpError, OSError) as error:
                failures = 1 if self._sink.size > held else failures + 1
                if failures > retries:
                    raise DownloadError(f"{self._url}: gave up: {error}") from error
                self._trace("download_interrupted", held=self._sink.size, reason=str(error))
                self._move_on()
                await trio.sleep(min(_FIRST_PAUSE * 2**failures, _LONGEST_PAUSE))

    def _move_on(self) -> None:
        """Ask at the next URL; where it led before may be what broke (RFC 9110 15.4.3)."""
        self._turn += 1
        self._url = self._urls[self._turn % len(self._urls)]
        self._redirects = 0

    async def _attempt(self) -> bool:
        """Ask once; return whether the body is whole now (False: ask again, elsewhere or anew)."""
        connection = await self._connect()
        try:
            headers = self._conditions()
            async with connection.request("GET", self._url.target, headers=headers) as response:
                return await self._take(response)
        finally:
            await connection.aclose()

    async def _connect(self) -> HttpConnection:
        address = self._url.address
        with trio.move_on_after(self._silence):
            stream = await self._network.dial(address)
            return HttpConnection(stream, str(address), timeout=self._silence)
        raise SilentPeerError(f"no answer from {address} within {self._silence:g} s")

    def _conditions(self) -> Headers:
        if self._sink.size == 0 or self._sink.validator is None:
            return Headers()
        return Headers({"range": f"bytes={self._sink.size}-", "if-range": self._sink.validator})

    async def _take(self, response: IncomingResponse) -> bool:
        if response.status in _REDIRECTS:
            self._follow(response)
            return False
        if response.status in _PASSING:
            raise HttpError(f"the server answered {response.status}")
        if response.status == 416 and self._sink.size:
            self._sink.restart(None)
            return False
        if response.status == 206:
            total = self._continue(response)
        elif response.status == 200:
            total = response.length
            self._sink.restart(_validator(response.headers))
        else:
            raise DownloadError(f"{self._url}: the server answered {response.status}")
        self._note_first_byte(response.status)
        async for data in response:
            self._sink.write(data)
            if self._on_progress is not None:
                self._on_progress(self._sink.size, total)
        if total is not None and self._sink.size != total:
            raise HttpError(f"got {self._sink.size} of {total} bytes")
        return True

    def _continue(self, response: IncomingResponse) -> int | None:
        part = parse_content_range(response.headers.get("content-range") or "")
        if part is None or part[0].start != self._sink.size:
            self._sink.restart(None)
            raise HttpError("the server sent another part than was asked for")
        self._resumed += 1
        return part[1]

    def _follow(self, response: IncomingResponse) -> None:
        self._redirects += 1
        location = response.headers.get("location")
        if location is None or self._redirects > _MOST_REDIRECTS:
            raise DownloadError(f"{self._url}: redirected without end or aim")
        try:
            self._url = self._url.join(location)
        except ValueError as error:
            raise DownloadError(f"{self._url}: redirected out of http: {error}") from error

    def _note_first_byte(self, status: int) -> None:
        self._status = status
        if self._first_byte is None:
            self._first_byte = trio.current_time() - self._started
            self._trace("first_byte_received", url=str(self._url), seconds=self._first_byte)


def _validator(headers: Headers) -> str | None:
    """Return what If-Range may carry: a strong ETag, else the date (RFC 9110 13.1.5)."""
    etag = headers.get("etag")
    if etag is not None and not etag.startswith("W/"):
        return etag
    return headers.get("last-modified")
