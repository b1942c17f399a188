"""The tracker over HTTP, on real loopback sockets."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from net.seam import Address
from net.sockets import SocketNetwork
from tracker.node import Tracker
from wire.announce import Announce, AnnounceReply, Event, ScrapeReply, scrape_target
from wire.http.client import HttpConnection
from wire.message import Contact

SWARM = b"s" * 32


@asynccontextmanager
async def tracker(events: list[str] | None = None) -> AsyncIterator[Address]:
    """Yield the address of a running tracker; its events are appended to `events`."""

    def note(event: str, /, **fields: object) -> None:
        assert fields
        if events is not None:
            events.append(event)

    async with trio.open_nursery() as nursery:
        node = Tracker(rng=random.Random(1), wall=lambda: 0.0, interval=60.0, trace=note)
        listener = await SocketNetwork().listen()
        yield await nursery.start(partial(node.serve, listener))
        nursery.cancel_scope.cancel()


async def get(address: Address, target: str, method: str = "GET") -> tuple[int, bytes]:
    """Return status and body of a request."""
    async with (
        await SocketNetwork().dial(address) as stream,
        HttpConnection(stream, str(address)).request(method, target) as response,
    ):
        return response.status, await response.read(65_536)


def announce(name: int) -> str:
    """Return the target of peer `name`'s announce."""
    return Announce(SWARM, bytes([name]) * 20, 9000 + name, 5).target()


@pytest.mark.trio
async def test_peers_learn_of_each_other_at_their_remote_host() -> None:
    """The tracker answers msgpack, with the host it saw and the port it was told."""
    events: list[str] = []
    with trio.fail_after(30):
        async with tracker(events) as address:
            status, body = await get(address, announce(1))
            assert (status, AnnounceReply.decode(body)) == (200, AnnounceReply(60.0, 0, 1, ()))
            status, body = await get(address, announce(2))
            known = (Contact(b"\x01" * 20, "127.0.0.1", 9001),)
            assert AnnounceReply.decode(body) == AnnounceReply(60.0, 0, 2, known)
            stop = Announce(SWARM, b"\x01" * 20, 9001, 5, Event.STOPPED)
            await get(address, stop.target())
            status, body = await get(address, scrape_target(SWARM))
            assert ScrapeReply.decode(body).swarms[0].incomplete == 1
            assert await get(address, scrape_target()) == (200, body)
    assert events == ["peer_announced"] * 3


@pytest.mark.trio
@pytest.mark.parametrize(
    ("target", "method", "status", "says"),
    [
        ("/announce", "GET", 400, b"swarm_id is missing"),
        ("/announce?swarm_id=zz", "GET", 400, b"swarm_id is not 64 hexadecimal digits"),
        ("/announce?" + "&".join(f"a{n}=1" for n in range(65)), "GET", 400, b"bad query"),
        ("/announce?swarm_id=%ff", "GET", 400, b"bad query"),
        ("/scrape?swarm_id=0", "GET", 400, b"swarm_id is not 64 hexadecimal digits"),
        ("/", "GET", 404, b"ask for /announce or /scrape"),
        ("/announce", "DELETE", 405, b"DELETE is not allowed"),
        ("/announce?" + "a" * 8100, "GET", 414, b"target exceeds"),
    ],
)
async def test_a_bad_request_is_told_why(
    target: str, method: str, status: int, says: bytes
) -> None:
    """Each refusal has its status and a reason a person can read."""
    with trio.fail_after(30):
        async with tracker() as address:
            got, body = await get(address, target, method)
            assert got == status
            assert says in body


@pytest.mark.trio
@pytest.mark.judge("curl")
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_curl_reads_the_refusal() -> None:
    """A foreign client sees the status and the reason."""
    with trio.fail_after(30):
        async with tracker() as address:
            run = await trio.run_process(
                ["curl", "-s", "-w", "%{http_code}", f"http://{address}/announce"],
                capture_stdout=True,
                stderr=subprocess.DEVNULL,
            )
    assert b"swarm_id is missing" in run.stdout
    assert run.stdout.endswith(b"400")
