"""The player's HTTP source: what it asks, what it tries again, and what it gives up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from cdn.player.http_source import HttpSource
from cdn.player.source import Fetched, SourceError, Wanted
from cdn.serving import serve_http
from net.seam import Address
from tests.cdn.internet import Internet, Journal, wall
from wire.http.headers import Headers
from wire.http.limits import Limits
from wire.http.message import Request, Response

Answer = Callable[[Request], Response]
BODY = bytes(range(250)) * 4


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[Internet, HttpSource, list[Request]]]:
    """Yield a source before servers `origin` and `edge` that both give `answer`."""
    internet, asked = Internet(), list[Request]()

    async def noted(request: Request, _remote: Address) -> Response:
        asked.append(request)
        return answer(request)

    async with trio.open_nursery() as nursery:
        for host in ("origin", "edge"):
            listener = await internet.attach(host).listen(80)

            async def serve(
                listener: object = listener, *, task_status: trio.TaskStatus[Address]
            ) -> None:
                await serve_http(
                    listener, noted, wall=wall, trace=Journal(), limits=Limits(linger=0),  # type: ignore[arg-type] # bound above
                    task_status=task_status,
                )  # fmt: skip

            await nursery.start(serve)
        source = HttpSource(internet.attach("viewer"), silence=5.0)
        yield internet, source, asked
        await source.aclose()
        nursery.cancel_scope.cancel()


def plain(fields: dict[str, str] | None = None) -> Answer:
    """Return the answer that is always the body."""
    return lambda _request: Response(200, Headers(fields or {}), BODY)


def wanted(url: str = "http://origin/a/1.m4s", **more: tuple[int, int]) -> Wanted:
    """Return a wish for a segment."""
    return Wanted(url, 1, 0, **more)  # type: ignore[arg-type] # only byte_range


@pytest.mark.trio
async def test_a_segment_is_counted_as_it_comes() -> None:
    """The whole of it, who sent it, and whether it was a hit."""
    heard: list[int] = []
    async with serving(plain({"cache-status": '"edge"; hit'})) as (internet, source, asked):
        for _ in range(3):
            fetched = await source.fetch(wanted(), heard.append)
    assert fetched == Fetched(1000, "origin:80", hit=True)
    assert heard[-1] == 1000
    assert [request.target.path for request in asked] == ["/a/1.m4s"] * 3
    assert len(internet.dialled) == 1


@pytest.mark.trio
async def test_a_playlist_is_text_and_where_it_was_found() -> None:
    """A redirect leads on, and what the playlist names is relative to its end."""

    def answer(request: Request) -> Response:
        if request.target.path == "/old.m3u8":
            return Response(302, Headers({"location": "http://edge/x/new.m3u8"}), b"moved")
        return Response(200, Headers(), b"#EXTM3U\n")

    async with serving(answer) as (_, source, _asked):
        assert await source.playlist("http://origin/old.m3u8") == (
            "#EXTM3U\n", "http://edge:80/x/new.m3u8",
        )  # fmt: skip


@pytest.mark.trio
async def test_a_byte_range_is_asked_for_as_one() -> None:
    """Its length and offset become first and last byte; a whole answer is none."""

    def answer(request: Request) -> Response:
        assert request.headers.get("range") == "bytes=100-149"
        fields = Headers({"content-range": "bytes 100-149/1000"})
        return Response(206, fields, BODY[100:150])

    async with serving(answer) as (_, source, _asked):
        fetched = await source.fetch(wanted(byte_range=(50, 100)), lambda _size: None)
        assert fetched.bytes == 50
    async with serving(plain()) as (_, source, _asked):
        with pytest.raises(SourceError, match="answered 200"):
            await source.fetch(wanted(byte_range=(50, 100)), lambda _size: None)


@pytest.mark.trio
async def test_what_may_pass_is_tried_again(autojump_clock: trio.testing.MockClock) -> None:
    """Twice 503, then the segment."""
    answers = [503, 503, 200]

    def answer(_request: Request) -> Response:
        return Response(answers.pop(0), Headers(), BODY)

    async with serving(answer) as (_, source, asked):
        assert (await source.fetch(wanted(), lambda _size: None)).bytes == 1000
    assert len(asked) == 3


@pytest.mark.trio
@pytest.mark.parametrize(
    ("status", "fields", "words", "requests"),
    [
        (404, {}, "answered 404", 1),
        (500, {}, "gave up: the server answered 500", 5),
        (302, {"location": "/a/1.m4s"}, "more than 5 times", 6),
        (302, {"location": "ftp://x/"}, "out of http", 1),
    ],
)
async def test_what_will_not_pass_is_given_up(
    status: int,
    fields: dict[str, str],
    words: str,
    requests: int,
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The reason names the URL and the answer."""
    answer: Answer = lambda _request: Response(status, Headers(fields), b"")  # noqa: E731
    async with serving(answer) as (_, source, asked):
        with pytest.raises(SourceError, match=words) as caught:
            await source.fetch(wanted(), lambda _size: None)
    assert "http://origin" in str(caught.value)
    assert len(asked) == requests


@pytest.mark.trio
async def test_nobody_there_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    """A refused dial is tried a few times."""
    source = HttpSource(Internet().attach("viewer"))
    with pytest.raises(SourceError, match="gave up: nobody listens"):
        await source.playlist("http://origin/a.m3u8")
    with pytest.raises(SourceError, match="not an http"):
        await source.playlist("file:///etc/passwd")


@pytest.mark.trio
async def test_a_fetch_that_is_cancelled_lets_go_of_the_connection() -> None:
    """The next fetch dials anew: what was under way must not be read to its end."""
    gate = trio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield BODY[:10]
        await gate.wait()
        yield BODY[10:]

    def answer(request: Request) -> Response:
        if request.target.path == "/slow":
            return Response(200, Headers(), slow())  # type: ignore[arg-type] # a stream
        return Response(200, Headers(), BODY)

    async with serving(answer) as (internet, source, _asked):
        heard: list[int] = []
        with trio.CancelScope() as scope:

            def hear(size: int) -> None:
                heard.append(size)
                scope.cancel()

            await source.fetch(wanted("http://origin/slow"), hear)
        assert scope.cancelled_caught
        assert heard == [10]
        assert (await source.fetch(wanted(), lambda _size: None)).bytes == 1000
        assert len(internet.dialled) == 2
