"""Who sends a corrupt chunk is banned: it cannot come back, and is not called."""

from __future__ import annotations

import pytest
import trio

from net.seam import Address
from peer.bans import MAX_BANS, Bans
from peer.exchange import ROUND
from tests.peer.swarming import KIB, PORT, Content, VirtualSwarm, leechers
from tests.peer.swarming import run_swarm as run
from wire.channel import Channel
from wire.message import Bitfield, Chunk, Contact, PeerExchange, Request, Unchoke

TINY = Content(8 * 4 * KIB, 4 * KIB)


def test_a_whole_host_or_one_peer_on_it() -> None:
    """On a shared host others are not to blame."""
    bans = Bans()
    bans.add(Address("bad", 1), whole_host=True)
    bans.add(Address("shared", 1), whole_host=False)
    assert Address("bad", 2) in bans
    assert bans.whole_host("bad")
    assert Address("shared", 1) in bans
    assert Address("shared", 2) not in bans
    assert not bans.whole_host("shared")


def test_the_oldest_of_too_many_is_forgotten() -> None:
    """The table is bounded; who misbehaves again is remembered anew."""
    bans = Bans()
    for number in range(MAX_BANS):
        bans.add(Address(str(number), 1), whole_host=True)
    assert len(bans) == MAX_BANS
    bans.add(Address("late", 1), whole_host=False)
    assert len(bans) == MAX_BANS
    assert Address("0", 1) not in bans
    assert Address("1", 1) in bans
    assert Address("late", 1) in bans


async def until_closed(channel: Channel) -> None:
    """Listen until the other side hangs up."""
    while True:
        await channel.receive()


async def spoil(swarm: VirtualSwarm, victim: str, peer_id: bytes = b"") -> None:
    """Offer everything as `stranger`, and answer one request with other bytes."""
    channel = await swarm.shake_hands("stranger", victim, peer_id)
    await channel.send(Bitfield.of(swarm.content.everything, swarm.content.count), Unchoke())
    while True:
        message = await channel.receive()
        if isinstance(message, Request):
            length = swarm.content.manifest.length(message.index)
            await channel.send(Chunk(message.index, bytes(length)))


def test_who_sent_a_corrupt_chunk_does_not_come_back() -> None:
    """Neither on another connection, nor under another name; its other connections end too."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        peer = await swarm.join("leecher-0")
        other = await swarm.shake_hands("stranger", "leecher-0", b"o" * 20)
        with pytest.raises((trio.EndOfChannel, trio.BrokenResourceError)):
            await spoil(swarm, "leecher-0")
        assert len(swarm.happened("neighbour_banned")) == 1
        assert not peer.neighbours
        reasons = [fields["reason"] for *_, fields in swarm.happened("neighbour_lost")]
        assert "banned" in reasons
        with pytest.raises((trio.EndOfChannel, trio.BrokenResourceError)):
            await until_closed(other)
        for name in (b"", b"n" * 20):
            with pytest.raises((trio.EndOfChannel, trio.BrokenResourceError)):
                await swarm.shake_hands("stranger", "leecher-0", name)
        assert not peer.neighbours
        await swarm.seed()
        await swarm.completed(["leecher-0"])
        assert len(swarm.happened("chunk_rejected")) == 1

    run(script, ["seed", "stranger", "leecher-0"], TINY)


def test_who_is_banned_is_not_dialled() -> None:
    """However often others speak of it; another peer on its host is suspect as well."""

    async def script(swarm: VirtualSwarm) -> int:
        await swarm.open_tracker()
        for host in leechers(2):
            await swarm.join(host)
        dialled = 0

        async def count_visitors() -> None:
            nonlocal dialled
            listener = await swarm.internet.attach("stranger").listen(PORT)
            while True:
                await (await listener.accept()).aclose()
                dialled += 1

        swarm.background(count_visitors)
        await trio.sleep(1)
        with pytest.raises((trio.EndOfChannel, trio.BrokenResourceError)):
            await spoil(swarm, "leecher-0")
        gossip = await swarm.shake_hands("gossip", "leecher-0")
        await gossip.send(PeerExchange((Contact(b"n" * 20, "stranger", PORT),)))
        await trio.sleep(2 * ROUND)
        return dialled

    assert run(script, ["stranger", "gossip", *leechers(2)], TINY) == 0


def test_on_a_shared_host_one_peer_is_banned() -> None:
    """Where all processes have one address, the port tells who it was."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        peer = await swarm.join("leecher-0")
        channel = await swarm.shake_hands("leecher-0", "leecher-0", b"good" * 5)
        assert [each.peer_id for each in peer.neighbours] == [b"good" * 5]
        peer._bans.add(Address("leecher-0", PORT), whole_host=False)
        with pytest.raises((trio.EndOfChannel, trio.BrokenResourceError)):
            await swarm.shake_hands("leecher-0", "leecher-0", b"evil" * 5)
        assert [each.peer_id for each in peer.neighbours] == [b"good" * 5]
        await channel.aclose()

    run(script, ["leecher-0"], TINY)
