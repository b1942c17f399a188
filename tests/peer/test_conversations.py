"""Strangers who misbehave lose their connection, and harm nobody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
import trio

from peer.settings import PeerSettings
from tests.peer.swarming import KIB, MIB, PORT, Content, VirtualSwarm, leechers, until_closed
from tests.peer.swarming import run_swarm as run
from wire.frame import encode
from wire.message import Bitfield, Chunk, Handshake, Have, Interested, Request, Unchoke

SMALL = Content(1 * MIB + 100, 16 * KIB)
TINY = Content(8 * 4 * KIB, 4 * KIB)

Script = Callable[[VirtualSwarm], Awaitable[None]]


async def send_corrupt_chunks(swarm: VirtualSwarm) -> None:
    """Offer everything, and answer each request with other bytes."""
    channel = await swarm.shake_hands("stranger", "leecher-0")
    await channel.send(Bitfield.of(swarm.content.everything, swarm.content.count), Unchoke())
    while True:
        message = await channel.receive()
        if isinstance(message, Request):
            length = swarm.content.manifest.length(message.index)
            await channel.send(Chunk(message.index, bytes(length)))


async def send_wrong_chunks(swarm: VirtualSwarm) -> None:
    """Offer everything, and answer each request with a right chunk of another index."""
    channel = await swarm.shake_hands("stranger", "leecher-0")
    await channel.send(Bitfield.of(swarm.content.everything, swarm.content.count), Unchoke())
    while True:
        message = await channel.receive()
        if isinstance(message, Request):
            other = (message.index + 1) % (swarm.content.count - 1)
            await channel.send(Chunk(message.index, swarm.content.chunk(other)))


async def fall_silent(swarm: VirtualSwarm) -> None:
    """Offer nearly everything, take requests, and never answer."""
    channel = await swarm.shake_hands("stranger", "leecher-0")
    await channel.send(Bitfield.of(swarm.content.everything >> 1, swarm.content.count), Unchoke())
    await until_closed(channel)


async def say_nothing(swarm: VirtualSwarm) -> None:
    """Connect and say nothing at all."""
    await until_closed(await swarm.dial("stranger", "leecher-0"))


async def mean_another_swarm(swarm: VirtualSwarm) -> None:
    """Shake hands for another swarm."""
    channel = await swarm.dial("stranger", "leecher-0")
    await channel.send(Handshake(b"?" * 32, b"stranger" + b"-" * 12, PORT))
    await until_closed(channel)


async def skip_the_handshake(swarm: VirtualSwarm) -> None:
    """Begin with something else."""
    channel = await swarm.dial("stranger", "leecher-0")
    await channel.send(Interested())
    await until_closed(channel)


async def send_rubbish(swarm: VirtualSwarm) -> None:
    """Send bytes that are no frame."""
    channel = await swarm.shake_hands("stranger", "leecher-0")
    await channel.stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
    await until_closed(channel)


async def announce_a_huge_frame(swarm: VirtualSwarm) -> None:
    """Say that a payload of 4 GiB follows."""
    channel = await swarm.shake_hands("stranger", "leecher-0")
    await channel.stream.send_all(b"\x01\x08\x00\x02\xff\xff\xff\xff")
    await until_closed(channel)


async def speak_too_big_a_bitfield(swarm: VirtualSwarm) -> None:
    """Describe more chunks than there are."""
    channel = await swarm.shake_hands("stranger", "leecher-0")
    await channel.send(Bitfield(b"\xff" * 1000))
    await until_closed(channel)


async def announce_chunks_beyond_the_last(swarm: VirtualSwarm) -> None:
    """Have what does not exist."""
    channel = await swarm.shake_hands("stranger", "leecher-0")
    await channel.send(Have(((1 << 20) - 1,)))
    await until_closed(channel)


DROPPED: list[tuple[Script, str, str]] = [
    (send_corrupt_chunks, "neighbour_lost", "does not match its hash"),
    (send_wrong_chunks, "neighbour_lost", "does not match its hash"),
    (fall_silent, "neighbour_lost", "silent"),
    (say_nothing, "handshake_failed", "TooSlowError"),
    (mean_another_swarm, "handshake_failed", "no handshake for this swarm"),
    (skip_the_handshake, "handshake_failed", "no handshake for this swarm"),
    (send_rubbish, "neighbour_lost", "version 71 is not 1"),
    (announce_a_huge_frame, "neighbour_lost", "payload of 4294967295 bytes exceeds"),
    (speak_too_big_a_bitfield, "neighbour_lost", "does not describe"),
    (announce_chunks_beyond_the_last, "neighbour_lost", "no chunk 1048575"),
]


@pytest.mark.parametrize(
    ("misbehave", "event", "reason"), DROPPED, ids=[case[0].__name__ for case in DROPPED]
)
def test_who_misbehaves_is_dropped(misbehave: Script, event: str, reason: str) -> None:
    """The stranger is dropped for the right reason, and everybody gets the right bytes."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        for host in leechers(3):
            await swarm.join(host)

        async def stranger() -> None:
            with pytest.raises((trio.EndOfChannel, trio.BrokenResourceError)):  # noqa: PT012
                await misbehave(swarm)
                raise trio.EndOfChannel  # it read to the end by itself

        swarm.background(stranger)
        await trio.sleep(1)  # the stranger is asked first
        await swarm.seed()
        await swarm.completed(leechers(3))
        await trio.sleep(PeerSettings().idle_timeout + 5)
        drops = [fields["reason"] for *_, fields in swarm.happened(event, "leecher-0")]
        assert any(reason in str(said) for said in drops), drops
        assert "stranger" not in {each.name for each in swarm.peers["leecher-0"].neighbours}

    run(script, ["seed", "stranger", *leechers(3)], TINY)


