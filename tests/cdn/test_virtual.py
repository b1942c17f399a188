"""Whole deliveries over emulated links, against their bounds and against themselves."""

from __future__ import annotations

import pytest
import trio

from cdn.client import Download, download
from cdn.edge import Edge
from cdn.origin import Origin
from cdn.push import push
from cdn.sink import HashSink
from cdn.site import MemoryResource, MemorySite
from net.clock import VirtualClock
from net.simulation import simulate
from net.topology import Access, Topology
from net.virtual import VirtualInternet
from tests.cdn.internet import EPOCH, Journal

RATE = 20e6
RTT = 0.04
SIZE = 4 << 20
CONTENT = bytes(SIZE)
RESOURCE = MemoryResource.of("/f", CONTENT)


def deliver(
    clients: int, *, warm: bool, seed: int = 1, crash: float | None = None
) -> tuple[list[Download], int, Journal]:
    """Deliver one object by one edge; return the downloads, the origin's bytes and the trace.

    With `crash`, the origin fails that many seconds after the clients begin.
    """
    journal = Journal()

    async def main(clock: VirtualClock) -> tuple[list[Download], int, Journal]:
        topology = Topology()
        topology.add_router("core")
        hosts = ["origin", "edge", *(f"client-{number}" for number in range(clients))]
        for host in hosts:
            topology.add_host(host, Access(RATE, RATE), router="core", delay=RTT / 4)
        internet = VirtualInternet(topology, clock=clock, seed=seed)
        origin, edge = internet.attach("origin"), internet.attach("edge")
        site = MemorySite({"/f": RESOURCE})
        downloads: list[Download] = []

        def wall() -> float:
            return EPOCH + trio.current_time()

        async def fetch(host: str) -> None:
            url = f"http://{address}/f"
            done = await download(internet.attach(host), url, sink=HashSink(), retries=0)
            downloads.append(done)

        async with trio.open_nursery() as nursery:
            upstream = await nursery.start(Origin(site, wall=wall).serve, await origin.listen(80))
            server = Edge(edge, upstream, capacity=2 * SIZE, wall=wall, trace=journal, timeout=5)
            address = await nursery.start(server.serve, await edge.listen(80))
            door = await nursery.start(server.serve_placement, await edge.listen(81))
            if warm:
                await push(origin, site, ["/f"], [door])
            async with trio.open_nursery() as fetches:
                for host in hosts[2:]:
                    fetches.start_soon(fetch, host)
                if crash is not None:
                    await trio.sleep(crash)
                    internet.crash("origin")
            nursery.cancel_scope.cancel()
        return downloads, internet.bytes_up("origin"), journal

    return simulate(main, seed=seed, horizon=1000)


@pytest.mark.parametrize("clients", [1, 8])
def test_a_warm_edge_delivers_at_its_bound(clients: int) -> None:
    """N·F/u_e, and five round trips for handshake, request and slow start, are all it takes."""
    downloads, _, _ = deliver(clients, warm=True)
    bound = clients * SIZE * 8 / RATE
    assert bound < max(done.seconds for done in downloads) < bound + 5 * RTT


def test_a_cold_edge_fetches_once_and_relays_meanwhile() -> None:
    """Eight clients cost the origin one copy, and hardly more time than a warm edge."""
    downloads, origin_bytes, _ = deliver(8, warm=False)
    assert max(done.seconds for done in downloads) <= 1.2 * 8 * SIZE * 8 / RATE
    assert SIZE <= origin_bytes <= 1.01 * SIZE
    assert {done.sha256 for done in downloads} == {downloads[0].sha256}


def test_equal_seeds_give_equal_histories() -> None:
    """The trace of an edge is a function of the seed."""
    first, again = (deliver(5, warm=False, seed=7) for _ in range(2))
    assert first[2].events == again[2].events
    assert [done.seconds for done in first[0]] == [done.seconds for done in again[0]]


def test_an_origin_that_crashes_half_way_breaks_every_download() -> None:
    """Nobody takes half an object for a whole one, and it is not cached."""
    with pytest.raises(ExceptionGroup):
        deliver(3, warm=False, crash=1.0)
