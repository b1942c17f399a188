"""Whole swarms in virtual time: how fast, how robust, how repeatable."""

from __future__ import annotations

import hashlib
import json
from functools import partial

import pytest
import trio

from peer.node import SPARE_CONNECTIONS
from peer.settings import PeerSettings
from tests.peer.swarming import (
    EIGHT,
    KIB,
    MIB,
    PORT,
    TRACKER,
    Content,
    VirtualSwarm,
    leechers,
    until_closed,
)
from tests.peer.swarming import run_swarm as run
from wire.announce import AnnounceReply
from wire.http.headers import Headers
from wire.http.message import Request as HttpRequest
from wire.http.message import Response
from wire.http.server import serve_connection
from wire.message import Contact, KeepAlive

LARGE = Content(8 * MIB, 32 * KIB)
SMALL = Content(1 * MIB + 100, 16 * KIB)
TINY = Content(8 * 4 * KIB, 4 * KIB)


def test_a_swarm_is_nearly_as_fast_as_can_be() -> None:
    """One seed and ten leechers of equal links: the last is done within 1.2 times the bound."""
    n = 10

    async def script(swarm: VirtualSwarm) -> float:
        await swarm.open_tracker()
        seed = await swarm.seed()
        start = trio.current_time()
        for host in leechers(n):
            await swarm.join(host)
        makespan = await swarm.completed(leechers(n)) - start
        assert seed.uploaded < 1.3 * len(LARGE.data)
        assert len(swarm.happened("download_completed")) == n
        return makespan

    bits = 8 * len(LARGE.data)
    bound = max(bits / EIGHT.up, n * bits / (EIGHT.up * (1 + n)))
    assert bound < run(script, ["seed", *leechers(n)], LARGE) < 1.2 * bound


