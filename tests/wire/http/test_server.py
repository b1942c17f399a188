"""The server loop, fed raw bytes over memory streams."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, lockstep_stream_pair, memory_stream_pair

from wire.http.headers import Headers
from wire.http.limits import Limits
from wire.http.message import Request, Response, read_all
from wire.http.server import Handler, serve_connection

Stream = trio.abc.HalfCloseableStream


async def hello(request: Request) -> Response:
    """Answer with the path."""
    return Response(200, Headers({"content-type": "text/plain"}), request.target.path.encode())


async def echo(request: Request) -> Response:
    """Answer with the request's body."""
    return Response(200, body=await read_all(request.body, 1 << 20))


class Exchange:
    """A server on one end of a memory stream, and what it said on the other."""

    def __init__(self, handler: Handler = hello, limits: Limits = Limits()) -> None:  # noqa: B008
        self.errors: list[Exception] = []
        self._handler = handler
        self._limits = limits

    async def serve(self, stream: Stream) -> None:
        """Serve `stream`."""
        await serve_connection(
            stream,
            self._handler,
            wall=lambda: 784111777.0,
            on_error=self.errors.append,
            limits=self._limits,
        )

    async def say(self, *pieces: bytes) -> bytes:
        """Send `pieces`, then the end; return everything the server answers."""
        client, server = memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.serve, server)
            for piece in pieces:
                await client.send_all(piece)
                await trio.testing.wait_all_tasks_blocked()
            await client.send_eof()
            return await read_to_end(client)


async def read_to_end(stream: Stream) -> bytes:
    """Return all that arrives until the stream ends or breaks."""
    whole = bytearray()
    try:
        while data := await stream.receive_some(65536):
            whole += data
    except trio.BrokenResourceError:
        pass
    return bytes(whole)


def statuses(answer: bytes) -> list[int]:
    """Return the status of each response in `answer`."""
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def get(path: str = "/", *lines: str, version: str = "1.1") -> bytes:
    """Return a GET request."""
    return "\r\n".join([f"GET {path} HTTP/{version}", "Host: x", *lines, "", ""]).encode()


@pytest.mark.trio
async def test_a_request_is_answered_with_length_and_date() -> None:
    """The loop adds what the handler need not know: length, date, reason."""
    assert await Exchange().say(get("/a")) == (
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n"
        b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n/a"
    )


@pytest.mark.trio
async def test_requests_may_arrive_byte_by_byte() -> None:
    """Framing does not depend on how the bytes are cut."""
    whole = get("/a")
    answer = await Exchange().say(*(whole[at : at + 1] for at in range(len(whole))))
    assert answer.endswith(b"\r\n\r\n/a")


@pytest.mark.trio
async def test_pipelined_requests_are_answered_in_order() -> None:
    """Three requests in one segment get three answers."""
    answer = await Exchange().say(get("/1") + get("/2") + get("/3"))
    assert re.findall(rb"\r\n\r\n(/\d)", answer) == [b"/1", b"/2", b"/3"]


@pytest.mark.trio
@pytest.mark.parametrize("request_", [get("/", "Connection: close"), get(version="1.0")])
async def test_the_connection_closes_when_asked(request_: bytes) -> None:
    """After "close", or for HTTP/1.0, a second request is not read."""
    answer = await Exchange().say(request_ + get("/2"))
    assert statuses(answer) == [200]
    assert b"connection: close" in answer.lower()


@pytest.mark.trio
async def test_head_gets_the_length_but_no_body() -> None:
    """HEAD is GET without the body, and the connection goes on."""
    answer = await Exchange().say(b"HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n" + get("/2"))
    first, _, rest = answer.partition(b"\r\n\r\n")
    assert b"content-length: 4" in first
    assert rest.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.trio
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nx : y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\nx: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nx: y\r\n z\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nx: y\rz: 1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00 hello\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n", 413),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 101 + b"\r\n", 431),
    ],
)
async def test_bad_requests_are_refused_and_the_connection_closed(raw: bytes, status: int) -> None:
    """Each fault has its status; nothing after it is read."""
    exchange = Exchange()
    answer = await exchange.say(raw + get("/2"))
    assert statuses(answer) == [status]
    assert b"connection: close" in answer.lower()
    assert exchange.errors == []


@pytest.mark.trio
async def test_an_endless_head_is_cut_off() -> None:
    """A head that never ends is refused once it exceeds the limit, not stored."""
    answer = await Exchange().say(b"GET / HTTP/1.1\r\n", b"x: y\r\n" * 4000)
    assert statuses(answer) == [431]


@pytest.mark.trio
async def test_bodies_arrive_by_length_and_in_chunks() -> None:
    """Both framings of a request's body reach the handler."""
    answer = await Exchange(echo).say(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"2\r\nde\r\n1\r\nf\r\n0\r\n\r\n",
    )
    assert re.findall(rb"\r\n\r\n(\w{3})", answer) == [b"abc", b"def"]


