"""Chokers: who is served, and for how long."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.choker import LeastServed, TitForTat
from peer.neighbour import Neighbour


def neighbours(rates: list[int]) -> list[Neighbour]:
    """Return neighbours that send us at these rates (bytes/s)."""
    made = [Neighbour(f"n{i}", bytes([i]) * 20, 0.0) for i in range(len(rates))]
    for neighbour, rate in zip(made, rates, strict=True):
        neighbour.download_rate = rate
    return made


def test_those_who_send_most_are_served_and_one_more() -> None:
    """The best uploaders fill all slots but one; the last is somebody else's."""
    everyone = neighbours([5, 90, 70, 0, 80, 1])
    chosen = TitForTat(3).choose(everyone, 4, random.Random(1))
    assert [each.name for each in chosen[:3]] == ["n1", "n4", "n2"]
    assert chosen[3].name in {"n0", "n3", "n5"}


def test_the_optimistic_choice_stays_for_its_rounds() -> None:
    """It changes every third round, and not in between."""
    everyone = neighbours([9] + [0] * 30)
    choker, rng = TitForTat(3), random.Random(2)
    optimistic = [choker.choose(everyone, 2, rng)[1].name for _ in range(30)]
    for start in range(0, 30, 3):
        assert len(set(optimistic[start : start + 3])) == 1
    assert len(set(optimistic)) > 5


@pytest.mark.parametrize("why", ["gone", "became one of the best"])
def test_an_optimistic_choice_that_ends_is_replaced_at_once(why: str) -> None:
    """No slot stays empty until the round in which the choice is due."""
    everyone = neighbours([9, 8, 0, 0, 0])
    choker, rng = TitForTat(100), random.Random(3)
    *_, first = choker.choose(everyone, 3, rng)
    if why == "gone":
        everyone.remove(first)
    else:
        first.download_rate = 100
    chosen = choker.choose(everyone, 3, rng)
    assert len(set(chosen)) == 3
    assert chosen[-1] is not first


def test_every_newcomer_gets_its_chance() -> None:
    """The optimistic choice is any of the rest, with equal chances."""
    everyone = neighbours([9, 0, 0, 0, 0])
    choker, rng = TitForTat(1), random.Random(4)
    chosen = Counter(choker.choose(everyone, 2, rng)[1].name for _ in range(2000))
    assert sorted(chosen) == ["n1", "n2", "n3", "n4"]
    assert all(400 < times < 600 for times in chosen.values())


def test_a_seed_serves_those_it_served_least() -> None:
    """What they send is of no interest to who has everything."""
    everyone = neighbours([9, 0, 5, 7])
    for neighbour, sent in zip(everyone, [300, 200, 100, 400], strict=True):
        neighbour.sent = sent
    chosen = LeastServed().choose(everyone, 2, random.Random(1))
    assert [each.name for each in chosen] == ["n2", "n1"]


@given(rates=st.lists(st.integers(0, 5), max_size=12), slots=st.integers(1, 6), seed=st.integers())
def test_no_slot_is_exceeded_or_wasted(rates: list[int], slots: int, seed: int) -> None:
    """As many as there are slots or neighbours are chosen, none twice, round after round."""
    everyone = neighbours(rates)
    rng = random.Random(seed)
    for choker in (TitForTat(2), LeastServed()):
        for _ in range(5):
            chosen = choker.choose(everyone, slots, rng)
            assert len(chosen) == len(set(chosen)) == min(slots, len(everyone))
