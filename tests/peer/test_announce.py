"""The peer's tracker client, against real HTTP and against trackers that misbehave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from net.seam import Address, Connection
from net.sockets import SocketNetwork
from peer.announce import TIMEOUT, AnnounceError, Announcer, Announcers
from wire.announce import Announce, AnnounceReply, Event
from wire.http.headers import Headers
from wire.http.message import Request, Response, explain
from wire.http.server import serve_connection
from wire.message import Contact

SWARM, PEER = b"s" * 32, b"p" * 20
REPLY = AnnounceReply(60.0, 1, 2, (Contact(b"q" * 20, "127.0.0.1", 9),))


@asynccontextmanager
async def tracker(response: Response) -> AsyncIterator[tuple[Announcer, list[Announce]]]:
    """Yield an announcer whose tracker always gives `response`, and what the tracker was asked."""
    asked: list[Announce] = []

    async def handle(request: Request) -> Response:
        asked.append(Announce.parse(request.target.parameters()))
        return response

    def fail(error: Exception) -> None:
        raise error

    async def serve(connection: Connection) -> None:
        await serve_connection(connection, handle, wall=lambda: 0.0, on_error=fail)

    network = SocketNetwork()
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            listener = await network.listen()
            nursery.start_soon(trio.serve_listeners, serve, [listener])
            address = listener.address
            yield Announcer(network, address, swarm_id=SWARM, peer_id=PEER, port=7000), asked
            nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_an_announce_is_answered() -> None:
    """Everything said arrives, and the reply comes back."""
    async with tracker(Response(200, Headers(), REPLY.encode())) as (announcer, asked):
        reply = await announcer.announce(
            Event.STARTED, left=10, uploaded=1, downloaded=2, numwant=3
        )
    assert reply == REPLY
    assert asked == [Announce(SWARM, PEER, 7000, 10, Event.STARTED, 1, 2, 3)]


@pytest.mark.trio
@pytest.mark.parametrize(
    ("response", "says"),
    [
        (explain(400, "port is missing"), "400 Bad Request: port is missing"),
        (Response(503), "status 503"),
        (Response(200, Headers(), b"\x01"), "not a map"),
        (Response(200, Headers(), bytes(70_000)), "exceeds"),
    ],
)
async def test_another_answer_is_an_error_that_says_why(response: Response, says: str) -> None:
    """Refusals and nonsense name the tracker and the reason."""
    async with tracker(response) as (announcer, _asked):
        with pytest.raises(AnnounceError, match=rf"tracker 127\.0\.0\.1:\d+: .*{says}"):
            await announcer.announce(left=0)


@pytest.mark.trio
async def test_no_tracker_is_an_error_that_says_so() -> None:
    """A refused connection is told as such."""
    network = SocketNetwork()
    async with await network.listen() as listener:
        gone = listener.address
    announcer = Announcer(network, gone, swarm_id=SWARM, peer_id=PEER, port=1)
    with trio.fail_after(30), pytest.raises(AnnounceError, match="refused"):
        await announcer.announce(left=0)


class NowhereNetwork(SocketNetwork):
    """A network on which dialling never ends."""

    async def dial(self, address: Address) -> Connection:  # type: ignore[override]
        await trio.sleep_forever()
        raise AssertionError(address)


@pytest.mark.trio
async def test_a_silent_tracker_is_given_up(autojump_clock: MockClock) -> None:
    """Dialling and waiting are bounded in time."""
    announcer = Announcer(
        NowhereNetwork(), Address("tracker", 1), swarm_id=SWARM, peer_id=PEER, port=1
    )
    with pytest.raises(AnnounceError, match="tracker tracker:1: no answer within 15 s"):
        await announcer.announce(left=0)
    assert trio.current_time() == pytest.approx(autojump_clock.current_time())
    assert TIMEOUT == 15


@pytest.mark.trio
async def test_the_next_tracker_is_asked_when_one_fails_or_knows_nobody() -> None:
    """The first that answers with peers is believed; the others are left alone."""
    nobody = AnnounceReply(60.0, 0, 1, ())
    async with (
        tracker(Response(503)) as (broken, _),
        tracker(Response(200, Headers(), nobody.encode())) as (fresh, asked_fresh),
        tracker(Response(200, Headers(), REPLY.encode())) as (good, asked_good),
        tracker(Response(200, Headers(), REPLY.encode())) as (spare, asked_spare),
    ):
        announcers = Announcers([broken, fresh, good, spare])
        assert await announcers.announce(left=1) == REPLY
        assert await Announcers([broken, fresh]).announce(left=1) == nobody
        assert await announcers.announce(left=1, numwant=0) == nobody
        assert [len(asked) for asked in (asked_fresh, asked_good, asked_spare)] == [3, 1, 0]
        with pytest.raises(AnnounceError, match=r"status 503; tracker .*status 503"):
            await Announcers([broken, broken]).announce(left=1)
