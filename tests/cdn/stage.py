"""An edge between clients and an origin that counts what it is asked: what the tests play on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import trio

from cdn.edge import Edge
from cdn.serving import serve_http
from net.seam import Address
from tests.cdn.internet import Internet, Journal, wall
from wire.http.client import HttpConnection
from wire.http.headers import Headers
from wire.http.limits import Limits
from wire.http.message import Buffer, Request, Response, Stream
from wire.http.ranges import UnsatisfiableError, parse_range

CONTENT = bytes(range(256)) * 16
FOREVER = {"cache-control": "max-age=60"}
Answer = Callable[[Request], Awaitable[Response]]


class Gate:
    """A body that arrives when the test says so.

    `send` hands over a piece, `end` ends it, `cut` breaks it off.
    """

    def __init__(self) -> None:
        self._in, self._out = trio.open_memory_channel[bytes | None](100)

    def send(self, piece: bytes) -> None:
        """Let `piece` through."""
        self._in.send_nowait(piece)

    def end(self) -> None:
        """Let the end through."""
        self._in.close()

    def cut(self) -> None:
        """Break off."""
        self._in.send_nowait(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Buffer:
        try:
            piece = await self._out.receive()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None
        if piece is None:
            raise OSError("cut")
        return piece

    async def aclose(self) -> None:
        self._out.close()


class Origin:
    """An origin with one answer, which remembers every request."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[Request] = []
        self._answer = answer

    async def answer(self, request: Request, remote: Address) -> Response:
        """Note the request and answer it."""
        self.requests.append(request)
        return await self._answer(request)


def fixed(fields: dict[str, str] | None = None, body: bytes = CONTENT, status: int = 200) -> Answer:
    """Return the answer that is always the same, and 304 where its tag matches."""
    headers = Headers({"etag": '"v1"', "cache-control": "max-age=60", **(fields or {})})

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == headers.get("etag"):
            return Response(304, headers)
        return Response(status, headers, body)

    return answer


def in_turn(*answers: Response | None) -> Answer:
    """Return an origin's answers one after the other, the last for good; None hangs up."""
    left = list(answers)

    async def answer(_: Request) -> Response:
        response = left.pop(0) if len(left) > 1 else left[0]
        if response is None:
            raise trio.BrokenResourceError("the origin hung up")
        return response

    return answer


def fresh(body: Buffer | Stream = CONTENT, status: int = 200, **fields: str) -> Response:
    """Return a response that is fresh for a minute unless `fields` say otherwise."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return Response(status, Headers({**FOREVER, **named}), body)


def ranged(content: bytes, etag: str = '"v1"') -> Answer:
    """Return an origin that serves ranges of `content`."""

    async def answer(request: Request) -> Response:
        fields = Headers({**FOREVER, "etag": etag})
        if request.headers.get("if-none-match") == etag:
            return Response(304, fields)
        asked = request.headers.get("range")
        try:
            span = parse_range(asked, len(content)) if asked else None
        except UnsatisfiableError:
            return Response(416, Headers({"content-range": f"bytes */{len(content)}"}))
        if span is None:
            return Response(200, fields, content)
        told = fields.replace({"content-range": span.content_range(len(content))})
        return Response(206, told, content[span.start : span.stop])

    return answer


class Stage:
    """An origin, an edge before it, and clients."""

    def __init__(self, internet: Internet, origin: Origin, edge: Edge, journal: Journal) -> None:
        self.internet = internet
        self.origin = origin
        self.edge = edge
        self.journal = journal
        self.address: Address

    async def connect(self) -> HttpConnection:
        """Return a client's connection to the edge."""
        return HttpConnection(await self.internet.attach("client").dial(self.address), "edge")

    async def get(
        self, path: str = "/a", method: str = "GET", **fields: str
    ) -> tuple[int, Headers, bytes]:
        """Ask the edge once."""
        headers = Headers({name.replace("_", "-"): value for name, value in fields.items()})
        connection = await self.connect()
        async with connection.request(method, path, headers=headers) as response:
            return response.status, response.headers, await response.read(1 << 24)


@asynccontextmanager
async def staged(
    answer: Answer | None = None,
    *,
    capacity: int = 1 << 20,
    lockstep: bool = False,
    **options: Any,
) -> AsyncIterator[Stage]:
    """Yield a running stage; without an `answer` the origin is down. `options` are the edge's."""
    internet, journal = Internet(lockstep=lockstep), Journal()
    origin = Origin(answer or fixed())
    at = Address("origin", 80)
    edge = Edge(
        internet.attach("edge"),
        at,
        capacity=capacity,
        wall=wall,
        trace=journal,
        limits=Limits(linger=0),
        **options,
    )
    stage = Stage(internet, origin, edge, journal)
    async with trio.open_nursery() as nursery:

        async def serve_origin(*, task_status: trio.TaskStatus[Address]) -> None:
            listener = await internet.attach("origin").listen(80)
            await serve_http(
                listener, origin.answer, wall=wall, trace=Journal(), task_status=task_status
            )

        if answer is not None:
            await nursery.start(serve_origin)
        stage.address = await nursery.start(edge.serve, await internet.attach("edge").listen(80))
        yield stage
        nursery.cancel_scope.cancel()


def status_of(headers: Headers) -> str:
    """Return the edge's member of Cache-Status, without what every answer says: ttl and key."""
    said = (headers.get("cache-status") or "").removeprefix('"edge"; ')
    return re.sub(r'; (ttl=-?\d+|key="[^"]*")', "", said)
