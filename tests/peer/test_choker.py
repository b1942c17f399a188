"""Chokers that ship by default: who is served, and for how long."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.choker import LeastServed, TitForTat
from peer.decision import choose
from tests.peer.views import neighbour, round_of


@dataclass
class Crowd:
    """Neighbours by name, with the rates at which they send (bytes/s)."""

    rates: dict[str, float]
    slots: int
    optimistic_rounds: int = 3
    rng: random.Random = field(default_factory=lambda: random.Random(1))

    def chosen_by(self, choker: TitForTat) -> list[str]:
        """Return the names of those served in the next round."""
        everyone = [neighbour(name, download_rate=rate) for name, rate in self.rates.items()]
        view = round_of(
            everyone, slots=self.slots, optimistic_rounds=self.optimistic_rounds, rng=self.rng
        )
        return [each.name for each in choker.choose(view)]


def named(rates: list[float]) -> dict[str, float]:
    """Return the rates by name."""
    return {f"n{i}": rate for i, rate in enumerate(rates)}


def test_those_who_send_most_are_served_and_one_more() -> None:
    """The best uploaders fill all slots but one; the last is somebody else's."""
    chosen = Crowd(named([5, 90, 70, 0, 80, 1]), slots=4).chosen_by(TitForTat())
    assert chosen[:3] == ["n1", "n4", "n2"]
    assert chosen[3] in {"n0", "n3", "n5"}


def test_the_optimistic_choice_stays_for_its_rounds() -> None:
    """It changes every third round, and not in between."""
    crowd, choker = Crowd(named([9.0] + [0.0] * 30), slots=2), TitForTat()
    optimistic = [crowd.chosen_by(choker)[1] for _ in range(30)]
    for start in range(0, 30, 3):
        assert len(set(optimistic[start : start + 3])) == 1
    assert len(set(optimistic)) > 5


@pytest.mark.parametrize("why", ["gone", "became one of the best"])
def test_an_optimistic_choice_that_ends_is_replaced_at_once(why: str) -> None:
    """No slot stays empty until the round in which the choice is due."""
    crowd, choker = Crowd(named([9, 8, 0, 0, 0]), slots=3, optimistic_rounds=100), TitForTat()
    *_, first = crowd.chosen_by(choker)
    if why == "gone":
        del crowd.rates[first]
    else:
        crowd.rates[first] = 100
    chosen = crowd.chosen_by(choker)
    assert len(set(chosen)) == 3
    assert chosen[-1] != first


def test_every_newcomer_gets_its_chance() -> None:
    """The optimistic choice is any of the rest, with equal chances."""
    crowd, choker = Crowd(named([9, 0, 0, 0, 0]), slots=2, optimistic_rounds=1), TitForTat()
    chosen = Counter(crowd.chosen_by(choker)[1] for _ in range(2000))
    assert sorted(chosen) == ["n1", "n2", "n3", "n4"]
    assert all(400 < times < 600 for times in chosen.values())


def test_a_seed_serves_those_it_served_least() -> None:
    """What they send is of no interest to who has everything."""
    given_so_far = {"n0": 300, "n1": 200, "n2": 100, "n3": 400}
    everyone = [neighbour(name, sent=sent) for name, sent in given_so_far.items()]
    chosen = LeastServed().choose(round_of(everyone, slots=2, seeding=True))
    assert [each.name for each in chosen] == ["n2", "n1"]


@given(rates=st.lists(st.integers(0, 5), max_size=12), slots=st.integers(1, 6), seed=st.integers())
def test_no_slot_is_exceeded_or_wasted(rates: list[int], slots: int, seed: int) -> None:
    """As many as there are slots or neighbours are chosen, none twice, round after round."""
    everyone = [neighbour(f"n{i}", download_rate=rate) for i, rate in enumerate(rates)]
    view = round_of(everyone, slots=slots, rng=random.Random(seed))
    for choker in (TitForTat(), LeastServed()):
        for _ in range(5):
            assert len(choose(choker, view)) == min(slots, len(everyone))
