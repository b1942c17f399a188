"""Downloads against servers that fail in every way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock

from cdn.client import Download, DownloadError, download
from cdn.sink import HashSink, MemorySink, Sink
from tests.cdn.internet import Internet, Journal

CONTENT = bytes(range(256)) * 8
DIGEST = hashlib.sha256(CONTENT).hexdigest()
Script = Callable[[bytes], bytes]


class Server:
    """Answers each connection's request by the next script, then closes."""

    def __init__(self, *scripts: Script) -> None:
        self.requests: list[bytes] = []
        self._scripts = list(scripts)
        self.internet = Internet()

    async def serve(self, *, task_status: trio.TaskStatus[None]) -> None:
        listener = await self.internet.attach("server").listen(80)
        task_status.started()
        while self._scripts:
            script = self._scripts.pop(0)
            stream = await listener.accept()
            head = bytes(await stream.receive_some(65536))
            self.requests.append(head)
            await stream.send_all(script(head))
            await stream.aclose()


def ok(body: bytes = CONTENT, *, cut: int | None = None, etag: str = '"v1"') -> Script:
    """Answer 200 with `body`, only the first `cut` bytes of it."""
    head = f"HTTP/1.1 200 OK\r\nETag: {etag}\r\nContent-Length: {len(body)}\r\n\r\n"
    return lambda _: head.encode() + body[:cut]


def part(start: int, *, cut: int | None = None, claim: int | None = None) -> Script:
    """Answer 206 from `start` on, up to byte `cut`; the head claims to begin at `claim`."""
    size = len(CONTENT)
    first = start if claim is None else claim
    head = (
        f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{size - 1}/{size}\r\n"
        f"Content-Length: {size - start}\r\n\r\n"
    )
    return lambda _: head.encode() + CONTENT[start:cut]


def status(code: int, *lines: str) -> Script:
    """Answer `code` without a body."""
    head = "\r\n".join([f"HTTP/1.1 {code} X", "Content-Length: 0", *lines, "", ""])
    return lambda _: head.encode()


async def fetch(
    server: Server,
    sink: Sink,
    *,
    url: str = "http://server/a",
    sha256: str | None = DIGEST,
    retries: int = 2,
    trace: Journal | None = None,
) -> Download:
    """Download from `server`."""
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve)
        try:
            return await download(
                server.internet.attach("client"),
                url,
                sink=sink,
                sha256=sha256,
                retries=retries,
                trace=trace or Journal(),
            )
        finally:
            nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_a_download_ends_with_a_summary() -> None:
    """Size, status, hash; every byte in the sink; three events."""
    sink, journal = MemorySink(10_000), Journal()
    done = await fetch(Server(ok()), sink, trace=journal)
    assert (done.status, done.bytes, done.resumed, done.sha256) == (200, 2048, 0, DIGEST)
    assert sink.content == CONTENT
    assert journal.names() == ["download_started", "first_byte_received", "download_completed"]


@pytest.mark.trio
async def test_a_break_is_resumed_where_it_happened(autojump_clock: MockClock) -> None:
    """The rest is asked for under the same validator, as often as it takes."""
    server = Server(ok(cut=1000), part(1000, cut=1500), part(1500))
    sink = MemorySink(10_000)
    done = await fetch(server, sink)
    assert (done.resumed, bytes(sink.content)) == (2, CONTENT)
    assert b'range: bytes=1000-\r\nif-range: "v1"' in server.requests[1].lower()
    assert b"range: bytes=1500-" in server.requests[2].lower()


@pytest.mark.trio
async def test_a_changed_object_is_fetched_anew(autojump_clock: MockClock) -> None:
    """If-Range failing means a 200 with the new version, from the start."""
    old = b"old" * 100
    sink = MemorySink(10_000)
    done = await fetch(Server(ok(old, cut=200, etag='"v0"'), ok()), sink)
    assert (done.resumed, bytes(sink.content)) == (0, CONTENT)


@pytest.mark.trio
@pytest.mark.parametrize("lie", [part(1000, claim=900), status(416), status(206)])
async def test_a_wrong_part_is_never_mixed_in(lie: Script, autojump_clock: MockClock) -> None:
    """A 206 of other bytes, or a 416, starts over."""
    sink = MemorySink(10_000)
    await fetch(Server(ok(cut=1000), lie, ok()), sink)
    assert sink.content == CONTENT


