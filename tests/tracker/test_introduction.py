"""Whom peers are told of: anyone, or those of their own access network first."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tracker.introduction import Place, SameNetworkFirst, anyone
from tracker.registry import Registry
from wire.announce import Announce

NETWORKS = {f"{network}{number}": network for network in "abc" for number in range(10)}
OTHERS = [Place(host, 1) for host in (*NETWORKS, "server")]
ASKER = Place("a0", 2)


@given(most=st.integers(0, 40), strangers=st.integers(0, 5), seed=st.integers(0, 99))
def test_the_same_network_comes_first(most: int, strangers: int, seed: int) -> None:
    """Never more than asked for, nobody twice, few strangers and those last."""
    first = SameNetworkFirst(NETWORKS.get, strangers)
    told = first(ASKER, OTHERS, most, random.Random(seed))
    strange = [NETWORKS.get(each.host, "a") != "a" for each in told]
    assert len(told) == len(set(told)) <= most
    assert sum(strange) <= strangers
    assert strange == sorted(strange)


def test_a_server_is_nobodys_stranger() -> None:
    """What lies in no access network is introduced to everybody."""
    told = SameNetworkFirst(NETWORKS.get, 0)(ASKER, OTHERS, 50, random.Random(1))
    assert Place("server", 1) in told
    assert len(told) == 11


def test_anyone_is_a_sample() -> None:
    """As many as asked for, from all."""
    told = anyone(ASKER, OTHERS, 12, random.Random(1))
    assert len(set(told)) == 12
    assert set(told) <= set(OTHERS)


def test_a_registry_introduces_as_it_is_told() -> None:
    """The registry leaves the choice to its policy."""
    registry = Registry(rng=random.Random(1), introduce=SameNetworkFirst(NETWORKS.get, 1))
    for place in OTHERS:
        registry.announce(
            0.0, Announce(b"s" * 32, place.host.ljust(20).encode(), 1, left=1), place.host
        )
    reply = registry.announce(1.0, Announce(b"s" * 32, b"x" * 20, 2, left=1), "b3")
    networks = [NETWORKS.get(each.host, "b") for each in reply.peers]
    assert networks.count("b") == 11
    assert len(networks) == 12
