"""Rules that choose rates, against their published formulas and worked examples."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from math import inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdn.player.abr import (
    Bola,
    BufferBased,
    Dynamic,
    Ewma,
    Fixed,
    RobustMpc,
    Throughput,
    bola,
    find_rule,
)
from cdn.player.abr.choice import RULES
from cdn.player.abr.robust_mpc import best_plan, robust_rate
from cdn.player.view import Progress, Sample, View
from tests.cdn.player.views import RATES, view

BBB = (230, 331, 477, 688, 991, 1427, 2056, 2962, 5027, 6000)
"""Rates of the movie of the BOLA paper, in kbit/s."""


def published_bola(buffer: float, limit: float, sizes: Sequence[int]) -> int:
    """Return the rung of BOLA's formula written out: Spiteri et al. 2016, with gamma p = 5."""
    v = [log(size / sizes[0]) for size in sizes]
    control = (limit - 1) / (v[-1] + 5)
    best, chosen = -inf, 0
    for rung, size in enumerate(sizes):
        score = (control * (v[rung] + 5) - buffer) / size
        if score >= best:
            best, chosen = score, rung
    return chosen


@pytest.mark.parametrize("limit", [5.0, 7.5, 10.0, 60.0])
@pytest.mark.parametrize(
    "sizes",
    [
        [rate * 500 for rate in BBB],
        [150_000, 375_000, 600_000, 925_000, 1_425_000, 2_150_000],
        [200_000, 500_000, 1_250_000],
        [1000, 1001],
        [70_000],
    ],
)
def test_bola_decides_as_its_formula_on_a_table_of_buffers_and_sizes(
    sizes: list[int], limit: float
) -> None:
    """The rung is the formula's at every tenth of a segment of buffer."""
    for tenth in range(round(10 * limit) + 1):
        assert bola(tenth / 10, limit, sizes) == published_bola(tenth / 10, limit, sizes)


@pytest.mark.parametrize(
    ("seconds", "rung"),
    [(0, 0), (11, 0), (12, 1), (14, 3), (16, 6), (18, 7), (19, 8), (20, 9)],
)
def test_bola_climbs_with_the_buffer(seconds: float, rung: int) -> None:
    """With 3 s segments of the paper's movie and 25 s of buffer."""
    sizes = tuple(rate * 375 for rate in BBB)
    seen = view(seconds, BBB, duration=3.0, sizes=[sizes] * 5, max_buffer=25.0)
    assert Bola().choose(seen) == rung


@given(
    st.floats(0, 40), st.floats(2, 40), st.lists(st.integers(1000, 10**7), min_size=1, max_size=10)
)
def test_bola_never_chooses_lower_with_more_buffer(
    buffer: float, limit: float, sizes: list[int]
) -> None:
    """With the same sizes the rung never falls as the buffer grows."""
    sizes = sorted(sizes)
    assert bola(buffer + 1, limit, sizes) >= bola(buffer, limit, sizes)


