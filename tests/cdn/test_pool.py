"""Connections to one server, used again where that is safe."""

from __future__ import annotations

import pytest
import trio

from cdn.pool import GatewayError, Pool
from net.seam import Address
from tests.cdn.internet import Internet
from tests.cdn.raw import read_head
from wire.http.errors import HttpError

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def ask(pool: Pool, method: str) -> int:
    """Ask once; return the status."""
    response = await pool.send(method, "/")
    try:
        async for _ in response:
            pass
    finally:
        await response.aclose()
    return response.status


@pytest.mark.trio
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
async def test_a_connection_the_server_has_left_costs_no_request(method: str) -> None:
    """What may not be repeated goes over a connection that is new, or known to be there."""
    internet = Internet()
    door = await internet.attach("server").listen(80)

    async def answer(connection: trio.abc.HalfCloseableStream) -> None:
        async with connection:
            await read_head(connection)
            await connection.send_all(ANSWER)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, answer, [door])
        pool = Pool(internet.attach("client"), Address("server", 80))
        assert await ask(pool, "GET") == 200
        await trio.testing.wait_all_tasks_blocked()
        assert await ask(pool, method) == 200
        assert pool.unused
        await pool.aclose()
        nursery.cancel_scope.cancel()


@pytest.mark.trio
@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 2000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
    ],
    ids=["nothing", "nonsense", "2000 fields", "half a body"],
)
async def test_every_failure_gives_its_place_back(said: bytes) -> None:
    """With one place, the next request would wait for ever."""
    internet = Internet()
    door = await internet.attach("server").listen(80)

    async def answer(connection: trio.abc.HalfCloseableStream) -> None:
        async with connection:
            await read_head(connection)
            await connection.send_all(said)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, answer, [door])
        pool = Pool(internet.attach("client"), Address("server", 80), size=1)
        for _ in range(3):
            with pytest.raises((GatewayError, HttpError)):
                await ask(pool, "GET")
        assert pool.unused
        nursery.cancel_scope.cancel()
