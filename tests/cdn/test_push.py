"""Push: objects placed in edges before demand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from cdn.edge import Edge
from cdn.push import Pushed, PushError, push
from cdn.site import MemoryResource, MemorySite
from net.seam import Address
from tests.cdn.internet import Internet, Journal, wall
from wire.http.client import HttpConnection
from wire.http.headers import Headers

CONTENT = bytes(range(256)) * 1000
SITE = MemorySite({"/a": MemoryResource.of("/a", CONTENT), "/b": MemoryResource.of("/b", b"b")})


class Placed:
    """Two edges with their doors, and no origin listening."""

    def __init__(self, internet: Internet) -> None:
        self.internet = internet
        self.journal = Journal()
        self.doors: list[Address] = []
        self.clients: list[Address] = []

    async def put(self, host: str, path: str, body: bytes, **fields: str) -> int:
        """PUT from `host` to the first edge; return the status."""
        connection = HttpConnection(await self.internet.attach(host).dial(self.doors[0]), "edge")
        headers = Headers({name.replace("_", "-"): value for name, value in fields.items()})
        async with connection.request("PUT", path, headers=headers, body=body) as response:
            await response.read(1000)
            return response.status


@asynccontextmanager
async def placed(capacity: int = 1 << 20) -> AsyncIterator[Placed]:
    """Yield two running edges."""
    stage = Placed(Internet())
    async with trio.open_nursery() as nursery:
        for name in ("edge-1", "edge-2"):
            host = stage.internet.attach(name)
            edge = Edge(
                host, Address("origin", 80), capacity=capacity, wall=wall, trace=stage.journal
            )
            stage.clients.append(await nursery.start(edge.serve, await host.listen(80)))
            stage.doors.append(await nursery.start(edge.serve_placement, await host.listen(81)))
        yield stage
        nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_pushed_objects_are_hits_without_an_origin() -> None:
    """Every edge answers from what was placed, with the origin's fields."""
    async with placed() as stage:
        origin = stage.internet.attach("origin")
        done = await push(origin, SITE, ["/a", "/b"], stage.doors)
        assert done == Pushed(4, 2 * (len(CONTENT) + 1), done.seconds)
        for address in stage.clients:
            client = await stage.internet.attach("client").dial(address)
            async with HttpConnection(client, "edge").request("GET", "/a") as response:
                assert await response.read(1 << 20) == CONTENT
                status = response.headers.get("cache-status") or ""
                assert status.startswith(f'"{address.host}"; hit; ')
                assert response.headers.get("etag") == SITE.resources["/a"].etag
        assert stage.journal.count("object_pushed") == 4


@pytest.mark.trio
@pytest.mark.parametrize(
    ("host", "status"), [("origin", 201), ("edge-1", 201), ("127.0.0.9", 201), ("stranger", 403)]
)
async def test_only_the_origin_and_this_machine_may_place(host: str, status: int) -> None:
    """A stranger's objects are refused."""
    async with placed() as stage:
        assert await stage.put(host, "/x", b"x", cache_control="max-age=9") == status


@pytest.mark.trio
async def test_placing_again_replaces() -> None:
    """The second PUT of a path is a 204."""
    async with placed() as stage:
        statuses = [
            await stage.put("origin", "/x", b"x", cache_control="max-age=9") for _ in range(2)
        ]
        assert statuses == [201, 204]


@pytest.mark.trio
@pytest.mark.parametrize(
    ("body", "control", "status"),
    [(bytes(6000), "max-age=9", 413), (bytes(4900), "max-age=9", 507), (b"", "no-store", 422)],
)
async def test_what_cannot_be_kept_is_refused(body: bytes, control: str, status: int) -> None:
    """Larger than the cache, or not to be stored: the pusher is told."""
    async with placed(capacity=5000) as stage:
        assert await stage.put("origin", "/x", body, cache_control=control) == status


@pytest.mark.trio
async def test_pushing_what_is_not_there_fails() -> None:
    """A path that names nothing is an error that names it."""
    async with placed() as stage:
        with pytest.raises(ExceptionGroup) as caught:
            await push(stage.internet.attach("origin"), SITE, ["/none"], stage.doors[:1])
        assert caught.group_contains(PushError, match="/none")