def test_bola_gives_up_what_is_worth_less_than_a_lower_rung() -> None:
    """At an empty buffer hardly begun is given up, nearly done is not."""
    seen = view(0.5)
    size = seen.sizes[0][5]
    assert Bola().abandon(seen, Progress(5, size // 50, 2.0)) == 0
    assert Bola().abandon(seen, Progress(5, size - 1000, 2.0)) is None
    assert Bola().abandon(seen, Progress(0, 10, 2.0)) is None


def qoe(view: View, rate: float, plan: Sequence[int]) -> float:
    """Return Yin et al.'s objective of a plan, in bit/s."""
    buffer, value = view.buffer, 0.0
    for place, rung in enumerate(plan):
        time = 8 * view.sizes[place][rung] / rate
        value += view.bitrates[rung] - view.bitrates[-1] * max(0.0, time - buffer)
        buffer = min(max(0.0, buffer - time) + view.durations[place], view.max_buffer)
    rungs = plan if view.last is None else (view.last, *plan)
    changes = sum(abs(view.bitrates[a] - view.bitrates[b]) for a, b in pairwise(rungs))
    return value - changes


@given(
    st.floats(0, 30),
    st.floats(0.1e6, 8e6),
    st.one_of(st.none(), st.integers(0, 3)),
    st.lists(
        st.lists(st.integers(10_000, 3_000_000), min_size=4, max_size=4), min_size=1, max_size=5
    ),
)
def test_the_plan_is_the_best_of_all(
    buffer: float, rate: float, last: int | None, sizes: list[list[int]]
) -> None:
    """No other plan has a better QoE than the one that is found without trying them all."""
    seen = view(
        buffer, RATES[:4], last=last, ahead=len(sizes), sizes=[sorted(row) for row in sizes]
    )
    best = max(qoe(seen, rate, plan) for plan in product(range(4), repeat=len(sizes)))
    assert qoe(seen, rate, best_plan(seen, rate)) == pytest.approx(best, rel=1e-9, abs=1e-3)


@pytest.mark.parametrize("last", [None, 0, 5])
@pytest.mark.parametrize("rate", [0.4e6, 1.5e6, 6e6])
@pytest.mark.parametrize("buffer", [0.0, 4.0, 12.0, 26.0])
def test_robust_mpc_first_step_is_brute_force(buffer: float, rate: float, last: int | None) -> None:
    """On the ladder of six the first rung begins a plan as good as the best of all 7,776."""
    seen = view(buffer, last=last, throughput=[rate] * 5)
    first = RobustMpc().choose(seen)
    best = max(qoe(seen, rate, plan) for plan in product(range(6), repeat=5))
    begun = max(qoe(seen, rate, (first, *rest)) for rest in product(range(6), repeat=4))
    assert begun == pytest.approx(best, rel=1e-9)


def test_robust_mpc_expects_the_worst_error_again() -> None:
    """The mean of the last five is divided by one plus the largest recent error."""
    steady = [Sample(250_000, 1.0)] * 6
    assert robust_rate(steady) == pytest.approx(2e6)
    # predicted 2 Mbit/s, came 1: an error of 1; the mean is then 5 / (4 / 2 + 1) Mbit/s
    fallen = [*steady, Sample(125_000, 1.0)]
    assert robust_rate(fallen) == pytest.approx(5e6 / 3 / 2)
    assert robust_rate([]) is None


@pytest.mark.parametrize(
    ("buffer", "last", "rung"),
    [
        (0, 3, 0),  # within the reservoir, 11.25 s
        (11.25, 3, 0),
        (13.0, 0, 0),  # the line is below the next rung
        (13.1, 0, 1),  # and above it
        (20.0, 3, 3),  # 2.5 Mbit/s, between the neighbours of 3: stay
        (20.0, 0, 3),  # far above: the highest rung below the line
        (20.0, 5, 4),  # far below: the lowest rung above the line
        (20.0, None, 3),
        (27.0, 0, 5),  # reservoir and cushion end
        (30.0, 0, 5),
    ],
)
def test_buffer_based_follows_its_line(buffer: float, last: int | None, rung: int) -> None:
    """BBA-0 (Huang et al. 2014, algorithm 1) on 30 s of buffer."""
    assert BufferBased().choose(view(buffer, last=last)) == rung


@pytest.mark.parametrize(
    ("throughput", "rung"),
    [([], 0), ([0.2e6], 0), ([1.4e6], 2), ([1.3e6], 1), ([9e6], 5), ([9e6] * 4 + [1e6], 4)],
)
def test_throughput_takes_nine_tenths_of_the_harmonic_mean(
    throughput: list[float], rung: int
) -> None:
    """One slow fetch in five counts for what it cost: 5 / (4 / 9 + 1) Mbit/s, 3.5."""
    assert Throughput().choose(view(throughput=throughput)) == rung


def test_ewma_believes_a_drop_sooner_than_a_rise() -> None:
    """The lower of a fast and a slow average: 2.6 Mbit/s after 4 s of 1, 1.7 after 2 s of 5."""
    assert Ewma().choose(view(throughput=[5e6] * 20 + [1e6] * 4)) == 3
    assert Ewma().choose(view(throughput=[1e6] * 20 + [5e6] * 2)) == 2
    assert Ewma().choose(view()) == 0


@pytest.mark.parametrize(("rung", "chosen"), [(None, 2), (0, 0), (4, 4), (99, 5)])
def test_fixed_is_fixed(rung: int | None, chosen: int) -> None:
    """It keeps its rung whatever it sees, and never gives up."""
    rule = Fixed(rung)
    assert {rule.choose(view(b, throughput=[t])) for b in (0, 30) for t in (1e5, 1e8)} == {chosen}


def test_dynamic_changes_over_where_the_rules_agree() -> None:
    """Throughput decides until the buffer suffices and BOLA chooses no less, and again in need."""
    rule, slow, full = Dynamic(), Throughput(), Bola()
    low = view(5.0, throughput=[3e6] * 5)
    assert rule.choose(low) == slow.choose(low) == 3
    # the buffer suffices, but BOLA would choose less: not yet
    middle = view(14.0, throughput=[3e6] * 5)
    assert full.choose(middle) < rule.choose(middle) == 3
    high = view(26.0, throughput=[3e6] * 5)
    assert rule.choose(high) == full.choose(high) == 5
    assert rule.choose(middle) == full.choose(middle)
    assert rule.choose(low) == 3


@pytest.mark.parametrize("name", RULES)
@given(
    st.floats(0, 30),
    st.lists(st.floats(1e4, 1e8), max_size=12),
    st.lists(st.floats(1e4, 1e7), min_size=1, max_size=8, unique=True),
    st.integers(1, 5),
)
def test_every_rule_chooses_a_rung_there_is(
    name: str, buffer: float, throughput: list[float], rates: list[float], ahead: int
) -> None:
    """Whatever it sees, a rule chooses from the ladder."""
    rule = find_rule(name)()
    for last in (None, 0, len(rates) - 1):
        seen = view(buffer, sorted(rates), last=last, throughput=throughput, ahead=ahead)
        assert 0 <= rule.choose(seen) < len(rates)