def test_a_chunk_that_came_corrupt_is_fetched_again() -> None:
    """What the stranger spoilt comes from the seed, and nothing spoilt is passed on."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        for host in leechers(2):
            await swarm.join(host)

        async def stranger() -> None:
            with pytest.raises((trio.EndOfChannel, trio.BrokenResourceError)):
                await send_corrupt_chunks(swarm)

        swarm.background(stranger)
        await trio.sleep(1)
        ((_, _, _, spoilt),) = swarm.happened("chunk_rejected")
        await swarm.seed()
        await swarm.completed(leechers(2))
        again = [
            fields["source"]
            for *_, fields in swarm.happened("chunk_received", "leecher-0")
            if fields["chunk"] == spoilt["chunk"]
        ]
        assert again in (["seed"], ["leecher-1"])
        assert len(swarm.happened("chunk_rejected")) == 1

    run(script, ["seed", "stranger", *leechers(2)], TINY)


async def flood_with_requests(swarm: VirtualSwarm) -> None:
    """Ask, choked, for the same chunks over and over, and read none of the refusals."""
    channel = await swarm.shake_hands("stranger", "seed")
    requests = b"".join(encode(Request(index))[0] for index in range(swarm.content.count)) * 100
    with pytest.raises(trio.BrokenResourceError):  # noqa: PT012
        while True:
            await channel.stream.send_all(requests)


async def read_slowly(swarm: VirtualSwarm) -> None:
    """Ask for everything, read nothing, and keep the connection alive."""
    channel = await swarm.shake_hands("stranger", "seed")
    await channel.send(Interested())
    with pytest.raises(trio.BrokenResourceError):  # noqa: PT012
        while True:
            for index in range(swarm.content.count):
                await channel.send(Request(index))
            await trio.sleep(10)


@pytest.mark.parametrize("misbehave", [flood_with_requests, read_slowly])
def test_who_asks_and_does_not_read_is_dropped(misbehave: Script) -> None:
    """Others are served meanwhile, and what waits for the stranger is bounded."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        seed = await swarm.seed()

        async def stranger() -> None:
            await misbehave(swarm)

        swarm.background(stranger)
        await trio.sleep(1)
        for host in leechers(3):
            await swarm.join(host)
        await swarm.completed(leechers(3))
        await trio.sleep(2 * PeerSettings().idle_timeout)
        assert "stranger" not in {each.name for each in seed.neighbours}
        assert Counter(event[3]["neighbour"] for event in swarm.happened("neighbour_lost", "seed"))[
            "stranger"
        ]

    run(script, ["seed", "stranger", *leechers(3)], SMALL)