@pytest.mark.trio
async def test_a_chunked_body_is_bounded_too() -> None:
    """A body without a length is refused as soon as it is too long."""
    answer = await Exchange(echo, Limits(body=4)).say(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"
    )
    assert statuses(answer) == [413]


@pytest.mark.trio
async def test_a_body_cut_short_is_the_clients_fault() -> None:
    """The handler's read fails; that is not traced as an error of ours."""
    exchange = Exchange(echo)
    answer = await exchange.say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
    assert (statuses(answer), exchange.errors) == ([400], [])


EXPECTING = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"


@pytest.mark.trio
async def test_continue_is_sent_when_the_handler_reads() -> None:
    """A client that waits for permission gets it with the first read."""
    answer = await Exchange(echo).say(EXPECTING, b"abc")
    assert statuses(answer) == [100, 200]


@pytest.mark.trio
async def test_continue_is_not_sent_when_the_handler_does_not_read() -> None:
    """A client that waits is answered at once, and the connection ends."""
    answer = await Exchange(hello).say(EXPECTING)
    assert statuses(answer) == [200]


@pytest.mark.trio
async def test_an_unread_small_body_is_skipped() -> None:
    """What the handler leaves is drained, so that the next request is understood."""
    raw = b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + get("/2")
    assert statuses(await Exchange(hello).say(raw)) == [200, 200]


@pytest.mark.trio
@pytest.mark.parametrize("line", ["Upgrade: h2c\r\nConnection: upgrade", "X: y"])
async def test_upgrades_are_declined_by_answering(line: str) -> None:
    """An offer to switch protocols is ignored."""
    assert statuses(await Exchange().say(get("/", line) + get("/2"))) == [200, 200]


class Mirror:
    """A tunnel to nowhere that says back what it hears, and remembers being closed."""

    def __init__(self) -> None:
        self.closed = False

    async def carry(self, client: Stream, early: bytes) -> None:
        await client.send_all(early)
        while data := await client.receive_some(100):
            await client.send_all(data)

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.trio
async def test_connect_hands_the_connection_over() -> None:
    """The answer has neither length nor body; what follows the request is the tunnel's."""
    mirror = Mirror()

    async def connect(request: Request) -> Response:
        assert request.target.authority == "host:443"
        return Response(200, tunnel=mirror)

    head = b"CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n\r\n"
    answer = await Exchange(connect).say(head + b"early ", b"late")
    assert re.fullmatch(rb"HTTP/1\.1 200 OK\r\ndate: [^\r]*\r\n\r\nearly late", answer)
    assert mirror.closed


@pytest.mark.trio
async def test_connect_may_be_declined() -> None:
    """A refusal leaves the connection in HTTP; a body is refused."""

    async def refuse(_: Request) -> Response:
        return Response(403)

    head = b"CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n"
    assert statuses(await Exchange(refuse).say(head + b"\r\n", get())) == [403, 403]
    assert statuses(await Exchange().say(head + b"Content-Length: 3\r\n\r\nabc")) == [400]


@pytest.mark.trio
async def test_a_failing_handler_costs_500_and_the_connection() -> None:
    """The client learns that we failed; the reason goes to the trace, not to the client."""

    async def fail(_: Request) -> Response:
        raise ZeroDivisionError("secret")

    exchange = Exchange(fail)
    answer = await exchange.say(get() + get("/2"))
    assert statuses(answer) == [500]
    assert b"secret" not in answer
    assert [type(error) for error in exchange.errors] == [ZeroDivisionError]


@pytest.mark.trio
@pytest.mark.parametrize("headers", [{"x": "a\r\nb: c"}, {"x": "\u20ac"}])
async def test_a_response_that_cannot_be_sent_is_an_error_of_ours(headers: dict[str, str]) -> None:
    """Field values that would split the response never reach the wire."""

    async def split(_: Request) -> Response:
        return Response(200, Headers(headers))

    exchange = Exchange(split)
    assert await exchange.say(get()) == b""
    assert len(exchange.errors) == 1


class Pieces:
    """A streamed body that notes whether it was closed."""

    def __init__(self, *pieces: bytes, fails: bool = False) -> None:
        self.closed = 0
        self._pieces = list(pieces)
        self._fails = fails

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        if self._pieces:
            return self._pieces.pop(0)
        if self._fails:
            raise OSError("disk gone")
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed += 1


def streaming(body: Pieces, length: int | None) -> Handler:
    """Return a handler that answers with `body`."""

    async def handler(_: Request) -> Response:
        return Response(200, body=body, length=length)

    return handler