@pytest.mark.trio
async def test_without_a_strong_validator_a_break_starts_over(autojump_clock: MockClock) -> None:
    """Bytes of a version that cannot be named are not built upon."""
    server = Server(ok(cut=1000, etag='W/"v1"'), ok())
    await fetch(server, MemorySink(10_000))
    assert b"range:" not in server.requests[1].lower()


@pytest.mark.trio
async def test_redirects_are_followed() -> None:
    """Each of the four statuses, relative and absolute."""
    server = Server(
        status(301, "Location: b"),
        status(302, "Location: http://server:80/c?d"),
        status(307, "Location: /e"),
        status(308, "Location: /f"),
        ok(),
    )
    done = await fetch(server, HashSink())
    assert done.url == "http://server:80/f"
    assert [request.split()[1] for request in server.requests] == [
        *(b"/a", b"/b", b"/c?d", b"/e", b"/f")
    ]


@pytest.mark.trio
@pytest.mark.parametrize(
    ("scripts", "why"),
    [
        ([status(301, "Location: /a")] * 6, "redirected"),
        ([status(301)], "redirected"),
        ([status(302, "Location: https://server/")], "out of http"),
        ([status(404)], "404"),
        ([status(503)] * 3, "503"),
        ([ok(b"wrong")], "SHA-256"),
        ([lambda _: b"nonsense\r\n\r\n"] * 3, "gave up"),
        ([ok(b"a" * 20_000)], "exceeds"),
    ],
)
async def test_what_cannot_be_had_is_an_error(
    scripts: list[Script], why: str, autojump_clock: MockClock
) -> None:
    """Loops, refusals, lies and nonsense end with the reason, and nothing is committed."""
    with pytest.raises(ExceptionGroup) as caught:
        await fetch(Server(*scripts), MemorySink(10_000))
    assert caught.group_contains(DownloadError, match=why)


@pytest.mark.trio
async def test_passing_troubles_are_waited_out(autojump_clock: MockClock) -> None:
    """A server that recovers within the retries is no failure."""
    done = await fetch(Server(status(503), lambda _: b"", ok()), HashSink())
    assert done.sha256 == DIGEST


@pytest.mark.trio
async def test_an_unreachable_server_is_given_up(autojump_clock: MockClock) -> None:
    """Refused connections count as breaks."""
    network = Internet().attach("client")
    with pytest.raises(DownloadError, match="nobody listens"):
        await download(network, "http://nowhere/", sink=HashSink())


@pytest.mark.trio
async def test_progress_counts_up_to_the_total(autojump_clock: MockClock) -> None:
    """Every piece is reported, across a break, and the last report is the whole."""
    reports: list[tuple[int, int | None]] = []
    server = Server(ok(cut=1000), part(1000))
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve)
        await download(
            server.internet.attach("client"),
            "http://server/a",
            sink=HashSink(),
            on_progress=lambda held, total: reports.append((held, total)),
        )
    assert reports == sorted(reports)
    assert reports[-1] == (2048, 2048)


@pytest.mark.trio
async def test_after_a_break_the_next_url_is_asked(autojump_clock: MockClock) -> None:
    """What one server began another ends, under the same validator."""
    server = Server(ok(cut=1000), part(1000, cut=1500), part(1500))
    sink = MemorySink(10_000)
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve)
        done = await download(
            server.internet.attach("client"),
            "http://server/near",
            elsewhere=["http://server/far"],
            sink=sink,
            sha256=DIGEST,
        )
        nursery.cancel_scope.cancel()
    asked = [request.split(maxsplit=2)[1] for request in server.requests]
    assert (asked, done.resumed) == ([b"/near", b"/far", b"/near"], 2)


@pytest.mark.trio
async def test_after_a_break_the_redirect_is_asked_for_again(autojump_clock: MockClock) -> None:
    """A redirect holds for one attempt: whom it named may be what broke."""
    led = status(302, "Location: /edge")
    server = Server(led, ok(cut=1000), led, part(1000))
    await fetch(server, MemorySink(10_000), url="http://server/object")
    asked = [request.split(maxsplit=2)[1] for request in server.requests]
    assert asked == [b"/object", b"/edge", b"/object", b"/edge"]