def test_who_is_complete_parts_with_its_like_and_dials_nobody() -> None:
    """Every neighbour that came is lost with a reason; then there is peace, for minutes."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker(interval=20.0)
        await swarm.seed()
        for host in leechers(5):
            await swarm.join(host)
        await swarm.completed(leechers(5))
        await trio.sleep(5)
        for host in ("seed", *leechers(5)):
            assert not swarm.peers[host].neighbours
            came = len(swarm.happened("neighbour_connected", host))
            assert came == len(swarm.happened("neighbour_lost", host)) > 0
        before = len(swarm.events)
        await trio.sleep(300)
        assert len(swarm.events) == before

    run(script, ["seed", *leechers(5)], SMALL)


def test_a_sparse_mesh_forms_at_once() -> None:
    """Where each may have four neighbours, nobody agrees and then hangs up; the seed is used."""
    limits = PeerSettings(min_neighbours=3, max_neighbours=4)

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        seed = await swarm.seed(limits)
        async with trio.open_nursery() as nursery:
            for host in leechers(20):
                nursery.start_soon(partial(swarm.join, host, settings=limits))
        await trio.sleep(1)
        assert len(seed.neighbours) == 4
        assert sum(len(swarm.peers[host].neighbours) for host in leechers(20)) >= 2 * 20
        reasons = {str(fields["reason"]) for *_, fields in swarm.happened("neighbour_lost")}
        assert reasons <= {"crossed connections", "closed by the neighbour"}
        assert len(swarm.happened("neighbour_lost")) <= 4
        await swarm.completed(leechers(20))

    run(script, ["seed", *leechers(20)], SMALL)


def test_the_same_seed_is_the_same_history() -> None:
    """Every event of every peer at the same time; another seed is another history."""

    async def script(swarm: VirtualSwarm) -> str:
        await swarm.open_tracker()
        await swarm.seed()
        for host in leechers(5):
            await swarm.join(host)
        await swarm.completed(leechers(5))
        return hashlib.sha256(json.dumps(swarm.events).encode()).hexdigest()

    hosts = ["seed", *leechers(5)]
    first, again, other = [run(script, hosts, SMALL, seed=seed) for seed in (1, 1, 2)]
    assert first == again != other


def test_those_who_crash_do_not_stop_the_others() -> None:
    """Three of eight leechers fall silent half-way, each with requests unanswered."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        await swarm.seed()
        for host in leechers(8):
            await swarm.join(host)
        await swarm.reached("leecher-0", SMALL.count // 2)
        for host in leechers(3):
            assert not swarm.peers[host].completed.is_set()
            swarm.crash(host)
        await swarm.completed(leechers(8)[3:])

    run(script, ["seed", *leechers(8)], SMALL)


def test_the_seed_may_leave_once_a_copy_is_out() -> None:
    """As soon as each chunk is somewhere, the leechers finish among themselves."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        await swarm.seed()
        for host in leechers(5):
            await swarm.join(host)
        together = 0
        while together != SMALL.everything:
            await trio.sleep(0.01)
            for host in leechers(5):
                together |= swarm.stores[host].have
        swarm.crash("seed")
        assert not any(swarm.peers[host].completed.is_set() for host in leechers(5))
        await swarm.completed(leechers(5))

    run(script, ["seed", *leechers(5)], SMALL)


@pytest.mark.parametrize("lacking", [0xFFFF_FFFF, 0b1])
def test_a_peer_that_returns_downloads_only_the_rest(lacking: int) -> None:
    """Half or all but one of the chunks are there already, and are not sent again."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        seed = await swarm.seed()
        peer = await swarm.join("leecher-0", SMALL.everything & ~lacking)
        await swarm.completed(["leecher-0"])
        rest = lacking.bit_count() * SMALL.manifest.chunk_size
        assert peer.downloaded == seed.uploaded == rest

    run(script, ["seed", "leecher-0"], SMALL)


def test_halves_make_a_whole() -> None:
    """Two peers without a seed, each with what the other lacks, complete each other."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        even = sum(1 << index for index in range(0, SMALL.count, 2))
        await swarm.join("leecher-0", even)
        await swarm.join("leecher-1", SMALL.everything & ~even)
        await swarm.completed(leechers(2))

    run(script, leechers(2), SMALL)


def test_peers_wait_for_a_tracker_that_is_not_there_yet() -> None:
    """They try again with growing patience, and the swarm forms when it comes."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.seed()
        for host in leechers(3):
            await swarm.join(host)
        await trio.sleep(100)
        failed = len(swarm.happened("announce_failed", "leecher-0"))
        assert 4 <= failed <= 8  # after 1, 2, 4, 8, 16, 32, 60 s
        await swarm.open_tracker()
        await swarm.completed(leechers(3))

    run(script, ["seed", *leechers(3)], SMALL)


def test_a_tracker_that_goes_is_not_hammered() -> None:
    """A completion that cannot be announced is tried again with growing patience, too."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        await swarm.seed()
        await swarm.join("leecher-0")
        await trio.sleep(0.5)
        swarm.internet.attach(TRACKER.host).forget_ports()
        await swarm.completed(["leecher-0"])
        await trio.sleep(100)
        assert 4 <= len(swarm.happened("announce_failed", "leecher-0")) <= 8

    run(script, ["seed", "leecher-0"], SMALL)


def test_a_peer_says_goodbye() -> None:
    """The tracker names a peer that left to nobody."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        await swarm.join("leecher-0")
        await trio.sleep(1)
        swarm.leave("leecher-0")
        await trio.sleep(1)
        await swarm.join("leecher-1")
        await trio.sleep(5)
        assert not swarm.happened("dial_failed")
        assert not swarm.peers["leecher-1"].neighbours

    run(script, leechers(2), TINY)


async def serve_contacts(swarm: VirtualSwarm, contacts: list[Contact]) -> None:
    """Be a tracker that tells everybody of the same contacts, every second."""
    reply = AnnounceReply(1.0, 0, 0, tuple(contacts)).encode()

    async def handle(request: HttpRequest) -> Response:
        return Response(200, Headers(), reply)

    def fail(error: Exception) -> None:
        raise error

    async def serve(stream: trio.abc.HalfCloseableStream) -> None:
        await serve_connection(stream, handle, wall=trio.current_time, on_error=fail)

    listener = await swarm.internet.attach(TRACKER.host).listen(TRACKER.port)
    await trio.serve_listeners(serve, [listener])


def test_two_who_dial_each_other_at_once_keep_one_connection() -> None:
    """Both keep the same one, and each has the other as its neighbour once."""

    async def script(swarm: VirtualSwarm) -> None:
        peers = [await swarm.join(host, 1 << i) for i, host in enumerate(leechers(2))]
        contacts = [Contact(p.peer_id, h, PORT) for p, h in zip(peers, leechers(2), strict=True)]

        async def introduce() -> None:
            await serve_contacts(swarm, contacts)

        swarm.background(introduce)
        await trio.sleep(5)
        for host, peer in zip(leechers(2), peers, strict=True):
            assert len(peer.neighbours) == 1
            assert len(swarm.happened("neighbour_connected", host)) <= 2
            assert swarm.stores[host].have == 0b11

    for seed in range(4):
        run(script, leechers(2), TINY, seed=seed)


def test_nobody_is_its_own_neighbour() -> None:
    """A tracker that names the peer itself, by another id, makes it hang up on itself."""

    async def script(swarm: VirtualSwarm) -> None:
        peer = await swarm.join("leecher-0")

        async def mislead() -> None:
            await serve_contacts(swarm, [Contact(b"x" * 20, "leecher-0", PORT)])

        swarm.background(mislead)
        await trio.sleep(30)
        assert peer.neighbours == ()
        assert not swarm.happened("neighbour_connected")

    run(script, ["leecher-0"], TINY)


def test_a_second_connection_of_one_peer_is_refused() -> None:
    """The first goes on; even a stranger that claims its id cannot end it."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        peer = await swarm.join("leecher-0")
        first = await swarm.shake_hands("stranger", "leecher-0")
        for _ in range(3):
            with trio.fail_after(1), pytest.raises(trio.EndOfChannel):
                await swarm.shake_hands("stranger", "leecher-0")
        assert [each.name for each in peer.neighbours] == ["stranger"]
        await first.send(KeepAlive())

    run(script, ["leecher-0", "stranger"], TINY)


def test_a_flood_of_connections_is_bounded() -> None:
    """Strangers that connect and wait take places, but not without end, nor for long."""
    limits = PeerSettings(min_neighbours=4, max_neighbours=4)
    places = limits.max_neighbours + SPARE_CONNECTIONS

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        for host in leechers(2):
            await swarm.join(host, settings=limits)
        await trio.sleep(1)
        open_now, most = 0, 0

        async def connect() -> None:
            nonlocal open_now, most
            channel = await swarm.dial("stranger", "leecher-0")
            open_now += 1
            await until_closed(channel)
            open_now -= 1

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, swarm.peers["leecher-0"]._connections)
                await trio.sleep(0.01)

        swarm.background(watch)
        for _ in range(200):
            swarm.background(connect)
        await trio.sleep(2)
        assert most == places
        assert open_now < places
        await swarm.seed(limits)
        await swarm.completed(leechers(2))
        await trio.sleep(limits.handshake_timeout)
        assert open_now == 0

    run(script, ["seed", "stranger", *leechers(2)], TINY)


def test_neighbours_are_bounded() -> None:
    """A peer keeps no more than its settings say, however many want it."""
    limits = PeerSettings(min_neighbours=3, max_neighbours=3, first_dials=3)
    hosts = leechers(8)

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        await swarm.seed(limits)
        for host in hosts:
            await swarm.join(host, settings=limits)
        for _ in range(20):
            await trio.sleep(0.1)
            assert all(len(peer.neighbours) <= 3 for peer in swarm.peers.values())
        await swarm.completed(hosts)

    run(script, ["seed", *hosts], SMALL)


def test_a_dead_contact_is_no_obstacle() -> None:
    """A dial that nobody answers is given up, and told."""

    async def script(swarm: VirtualSwarm) -> None:
        peer = await swarm.join("leecher-0")
        contacts = [Contact(b"a" * 20, "nowhere", 1), Contact(b"b" * 20, "stranger", 1)]
        swarm.background(lambda: serve_contacts(swarm, contacts))
        await trio.sleep(1)
        failed = {fields["address"] for *_, fields in swarm.happened("dial_failed")}
        assert failed == {"nowhere:1", "stranger:1"}
        assert peer.neighbours == ()
        assert peer._contacts.take(()) is None

    run(script, ["leecher-0", "stranger"], TINY)
