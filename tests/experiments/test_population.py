"""Who comes when, stays how long, and over what line; and runs of such populations."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import population, runner
from experiments.population import ACCESS
from experiments.scenario import (
    AfterSeeding,
    Arrival,
    Clients,
    Content,
    Departure,
    Duration,
    FlashCrowd,
    Never,
    OnCompletion,
    Poisson,
    Rate,
    Regular,
    Scenario,
    Server,
    Size,
    Timetable,
)

MIB = 2**20


@given(st.integers(1, 500), st.integers(1, 98), st.integers(0, 9))
def test_lines_are_dealt_by_share(count: int, percent: int, seed: int) -> None:
    """Every client gets a line, and each class is within one of its share."""
    shares = {"dsl": percent / 100, "cable": 0.01, "fibre": 0.99 - percent / 100}
    dealt = Counter(population.lines(shares, count, random.Random(seed)))
    assert dealt.total() == count
    assert all(abs(dealt[ACCESS[name]] - share * count) <= 1 for name, share in shares.items())


def test_poisson_arrivals_have_their_mean_gap() -> None:
    """Ten thousand gaps of two seconds take about 20,000 s, and never run backwards."""
    times = population.arrivals(Poisson(mean_gap=Duration(2)), 10_000, random.Random(1))
    assert times == sorted(times)
    assert times[-1] == pytest.approx(20_000, rel=0.05)


def test_regular_arrivals_are_equally_far_apart() -> None:
    """The first comes at once; the last must come before the horizon."""
    every = Regular(every=Duration(6))
    assert population.arrivals(every, 4, random.Random(1)) == [0, 6, 12, 18]
    assert list(population.problems(every, {}, 4, 20)) == []
    (found,) = population.problems(every, {}, 4, 18)
    assert found[0] == "arrival.every"


@pytest.mark.parametrize(
    ("departure", "stay"),
    [(Never(), None), (OnCompletion(), 0.0), (AfterSeeding(seeding=Duration(5)), 5.0)],
)
def test_who_is_complete_stays_as_long_as_agreed(departure: Departure, stay: float | None) -> None:
    """For good, not at all, or for a while."""
    assert population.stay(departure) == stay


def swarm(*groups: Clients) -> Scenario:
    """Return a swarm of these clients."""
    return Scenario(
        name="population",
        model="p2p",
        horizon=Duration(3600),
        content=Content(size=Size(MIB)),
        server=Server(up=Rate(10e6)),
        clients=list(groups),
    )


def events(scenario: Scenario, name: str) -> dict[str, float]:
    """Run `scenario`; return when each host first did what `name` says, from demand on."""
    outcome = runner.run(scenario)
    lines = [json.loads(line) for line in gzip.decompress(outcome.events).splitlines()]
    start = next(line["t"] for line in lines if line["event"] == "demand_started")
    return {line["host"]: line["t"] - start for line in reversed(lines) if line["event"] == name}


def test_clients_come_by_the_timetable() -> None:
    """Each at its time, and waits are counted from there."""
    times = [Duration(0), Duration(7), Duration(3)]
    scenario = swarm(Clients(count=3, arrival=Timetable(times=times)))
    came = events(scenario, "client_arrived")
    assert came == pytest.approx({"client-1": 0, "client-2": 7, "client-3": 3})
    assert runner.run(scenario).times[-1] < 3


@pytest.mark.parametrize("arrival", [FlashCrowd(), Poisson(mean_gap=Duration(1))])
def test_the_bound_of_a_crowd_is_not_claimed_for_others(arrival: Arrival) -> None:
    """Clients that come one by one are held against F / d_min only."""
    got = runner.run(swarm(Clients(count=10, arrival=arrival, down=Rate(20e6)))).metrics
    alone, together = 8 * MIB / 20e6, 10 * 8 * MIB / (10e6 + 10 * 10e6)
    crowd = max(8 * MIB / 10e6, together)
    assert got.bound_s == pytest.approx(alone if isinstance(arrival, Poisson) else crowd)


def test_complete_clients_leave_as_agreed() -> None:
    """One group leaves at once, one after two seconds, one stays."""
    scenario = swarm(
        Clients(count=1, departure=OnCompletion()),
        Clients(count=1, departure=AfterSeeding(seeding=Duration(2))),
        Clients(count=1),
        Clients(count=1, arrival=Timetable(times=[Duration(10)])),
    )
    left, done = events(scenario, "host_left"), events(scenario, "delivery_completed")
    assert left == pytest.approx(
        {"client-1": done["client-1"], "client-2": done["client-2"] + 2}, abs=0.01
    )


def test_unequal_lines_all_finish() -> None:
    """A mix of homes: the fast are done before the slow."""
    got = runner.run(swarm(Clients(count=10, access={"dsl": 0.5, "fibre": 0.5})))
    assert len(got.times) == 10
    assert got.metrics.bound_s <= got.times[-1]
