"""Whom neighbours are told of, and a swarm that finds itself without a tracker."""

from __future__ import annotations

import pytest
import trio

from net.seam import Address
from peer.contacts import MAX_HEARSAY
from peer.exchange import ROUND, Exchange
from peer.neighbour import Neighbour
from tests.peer.swarming import KIB, PORT, TRACKER, Content, VirtualSwarm
from tests.peer.swarming import run_swarm as run
from wire.message import MAX_EXCHANGE, Contact, PeerExchange

SMALL = Content(512 * KIB, 16 * KIB)
A, B, C = (Contact(name.encode() * 20, f"host-{name}", PORT) for name in "abc")


def neighbour(contact: Contact) -> Neighbour:
    """Return the neighbour that `contact` describes."""
    made = Neighbour(contact.host, contact.peer_id, 0.0)
    made.port = contact.port
    return made


def test_a_new_neighbour_hears_of_all_and_the_others_of_it() -> None:
    """Each is told once, at most every round, and nobody is told of itself alone."""
    exchange = Exchange(0.0)
    a, b, c = neighbour(A), neighbour(B), neighbour(C)
    assert exchange.tell([a, b], ROUND / 2) == []
    assert exchange.tell([a, b], ROUND) == [a, b]
    assert a.outbox == b.outbox == [PeerExchange((A, B))]
    assert exchange.tell([a, b, c], ROUND * 1.5) == []
    assert exchange.tell([a, b, c], 2 * ROUND) == [a, b, c]
    assert (a.outbox[1:], c.outbox) == ([PeerExchange((C,))], [PeerExchange((A, B, C))])
    assert exchange.tell([a, b, c], 3 * ROUND) == []


def test_who_listens_nowhere_is_not_passed_on() -> None:
    """Port 0 cannot be dialled; alone with it, there is nothing to tell."""
    hidden = neighbour(Contact(B.peer_id, B.host, 0))
    exchange = Exchange(0.0)
    assert exchange.tell([neighbour(A), hidden], ROUND) == [hidden]
    assert hidden.outbox == [PeerExchange((A,))]


def test_a_message_is_bounded() -> None:
    """Of many new neighbours the latest are told."""
    many = [neighbour(Contact(bytes([i]) * 20, f"h{i}", PORT)) for i in range(MAX_EXCHANGE + 5)]
    Exchange(0.0).tell(many, ROUND)
    (message,) = many[0].outbox
    assert isinstance(message, PeerExchange)
    assert [each.host for each in message.added] == [f"h{i}" for i in range(5, MAX_EXCHANGE + 5)]


def test_peers_find_each_other_without_a_tracker() -> None:
    """A newcomer that hears of one neighbour hears from it of all the others."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        a = await swarm.join("a", 0b0011)
        await swarm.join("b", 0b0110)
        await swarm.join("newcomer", trackers=(Address("nowhere", 1),))
        channel = await swarm.shake_hands("stranger", "newcomer")
        await channel.send(PeerExchange((Contact(a.peer_id, "a", PORT),)))
        await trio.sleep(3 * ROUND)
        names = {each.name for each in swarm.peers["newcomer"].neighbours}
        assert names == {"a", "b", "stranger"}
        assert swarm.stores["newcomer"].have == 0b0111

    run(script, ["a", "b", "newcomer", "stranger", "nowhere"], SMALL)


def test_hearsay_is_bounded() -> None:
    """A stranger that tells of thousands fills no memory, and the swarm goes on."""

    async def script(swarm: VirtualSwarm) -> int:
        await swarm.open_tracker()
        peer = await swarm.join("a")
        channel = await swarm.shake_hands("stranger", "a")
        for start in range(0, 5000, MAX_EXCHANGE):
            numbers = range(start, start + MAX_EXCHANGE)
            made = [Contact(n.to_bytes(20, "big"), f"10.0.0.{n}", PORT) for n in numbers]
            await channel.send(PeerExchange(tuple(made)))
        await trio.sleep(1)
        remembered = len(peer._contacts)
        await swarm.seed()
        await swarm.completed(["a"])
        return remembered

    assert run(script, ["seed", "a", "stranger"], SMALL) <= MAX_HEARSAY


@pytest.mark.parametrize("down", [0, 1])
def test_one_of_two_trackers_is_enough(down: int) -> None:
    """Whichever is missing, the other is asked."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        nowhere = Address("nowhere", 1)
        trackers = (nowhere, TRACKER) if down == 0 else (TRACKER, nowhere)
        for host, have in (("seed", SMALL.everything), ("a", 0)):
            await swarm.join(host, have, trackers=trackers)
        await swarm.completed(["a"])

    run(script, ["seed", "a", "nowhere"], SMALL)
