"""Turns: who is next, by equal shares and by others."""

from __future__ import annotations

from collections import Counter

import pytest

from peer.neighbour import Neighbour
from peer.turns import Turns


def crowd(names: str) -> list[Neighbour]:
    """Return neighbours with one-letter names."""
    return [Neighbour(name, name.encode() * 20, 0.0) for name in names]


def take(turns: Turns, times: int, back: bool = True) -> str:
    """Let the next one take a turn and wait again, so many times; return their names."""
    taken = ""
    for _ in range(times):
        neighbour = next(iter(turns))
        turns.take(neighbour)
        if back:
            turns.wait(neighbour)
        taken += neighbour.name
    return taken


def test_equal_shares_are_round_robin() -> None:
    """Each in turn, in the order in which they came."""
    turns = Turns()
    for neighbour in crowd("abc"):
        turns.wait(neighbour)
    assert take(turns, 7) == "abcabca"


@pytest.mark.parametrize("shares", [(1, 2, 3), (0.1, 0.2, 0.3), (5e6, 1e7, 1.5e7)])
def test_turns_follow_the_shares(shares: tuple[float, float, float]) -> None:
    """Over 60 turns each gets its part, give or take one, whatever the sum."""
    turns, everyone = Turns(), crowd("abc")
    turns.share({each.peer_id: share for each, share in zip(everyone, shares, strict=True)})
    for neighbour in everyone:
        turns.wait(neighbour)
    counted = Counter(take(turns, 60))
    for name, expected in zip("abc", (10, 20, 30), strict=True):
        assert abs(counted[name] - expected) <= 1


def test_who_was_away_has_saved_up_nothing() -> None:
    """It is served as everybody else from now on, not instead of them."""
    turns, (first, second) = Turns(), crowd("ab")
    turns.share({first.peer_id: 2.0, second.peer_id: 1.0})
    turns.wait(first)
    take(turns, 30)
    turns.wait(second)
    assert 3 <= Counter(take(turns, 12))["b"] <= 5


def test_a_new_round_with_the_same_shares_goes_on_where_the_last_ended() -> None:
    """Small shares add up over rounds; nobody is starved by rounds that begin anew."""
    turns, everyone = Turns(), crowd("ab")
    shares = {everyone[0].peer_id: 9.0, everyone[1].peer_id: 1.0}
    for neighbour in everyone:
        turns.wait(neighbour)
    taken = ""
    for _ in range(20):
        turns.share(shares)
        taken += take(turns, 3)
    assert 5 <= Counter(taken)["b"] <= 8
