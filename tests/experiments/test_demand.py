"""Demand: Zipf's law, regions, drift, flash crowds, days, sessions, and traces."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from experiments import demand as demands
from experiments import workload
from experiments.catalogue import build
from experiments.demand import Popularity, Session
from experiments.quantities import Duration
from experiments.scenario import Catalogue, Cdn, Clients, Edges, Scenario
from experiments.scenario.delivery import Browse, Demand, Diurnal, Drift, Flash, Watch
from experiments.traces import TraceError

CLIENTS = tuple(f"client-{number}" for number in range(1, 9))


def sessions(
    demand: Demand, *, objects: int = 50, segments: int = 1, seed: int = 1
) -> list[Session]:
    """Draw the sessions of eight clients in four regions."""
    catalogue = build(Catalogue(objects=objects, segments=segments), seed)
    popular = demands.popularity(catalogue, 0.9, demand)
    return demands.sessions(demand, catalogue, popular, clients=CLIENTS, regions=4)


def test_popularity_is_zipfs() -> None:
    """The object of rank r is wanted in proportion to r ** -alpha."""
    popular, rng = Popularity(100, 1.0), random.Random(1)
    counts = Counter(popular.draw(0, 0.0, rng) for _ in range(50_000))
    assert counts[0] / counts[1] == pytest.approx(2, rel=0.1)
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.15)
    assert sum(popular.shares(0, 0.0)) == pytest.approx(1)
    assert counts[0] / 50_000 == pytest.approx(popular.shares(0, 0.0)[0], rel=0.05)


def test_regions_have_favourites_of_their_own() -> None:
    """A share of the requests follows the region's ranking, the rest everybody's."""
    popular = Popularity(100, 1.0, regional=0.5)
    here, there = popular.shares(1, 0.0), popular.shares(2, 0.0)
    assert here != there
    assert max(here) == here[0] or max(there) == there[0]
    assert sum(min(a, b) for a, b in zip(here, there, strict=True)) >= 0.5 - 1e-9


def test_popularity_drifts_step_by_step() -> None:
    """Within a period nothing changes; after it, that share of the ranks has moved."""
    popular = Popularity(100, 1.0, drift=Drift(every=Duration(10), share=0.2))
    first, same, later = (popular.shares(0, time) for time in (0.0, 9.9, 10.0))
    assert first == same
    assert 0 < sum(a != b for a, b in zip(first, later, strict=True)) <= 20
    assert sorted(first) == sorted(later)


def test_sessions_come_at_the_rate() -> None:
    """A Poisson process over the warm-up and the time measured."""
    found = sessions(Demand(rate=50.0, warm_up=Duration(20), lasts=Duration(80)))
    assert len(found) == pytest.approx(5000, rel=0.05)
    assert all(0 < session.start < 100 for session in found)
    assert [s.start for s in found] == sorted(s.start for s in found)
    assert sessions(Demand(rate=2.0)) == sessions(Demand(rate=2.0))
    assert sessions(Demand(rate=2.0)) != sessions(Demand(rate=2.0), seed=2)


def test_days_swing_round_their_mean() -> None:
    """The first half of a sine has more than the second, and the mean stays."""
    shape = Diurnal(period=Duration(100), swing=0.8)
    found = sessions(Demand(rate=50.0, lasts=Duration(100), shape=shape))
    day = sum(session.start < 50 for session in found)
    assert len(found) == pytest.approx(5000, rel=0.06)
    assert day / (len(found) - day) == pytest.approx(
        (1 + 1.6 / 3.14159) / (1 - 1.6 / 3.14159), rel=0.1
    )


def test_a_flash_crowd_wants_one_thing() -> None:
    """While it lasts, sessions come faster and most are for what was the least popular."""
    flash = Flash(at=Duration(40), lasts=Duration(20), factor=3.0, share=0.8)
    found = sessions(Demand(rate=20.0, lasts=Duration(100), flash=flash))
    crowd = [session for session in found if 40 <= session.start < 60]
    assert len(crowd) == pytest.approx(1200, rel=0.1)
    wanted = Counter(session.paths[0] for session in crowd).most_common(1)[0]
    assert wanted[0] == "/object-50"
    assert wanted[1] / len(crowd) == pytest.approx(0.8, abs=0.05)


def test_browsing_sessions_have_several_requests() -> None:
    """As many as asked for on average, with pauses between."""
    found = sessions(
        Demand(rate=50.0, session=Browse(requests=4.0, pause=Duration(2)), lasts=Duration(60))
    )
    lengths = [len(session.paths) for session in found]
    assert sum(lengths) / len(lengths) == pytest.approx(4, rel=0.1)
    pauses = [pause for session in found for pause in session.pauses[1:]]
    assert sum(pauses) / len(pauses) == pytest.approx(2, rel=0.1)
    assert all(session.pauses[0] == 0 for session in found)


def test_viewers_watch_from_the_beginning_and_give_up() -> None:
    """Segments come in order; each is the last with the given probability."""
    watch = Watch(abandon=0.25, pause=Duration(1))
    found = sessions(Demand(rate=50.0, session=watch), segments=10)
    assert all(
        [path.rpartition("/")[2] for path in session.paths]
        == [str(number) for number in range(len(session.paths))]
        for session in found
    )
    gone = sum(len(session.paths) == 1 for session in found)
    assert gone / len(found) == pytest.approx(0.25, abs=0.04)


def test_regions_may_have_unequal_shares() -> None:
    """Clients of a region together come as often as its share says."""
    found = sessions(Demand(rate=50.0, by_region=[3.0, 1.0, 0.0, 0.0]))
    counts = Counter((CLIENTS.index(session.client)) % 4 for session in found)
    assert set(counts) == {0, 1}
    assert counts[0] / counts[1] == pytest.approx(3, rel=0.15)


def scenario(path: Path, lasts: float = 60.0) -> Scenario:
    """Return a scenario that replays the trace at `path`."""
    return Scenario(
        name="t",
        model="cdn",
        catalogue=Catalogue(),
        demand=Demand(trace=str(path), lasts=Duration(lasts)),
        cdn=Cdn(),
        edges=Edges(count=2),
        clients=[Clients(count=3)],
    )


def test_a_trace_is_replayed(tmp_path: Path) -> None:
    """Its clock starts at zero, its objects are the catalogue, and it ends when demand does."""
    path = tmp_path / "trace.csv"
    path.write_text("time,object,size\n100,a b,10\n101,c,20\n102,a b,10\n300,d,5\n")
    work = workload.build(scenario(path))
    assert dict(work.catalogue.sizes) == {"/a%20b": 10, "/c": 20}
    assert [(s.start, s.paths) for s in work.sessions] == [
        (0.0, ("/a%20b",)), (1.0, ("/c",)), (2.0, ("/a%20b",)),
    ]  # fmt: skip
    assert work.shares == [[2 / 3, 1 / 3]] * 2


def test_an_empty_trace_is_refused(tmp_path: Path) -> None:
    """Nothing can be learnt from no requests."""
    path = tmp_path / "trace.csv"
    path.write_text("time,object,size\n")
    with pytest.raises(TraceError, match="no requests"):
        workload.build(scenario(path))
