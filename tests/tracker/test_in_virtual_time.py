"""The tracker and its clients on emulated hosts: the same code, in virtual time."""

from __future__ import annotations

import random
from functools import partial

import pytest
import trio

from net.clock import VirtualClock
from net.simulation import simulate
from net.topology import Access, star
from net.virtual import VirtualInternet
from peer.announce import AnnounceError, Announcer
from tracker.node import Tracker
from tracker.registry import GRACE
from wire.announce import AnnounceReply, Event
from wire.message import Contact

TEN = Access(10e6, 10e6)
SWARM = b"s" * 32
INTERVAL = 60.0


async def swarm_of_two(clock: VirtualClock) -> list[AnnounceReply]:
    """Return what two peers are told: first, second, and the first again when the other is gone."""
    internet = VirtualInternet(star({"t": TEN, "a": TEN, "b": TEN}, rtt=0.1), clock=clock, seed=1)
    async with trio.open_nursery() as nursery:
        listener = await internet.attach("t").listen(80)
        node = Tracker(rng=random.Random(1), wall=trio.current_time, interval=INTERVAL)
        address = await nursery.start(partial(node.serve, listener))
        first, second = [
            Announcer(
                internet.attach(host), address, swarm_id=SWARM, peer_id=host.encode() * 20, port=7
            )
            for host in "ab"
        ]
        start = trio.current_time()
        replies = [await first.announce(Event.STARTED, left=1)]
        assert 0.2 <= trio.current_time() - start < 0.21  # a handshake, a request
        replies.append(await second.announce(Event.STARTED, left=0))
        await trio.sleep(2 * INTERVAL + GRACE)
        replies.append(await first.announce(left=1))
        internet.crash("t")
        with pytest.raises(AnnounceError, match="tracker t:80: "):
            await first.announce(left=1)
        nursery.cancel_scope.cancel()
    return replies


def test_peers_find_each_other_and_forget() -> None:
    """Hosts are known by their emulated names, and hours of silence take no time."""
    assert simulate(swarm_of_two, seed=1, horizon=1e4) == [
        AnnounceReply(INTERVAL, 0, 1, ()),
        AnnounceReply(INTERVAL, 1, 1, (Contact(b"a" * 20, "a", 7),)),
        AnnounceReply(INTERVAL, 0, 1, ()),
    ]
