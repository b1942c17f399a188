"""The director: redirects, rewritten pages, and clients that move when their edge dies."""

from __future__ import annotations

import hashlib
import random

import pytest
import trio
from trio.testing import MockClock

from cdn.client import download
from cdn.director import Director
from cdn.edge import Edge
from cdn.health import Prober, Probing
from cdn.origin import Origin
from cdn.routing import Nearest
from cdn.sink import MemorySink
from cdn.site import MemoryResource, MemorySite
from cdn.steering import Steering
from net.seam import Address
from tests.cdn.internet import Internet, Journal, wall
from wire.http.message import Request, Response
from wire.http.target import Target

PAGES = MemorySite({"/list": MemoryResource(b"/a\r\n/b\r\n", '"1"', media_type="text/uri-list")})
CONTENT = bytes(range(256)) * 64


def steering(**edges: Address) -> Steering:
    """Return the given edges; the one called near is."""
    origin = Address("origin", 80)

    def delay(client: str, edge: str) -> float:
        return 0.01 if edge == "near" else 0.02

    return Steering(Nearest(), edges, origin, delay=delay, rng=random.Random(1))


async def ask(director: Director, path: str, method: str = "GET", query: str = "") -> Response:
    """Ask the director as `client`."""
    return await director.answer(Request(method, Target(path, query)), Address("client", 1))


@pytest.mark.trio
async def test_an_object_is_redirected_for_this_client_only() -> None:
    """302 with path and query, and never to be cached (RFC 9110 15.4.3)."""
    journal = Journal()
    director = Director(steering(near=Address("near", 8080)), wall=wall, trace=journal)
    response = await ask(director, "/a%20b", query="x=1")
    assert response.status == 302
    assert response.headers.get("location") == "http://near:8080/a%20b?x=1"
    assert response.headers.get("cache-control") == "private, no-store"
    assert journal.events == [
        ("client_directed", {"client": "client", "path": "/a%20b", "edge": "near"})
    ]


@pytest.mark.trio
async def test_a_page_has_its_links_rewritten() -> None:
    """Each link leads to the edge that was chosen for it."""
    director = Director(steering(near=Address("near", 80)), wall=wall, pages=PAGES)
    response = await ask(director, "/list")
    assert (response.status, response.body) == (200, b"http://near:80/a\r\nhttp://near:80/b\r\n")
    assert response.headers.get("content-type") == "text/uri-list"


@pytest.mark.trio
async def test_a_director_only_directs() -> None:
    """Other methods are refused, and say which are allowed."""
    response = await ask(Director(steering(), wall=wall), "/a", "POST")
    assert (response.status, response.headers.get("allow")) == (405, "GET, HEAD")


@pytest.mark.trio
async def test_a_client_moves_when_its_edge_dies(autojump_clock: MockClock) -> None:
    """The prober finds out, the director knows, the client asks again: every byte is right."""
    internet, journal = Internet(), Journal()
    site = MemorySite({"/a": MemoryResource.of("/a", CONTENT)})
    async with trio.open_nursery() as nursery:
        origin_host = internet.attach("origin")
        origin = await nursery.start(Origin(site, wall=wall).serve, await origin_host.listen(80))
        scopes = {}
        edges = {}
        for name in ("near", "next"):
            host = internet.attach(name)
            edge = Edge(host, origin, capacity=1 << 20, wall=wall)
            scopes[name] = trio.CancelScope()

            async def live(
                edge: Edge = edge, name: str = name, *, task_status: trio.TaskStatus[Address]
            ) -> None:
                with scopes[name]:
                    listener = await internet.attach(name).listen(80)
                    await edge.serve(listener, task_status=task_status)

            edges[name] = await nursery.start(live)
        steers = steering(**edges)
        host = internet.attach("director")
        address = await nursery.start(
            Director(steers, wall=wall, trace=journal).serve, await host.listen(80)
        )
        probing = Probing(interval=0.5, timeout=0.5, path="/a")
        prober = Prober(host, edges, steers.mark, probing=probing, trace=journal)
        await nursery.start(prober.run)
        url, network = f"http://{address}/a", internet.attach("client")
        first = await download(network, url, sink=MemorySink(1 << 20))
        scopes["near"].cancel()
        second = await download(network, url, sink=MemorySink(1 << 20), retries=9)
        assert (first.url, second.url) == ("http://near:80/a", "http://next:80/a")
        assert second.sha256 == hashlib.sha256(CONTENT).hexdigest()
        assert journal.count("edge_went_down") == 1
        nursery.cancel_scope.cancel()
