"""The client connection against scripted servers and the real server loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from wire.http.client import HttpConnection
from wire.http.errors import (
    DisconnectedError,
    HttpError,
    SilentPeerError,
    TooLargeError,
    TruncatedError,
)
from wire.http.headers import Headers
from wire.http.message import Request, Response, read_all
from wire.http.server import serve_connection


def scripted(answer: bytes, *, ends: bool = True) -> HttpConnection:
    """Return a connection to a server that says `answer` whatever it is asked."""
    client, _ = memory_stream_pair()
    client.receive_stream.put_data(answer)
    if ends:
        client.receive_stream.put_eof()
    return HttpConnection(client, "server")


@asynccontextmanager
async def connected() -> AsyncIterator[HttpConnection]:
    """Yield a connection to the real server loop, echoing method, path, Host and body."""

    async def handler(request: Request) -> Response:
        body = await read_all(request.body, 1 << 20)
        line = f"{request.method} {request.target.path} {request.headers.get('host')} "
        return Response(200, Headers({"x-n": str(len(body))}), line.encode() + body)

    client, server = memory_stream_pair()
    errors: list[Exception] = []
    async with trio.open_nursery() as nursery:

        async def serve() -> None:
            await serve_connection(server, handler, wall=lambda: 0.0, on_error=errors.append)

        nursery.start_soon(serve)
        connection = HttpConnection(client, "server:80")
        yield connection
        await connection.aclose()
    assert errors == []


@pytest.mark.trio
async def test_one_connection_carries_many_requests() -> None:
    """After a body is read, the connection is free again."""
    async with connected() as connection:
        for path in ("/1", "/2"):
            assert connection.reusable
            async with connection.request("GET", path) as response:
                assert not connection.reusable
                assert await response.read(100) == f"GET {path} server:80 ".encode()
        assert connection.reusable


class Halves:
    """A request's body in two pieces."""

    def __init__(self) -> None:
        self._pieces = [b"abc", b"def"]

    def __aiter__(self) -> Halves:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop(0)

    async def aclose(self) -> None:
        self._pieces.clear()


@pytest.mark.trio
@pytest.mark.parametrize("length", [6, None])
async def test_bodies_are_sent_whole_or_streamed(length: int | None) -> None:
    """A buffer, a stream of known length and one of unknown length arrive alike."""
    async with connected() as connection:
        async with connection.request("PUT", "/a", body=b"abcdef") as response:
            assert (await response.read(100)).endswith(b" abcdef")
        async with connection.request("PUT", "/a", body=Halves(), length=length) as response:
            assert (await response.read(100)).endswith(b" abcdef")
        async with connection.request("PUT", "/a") as response:
            assert response.headers.get("x-n") == "0"


@pytest.mark.trio
async def test_a_head_response_leaves_the_connection_usable() -> None:
    """HEAD's length announces no body to wait for."""
    async with connected() as connection:
        async with connection.request("HEAD", "/a") as response:
            assert response.length == len("HEAD /a server:80 ")
        assert connection.reusable


@pytest.mark.trio
async def test_an_unread_body_costs_the_connection() -> None:
    """Leaving before the end closes rather than reads on."""
    connection = scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", ends=False)
    async with connection.request("GET", "/"):
        pass
    assert not connection.reusable
    with pytest.raises(RuntimeError):
        await connection.send("GET", "/")


@pytest.mark.trio
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\n\r\nab",
    ],
)
async def test_a_server_that_closes_is_not_asked_again(answer: bytes) -> None:
    """Close, HTTP/1.0 and bodies that end with the connection make it single-use."""
    connection = scripted(answer)
    async with connection.request("GET", "/") as response:
        assert await response.read(2) == b"ab"
    assert not connection.reusable


@pytest.mark.trio
async def test_interim_responses_are_passed_over() -> None:
    """The final response counts, whatever 1xx came before."""
    connection = scripted(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        b"HTTP/1.1 204 No Content\r\n\r\n"
    )
    async with connection.request("GET", "/") as response:
        assert response.status == 204
    assert connection.reusable


@pytest.mark.trio
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", DisconnectedError),
        (b"HTTP/1.1 200 OK\r\nConte", DisconnectedError),
        (b"SSH-2.0-OpenSSH\r\n\r\n", HttpError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", HttpError),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, HttpError),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000, HttpError),
    ],
)
async def test_bad_heads_have_names(answer: bytes, error: type[HttpError]) -> None:
    """Nothing at all, nonsense, endless interims and endless heads are errors."""
    connection = scripted(answer)
    with pytest.raises(error):
        await connection.send("GET", "/")
    assert not connection.reusable


@pytest.mark.trio
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    ],
)
async def test_a_body_cut_short_is_not_whole(answer: bytes) -> None:
    """Early ends are told apart from the end."""
    async with scripted(answer).request("GET", "/") as response:
        with pytest.raises(TruncatedError):
            await response.read(100)


@pytest.mark.trio
async def test_a_body_is_read_only_up_to_a_limit() -> None:
    """A caller's limit holds whatever the server sends."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde"
    async with scripted(answer).request("GET", "/") as response:
        with pytest.raises(TooLargeError):
            await response.read(4)


@pytest.mark.trio
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"])
async def test_silence_is_bounded(answer: bytes, autojump_clock: MockClock) -> None:
    """A server that says nothing more, before or within a body, is given up."""
    connection = scripted(answer, ends=False)
    with pytest.raises(SilentPeerError):
        async with connection.request("GET", "/") as response:
            await response.read(100)
    assert trio.current_time() == pytest.approx(60, abs=0.1)
