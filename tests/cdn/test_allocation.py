"""Placement: what the heuristics choose, within the room there is, and how near to the best."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations, product

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdn.allocation import PLACEMENTS, Forecast, expected_delay, greedy, popular, prefix

FAR = math.inf
ALONE = {"e1": {None: 0.1, "e1": 0.0, "e2": FAR}, "e2": {None: 0.1, "e1": FAR, "e2": 0.0}}
TOGETHER = {"e1": {None: 0.1, "e1": 0.0, "e2": 0.02}, "e2": {None: 0.1, "e1": 0.02, "e2": 0.0}}


def forecast(
    rates: dict[str, dict[str, float]],
    room: int,
    *,
    delays: dict[str, dict[str | None, float]],
    sizes: dict[str, int] | None = None,
) -> Forecast:
    """Return a forecast of objects of one byte each unless `sizes` says otherwise."""
    paths = sorted({path for of_edge in rates.values() for path in of_edge})
    return Forecast(
        rates, sizes or dict.fromkeys(paths, 1), room, delays, [(path,) for path in paths]
    )


SAME = {"a": 8.0, "b": 4.0, "c": 2.0, "d": 1.0}


def test_popular_fills_each_edge_by_its_own_demand() -> None:
    """The most wanted first; what does not fit is passed over."""
    asked = forecast(
        {"e1": {"a": 3, "big": 2, "c": 1}, "e2": {"a": 1, "c": 5}},
        2,
        delays=ALONE,
        sizes={"a": 1, "big": 5, "c": 1},
    )
    assert popular(asked) == {"e1": ["a", "c"], "e2": ["c", "a"]}


def test_prefix_takes_how_videos_begin() -> None:
    """Only the first segments, of the most popular videos first."""
    rates = {"v/0": 9.0, "v/1": 8.0, "w/0": 5.0, "w/1": 4.0}
    asked = Forecast(
        {"e1": rates}, dict.fromkeys(rates, 1), 3, ALONE, [("v/0", "v/1"), ("w/0", "w/1")]
    )
    assert prefix(asked, 1) == {"e1": ["v/0", "w/0"]}


def test_alone_greedy_is_popularity_per_byte() -> None:
    """Edges that do not ask each other each hold what they want most."""
    asked = forecast({"e1": SAME, "e2": SAME}, 2, delays=ALONE)
    assert greedy(asked) == {"e1": ["a", "b"], "e2": ["a", "b"]}


def test_together_greedy_holds_different_things() -> None:
    """A second copy saves little when the first is near: the room goes to other objects."""
    rates = {"a": 5.0, "b": 4.0, "c": 3.0, "d": 3.0}
    chosen = greedy(forecast({"e1": rates, "e2": rates}, 2, delays=TOGETHER))
    assert sorted(path for paths in chosen.values() for path in paths) == ["a", "b", "c", "d"]


def allocations(asked: Forecast) -> Iterator[dict[str, tuple[str, ...]]]:
    """Yield every way to fill the edges with objects of one byte."""
    choices = list(combinations(sorted(asked.sizes), asked.room))
    for chosen in product(choices, repeat=len(asked.rates)):
        yield dict(zip(asked.rates, chosen, strict=True))


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.floats(0.1, 10), min_size=4, max_size=4),
    st.lists(st.floats(0.1, 10), min_size=4, max_size=4),
    st.floats(0.0, 0.1),
)
def test_greedy_saves_at_least_half_of_the_best(
    first: list[float], second: list[float], between: float
) -> None:
    """Savings are submodular: under a limit per edge greedy has half of the optimum or more."""
    rates = {
        "e1": dict(zip("abcd", first, strict=True)),
        "e2": dict(zip("abcd", second, strict=True)),
    }
    delays: dict[str, dict[str | None, float]] = {
        "e1": {None: 0.1, "e1": 0.0, "e2": between},
        "e2": {None: 0.1, "e1": between, "e2": 0.0},
    }
    asked = forecast(rates, 2, delays=delays)
    nothing = expected_delay(asked, {})
    best = min(expected_delay(asked, each) for each in allocations(asked))
    chosen = expected_delay(asked, greedy(asked))
    assert nothing - chosen >= 0.5 * (nothing - best) - 1e-12


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 50), min_size=1),
    st.integers(0, 100),
    st.sampled_from(["popular", "greedy"]),
)
def test_nothing_exceeds_the_room(sizes: dict[str, int], room: int, name: str) -> None:
    """Each edge gets each object at most once, and no more bytes than it can hold."""
    rates = {edge: dict.fromkeys(sizes, 1.0) for edge in ("e1", "e2")}
    for paths in PLACEMENTS[name](forecast(rates, room, delays=ALONE, sizes=sizes)).values():
        assert len(set(paths)) == len(paths)
        assert sum(sizes[path] for path in paths) <= room


def test_delays_may_come_from_networkx() -> None:
    """On a line of three edges, one copy in the middle is the best single copy."""
    graph = nx.path_graph(["e1", "e2", "e3"])
    lengths = dict(nx.all_pairs_shortest_path_length(graph))
    delays: dict[str, dict[str | None, float]] = {
        edge: {None: 10.0, **{other: float(lengths[edge][other]) for other in graph}}
        for edge in graph
    }
    rates = {edge: {"a": 1.0} for edge in graph}
    asked = forecast(rates, 1, delays=delays)
    assert next(edge for edge, paths in greedy(asked).items() if paths) in graph
    single = {edge: expected_delay(asked, {edge: ["a"]}) for edge in graph}
    assert min(single, key=lambda edge: single[edge]) == "e2"


@pytest.mark.parametrize("name", PLACEMENTS)
def test_every_edge_is_told_something(name: str) -> None:
    """Each edge of the forecast has an entry, be it empty."""
    asked = forecast({"e1": SAME, "e2": {}}, 4, delays=ALONE)
    assert set(PLACEMENTS[name](asked)) == {"e1", "e2"}