@pytest.mark.trio
@pytest.mark.parametrize(
    ("length", "version", "end"),
    [
        (5, "1.1", b"\r\n\r\nabcde"),
        (None, "1.1", b"\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
        (None, "1.0", b"\r\n\r\nabcde"),
    ],
)
async def test_streams_are_framed_by_length_chunks_or_close(
    length: int | None, version: str, end: bytes
) -> None:
    """A known length is sent as such, an unknown one in chunks, to HTTP/1.0 by closing."""
    body = Pieces(b"abc", b"", b"de")
    answer = await Exchange(streaming(body, length)).say(get(version=version))
    assert answer.endswith(end)
    assert body.closed == 1


@pytest.mark.trio
async def test_a_stream_is_closed_even_if_never_read() -> None:
    """HEAD does not read the body but lets go of it."""
    body = Pieces(b"abc")
    answer = await Exchange(streaming(body, 3)).say(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert body.closed == 1


@pytest.mark.trio
@pytest.mark.parametrize(("fails", "length"), [(True, 9), (True, None), (False, 9)])
async def test_a_stream_that_breaks_never_looks_whole(*, fails: bool, length: int | None) -> None:
    """A body that fails or falls short ends without its terminator."""
    exchange = Exchange(streaming(Pieces(b"abc", fails=fails), length))
    answer = await exchange.say(get() + get("/2"))
    assert statuses(answer) == [200]
    assert not answer.endswith(b"0\r\n\r\n")
    assert len(exchange.errors) == 1


@pytest.mark.trio
async def test_an_async_generator_is_a_body() -> None:
    """Handlers may simply yield."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"

    async def handler(_: Request) -> Response:
        return Response(200, body=pieces(), length=3)  # type: ignore[arg-type]  # a generator has aclose; AsyncIterator does not say so

    assert (await Exchange(handler).say(get())).endswith(b"abc")


@pytest.mark.trio
async def test_an_idle_connection_is_closed_quietly(autojump_clock: MockClock) -> None:
    """A client that asks nothing is not told anything."""
    client, server = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Exchange(limits=Limits(idle=5)).serve, server)
        assert await read_to_end(client) == b""
    assert trio.current_time() == pytest.approx(5, abs=0.01)


@pytest.mark.trio
async def test_a_slow_head_is_timed_out(autojump_clock: MockClock) -> None:
    """A head that trickles in gets 408 at its deadline, however regularly it trickles."""
    client, server = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Exchange(limits=Limits(head_time=10)).serve, server)

        async def trickle() -> None:
            for byte in get("/" + "a" * 50):
                await client.send_all(bytes([byte]))
                await trio.sleep(1)

        nursery.start_soon(trickle)
        answer = await read_to_end(client)
        assert statuses(answer) == [408]
        assert 10 <= trio.current_time() <= 12
        nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_a_stalled_body_is_timed_out(autojump_clock: MockClock) -> None:
    """A body that stops arriving gets 408."""
    client, server = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Exchange(echo).serve, server)
        await client.send_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
        assert statuses(await read_to_end(client)) == [408]


@pytest.mark.trio
async def test_a_trickling_body_is_timed_out(autojump_clock: MockClock) -> None:
    """A byte now and then does not hold a connection for ever; a steady slow body is served."""
    for pause, size, status in ((9.0, 1, 408), (0.5, 1000, 200)):
        client, server = memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Exchange(echo).serve, server)
            await client.send_all(
                b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                % (100 * size)
            )
            for _ in range(100):
                with suppress(trio.BrokenResourceError):
                    await client.send_all(b"a" * size)
                await trio.sleep(pause)
            assert statuses(await read_to_end(client)) == [status]


@pytest.mark.trio
async def test_a_client_that_stops_reading_is_dropped(autojump_clock: MockClock) -> None:
    """A send that makes no way ends the connection, without an error of ours."""
    client, server = lockstep_stream_pair()
    exchange = Exchange(limits=Limits(stall=5))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(exchange.serve, server)
        await client.send_all(get())
    assert 5 <= trio.current_time() < 6
    assert exchange.errors == []


@pytest.mark.trio
async def test_a_client_that_leaves_is_no_error() -> None:
    """Closing in the middle of a response ends that connection and nothing else."""
    client, server = lockstep_stream_pair()
    body = Pieces(b"a" * 1000, b"b" * 1000)
    exchange = Exchange(streaming(body, 2000))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(exchange.serve, server)
        await client.send_all(get())
        await client.receive_some(10)
        await client.aclose()
    assert (exchange.errors, body.closed) == ([], 1)


@settings(max_examples=200)
@given(noise=st.binary(max_size=200), valid_start=st.booleans())
def test_random_bytes_raise_nothing(noise: bytes, *, valid_start: bool) -> None:
    """Whatever arrives, the loop answers with errors of the client's or not at all."""
    exchange = Exchange(echo)
    raw = b"POST / HTTP/1.1\r\nHost: a\r\n" * valid_start + noise + b"\r\n\r\n"
    trio.run(exchange.say, raw, clock=MockClock(autojump_threshold=0))
    assert exchange.errors == []
