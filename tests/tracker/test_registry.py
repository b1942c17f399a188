"""The registry: who is told about whom, and for how long."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.registry import GRACE, FullError, Registry
from wire.announce import Announce, Event, ScrapeReply, SwarmCount
from wire.message import Contact

INTERVAL = 100.0
LIFE = 2 * INTERVAL + GRACE
SWARM, OTHER = b"s" * 32, b"o" * 32


def registry(*, max_swarms: int = 1000, max_peers: int = 5000) -> Registry:
    """Return an empty registry."""
    return Registry(
        rng=random.Random(1), interval=INTERVAL, max_swarms=max_swarms, max_peers=max_peers
    )


def said(
    name: int,
    event: Event = Event.NONE,
    *,
    left: int = 1,
    numwant: int = 50,
    swarm: bytes = SWARM,
) -> Announce:
    """Return an announce of peer `name`, which listens on the port of that number."""
    return Announce(swarm, name.to_bytes(20, "big"), name, left, event, numwant=numwant)


def contact(name: int) -> Contact:
    """Return how others learn of peer `name`."""
    return Contact(name.to_bytes(20, "big"), "host", name)


def test_a_swarm_comes_and_goes() -> None:
    """The life of a swarm: started, completed, scraped, stopped."""
    swarms = registry()
    first = swarms.announce(0, said(1, Event.STARTED, left=0), "host")
    assert (first.interval, first.complete, first.incomplete, first.peers) == (INTERVAL, 1, 0, ())
    second = swarms.announce(1, said(2, Event.STARTED), "host")
    assert (second.complete, second.incomplete, second.peers) == (1, 1, (contact(1),))
    third = swarms.announce(2, said(2, Event.COMPLETED, left=0), "host")
    assert (third.complete, third.incomplete) == (2, 0)
    assert swarms.scrape(3) == ScrapeReply((SwarmCount(SWARM, 2, 0, 1),))
    again = swarms.announce(3, said(2, Event.COMPLETED, left=0), "host")
    assert again.complete == 2
    assert swarms.scrape(3, SWARM).swarms[0].downloaded == 1
    last = swarms.announce(4, said(1, Event.STOPPED, left=0), "host")
    assert (last.complete, last.incomplete, last.peers) == (1, 0, ())
    swarms.announce(5, said(2, Event.STOPPED, left=0), "host")
    assert swarms.scrape(5) == swarms.scrape(5, SWARM) == ScrapeReply(())


def test_a_peer_is_its_host_and_port() -> None:
    """A restarted peer replaces itself; the same port elsewhere is another peer."""
    swarms = registry()
    swarms.announce(0, said(7), "host")
    renamed = Announce(SWARM, b"r" * 20, 7, 1)
    assert swarms.announce(1, renamed, "host").peers == ()
    assert swarms.announce(2, said(7), "elsewhere").peers == (Contact(b"r" * 20, "host", 7),)


def test_a_stranger_cannot_stop_another_host() -> None:
    """An announce speaks for its own host only."""
    swarms = registry()
    swarms.announce(0, said(1), "host")
    swarms.announce(1, said(1, Event.STOPPED), "stranger")
    assert swarms.announce(2, said(2), "host").peers == (contact(1),)


def test_who_has_everything_is_told_only_of_those_who_lack_something() -> None:
    """Two that are complete have nothing to say to each other; a newcomer hears of both first."""
    swarms = registry()
    swarms.announce(0, said(1, left=0), "host")
    swarms.announce(0, said(2), "host")
    assert swarms.announce(1, said(3, left=0), "host").peers == (contact(2),)
    assert set(swarms.announce(2, said(2), "host").peers) == {contact(1), contact(3)}


def test_stopping_in_an_unknown_swarm_creates_nothing() -> None:
    """A stop leaves no trace."""
    swarms = registry()
    assert swarms.announce(0, said(1, Event.STOPPED), "host").incomplete == 0
    assert swarms.scrape(0) == ScrapeReply(())


def test_silence_ends_a_membership() -> None:
    """A peer is believed for two intervals and the grace, not longer."""
    swarms = registry()
    swarms.announce(0, said(1), "host")
    assert swarms.announce(LIFE - 0.001, said(2), "host").peers == (contact(1),)
    assert swarms.announce(LIFE, said(2), "host").peers == ()
    assert swarms.scrape(2 * LIFE - 0.002).swarms == (SwarmCount(SWARM, 0, 1, 0),)
    assert swarms.scrape(2 * LIFE) == ScrapeReply(())


def test_a_full_swarm_takes_no_stranger() -> None:
    """Members go on, newcomers wait for a place."""
    swarms = registry(max_peers=2)
    swarms.announce(0, said(1), "host")
    swarms.announce(50, said(2), "host")
    with pytest.raises(FullError, match="2 peers"):
        swarms.announce(51, said(3), "host")
    assert swarms.announce(52, said(2), "host").peers == (contact(1),)
    assert swarms.announce(LIFE, said(3), "host").peers == (contact(2),)


def test_a_full_tracker_takes_no_new_swarm() -> None:
    """The number of swarms is bounded, and those that died make room."""
    swarms = registry(max_swarms=1)
    swarms.announce(0, said(1), "host")
    with pytest.raises(FullError, match="1 swarms"):
        swarms.announce(1, said(1, swarm=OTHER), "host")
    swarms.announce(LIFE, said(1, swarm=OTHER), "host")
    assert [count.swarm_id for count in swarms.scrape(LIFE).swarms] == [OTHER]


def test_the_choice_is_a_function_of_the_seed() -> None:
    """The same seed introduces the same peers, another one others."""

    def chosen(seed: int) -> tuple[Contact, ...]:
        swarms = Registry(rng=random.Random(seed))
        for name in range(1, 60):
            swarms.announce(0, said(name), "host")
        return swarms.announce(0, said(1, numwant=10), "host").peers

    assert chosen(1) == chosen(1)
    assert chosen(1) != chosen(2)


steps = st.tuples(
    st.floats(0, LIFE),
    st.integers(1, 9),
    st.sampled_from(Event),
    st.integers(0, 1),
    st.integers(0, 9),
)


@given(st.lists(steps, max_size=40))
def test_replies_name_only_living_others(history: list[tuple[float, int, Event, int, int]]) -> None:
    """Never more than numwant, the asker, one twice, one expired, stopped, or of no use."""
    swarms = registry()
    now = 0.0
    alive: dict[int, tuple[float, int]] = {}
    for pause, name, event, left, numwant in history:
        now += pause
        reply = swarms.announce(now, said(name, event, left=left, numwant=numwant), "host")
        alive.pop(name, None)
        alive = {peer: entry for peer, entry in alive.items() if entry[0] + LIFE > now}
        stopped = event is Event.STOPPED
        useful = [peer for peer, entry in alive.items() if left or entry[1]]
        expected = 0 if stopped else min(numwant, len(useful))
        assert len(set(reply.peers)) == len(reply.peers) == expected
        assert set(reply.peers) <= {contact(peer) for peer in useful}
        if not stopped:
            alive[name] = (now, left)
        complete = sum(1 for _, remaining in alive.values() if remaining == 0)
        counted = swarms.scrape(now, SWARM).swarms
        if alive:
            assert (reply.complete, reply.incomplete) == (complete, len(alive) - complete)
            assert (counted[0].complete, counted[0].incomplete) == (
                reply.complete,
                reply.incomplete,
            )
        else:
            assert counted == ()
