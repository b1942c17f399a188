"""An edge between a client and an origin who both say exactly the bytes they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

from cdn.edge import Edge
from net.seam import Address, Connection
from tests.cdn.internet import Internet, Journal, wall
from wire.http.limits import Limits

Script = Callable[[Connection, bytes], Awaitable[None]]
"""What an origin does once it has read a request's head: it has the connection and the head."""


class RawStage:
    """An origin that follows a script for each connection, an edge, and clients."""

    def __init__(self, internet: Internet, edge: Edge, journal: Journal) -> None:
        self.internet = internet
        self.edge = edge
        self.journal = journal
        self.heads: list[bytes] = []
        self.scripts: list[Script] = []

    async def serve(self, connection: Connection) -> None:
        """Read one head, follow the next script (the last one again and again), and close."""
        async with connection:
            head = await read_head(connection)
            if not head:
                return
            self.heads.append(head)
            script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
            await script(connection, head)

    async def say(self, *pieces: bytes, leave: bool = True) -> bytes:
        """Send `pieces` as a client, then the end unless not to `leave`; return the answer."""
        stream = await self.internet.attach("client").dial(Address("edge", 80))
        async with stream:
            for piece in pieces:
                await stream.send_all(piece)
            if leave:
                await stream.send_eof()
            return await read_to_end(stream)

    async def get(self, path: str = "/a", *lines: str) -> bytes:
        """Ask once over a connection of its own; return the raw answer."""
        return await self.say(request(path, *lines, "Connection: close"), leave=False)


@asynccontextmanager
async def raw_stage(*scripts: Script, **options: Any) -> AsyncIterator[RawStage]:
    """Yield a running stage; `options` are the edge's."""
    internet, journal = Internet(), Journal()
    limits = Limits(linger=0)
    settings: dict[str, Any] = {"capacity": 1 << 20, "timeout": 5.0, **options}
    edge = Edge(
        internet.attach("edge"),
        Address("origin", 80),
        wall=wall,
        trace=journal,
        limits=limits,
        **settings,
    )
    stage = RawStage(internet, edge, journal)
    stage.scripts = list(scripts)
    async with trio.open_nursery() as nursery:
        origin = await internet.attach("origin").listen(80)
        nursery.start_soon(trio.serve_listeners, stage.serve, [origin])
        await nursery.start(edge.serve, await internet.attach("edge").listen(80))
        yield stage
        nursery.cancel_scope.cancel()


def request(path: str, *lines: str, method: str = "GET", body: bytes = b"") -> bytes:
    """Return a request as bytes."""
    head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: edge", *lines])
    return f"{head}\r\n\r\n".encode() + body


def answering(*pieces: bytes) -> Script:
    """Return the script that sends `pieces`, whatever was asked."""

    async def script(connection: Connection, _: bytes) -> None:
        for piece in pieces:
            await connection.send_all(piece)

    return script


def response(body: bytes, *lines: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """Return a response as bytes, that may be stored for a minute."""
    size = len(body) if length is None else length
    fields = ["Cache-Control: max-age=60", 'ETag: "1"', f"Content-Length: {size}", *lines]
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode() + body


async def read_head(stream: trio.abc.ReceiveStream) -> bytes:
    """Return bytes up to an empty line, or what there is when the other side leaves."""
    head = b""
    while b"\r\n\r\n" not in head:
        try:
            data = await stream.receive_some(1)
        except trio.BrokenResourceError:
            return b""
        if not data:
            return head
        head += data
    return head


async def read_to_end(stream: trio.abc.ReceiveStream) -> bytes:
    """Return all that comes until the stream ends or breaks."""
    whole = b""
    try:
        while data := await stream.receive_some(65536):
            whole += data
    except trio.BrokenResourceError:
        pass
    return whole
