"""Viewers that share a video: what edges are spared, who waits, and what is left behind."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from experiments import log, runner
from experiments.cli import app
from experiments.models import models
from experiments.runner import Outcome
from experiments.scenario import Clients, Duration, Quit, Rate, Regular, Scenario, Seek, load
from experiments.streaming import Setting, rows
from experiments.viewer_metrics import ViewerMetrics

SHIPPED = Path(runner.__file__).parent / "scenarios"
LASTS = 24


@cache
def steps(clients: int) -> Outcome:
    """Return a run of the scenario that ships, with so many viewers."""
    base = load(SHIPPED / "stream-steps.toml", tuple(models()))
    return runner.run(replace(base, clients=[replace(base.clients[0], count=clients)]))


def scenario(model: str, clients: Clients, **changes: object) -> Scenario:
    """Return a scenario of a short video."""
    base = load(SHIPPED / "stream-steps.toml", tuple(models()))
    assert base.video is not None
    video = replace(base.video, duration=Duration(LASTS), ladder="240p:200k,480p:600k", abr="bola")
    changed = replace(base, model=model, video=video, clients=[clients])
    return replace(changed, **changes)


def viewers(count: int, **changes: object) -> Clients:
    """Return viewers that come a second after each other."""
    group = Clients(
        count=count,
        up=Rate(10e6),
        arrival=Regular(every=Duration(1)),
        picker="windowed-rarest",
        choker="least-served",
    )
    return replace(group, **changes)


def shared(outcome: Outcome) -> ViewerMetrics:
    """Return what viewers brought each other."""
    assert outcome.viewers is not None
    return outcome.viewers


@pytest.mark.parametrize(("clients", "least"), [(1, 0.0), (3, 0.575), (5, 0.69)])
def test_offload_is_what_browsers_reach_and_nobody_stalls(clients: int, least: float) -> None:
    """Six seconds apart, 20 s of buffer: at least p2p-media-loader's, below (N - 1) / N."""
    outcome = steps(clients)
    assert outcome.video is not None
    assert outcome.video.stalled == outcome.video.unplayed == 0
    assert least <= shared(outcome).offload <= 1 - 1 / clients
    assert [each.played_s for each in outcome.video.each] == [pytest.approx(120)] * clients
    assert shared(outcome).watched_bytes == pytest.approx(clients * 16e6, rel=0.01)


@pytest.mark.parametrize("model", ["video-p2p", "video-hybrid"])
def test_a_ladder_is_shared_rung_by_rung(model: str) -> None:
    """Viewers whose rule changes rungs play to the end, mostly from each other."""
    outcome = runner.run(scenario(model, viewers(6)))
    assert outcome.video is not None
    assert {each.ended for each in outcome.video.each} == {"ended"}
    assert outcome.video.stalled == 0
    assert shared(outcome).offload > 0.4
    assert (shared(outcome).edge_bytes == 0) == (model == "video-p2p")


def test_a_run_is_determined_by_its_seed() -> None:
    """Same scenario, same seed: the same events."""
    asked = scenario("video-hybrid", viewers(4))
    assert runner.run(asked).metrics.digest == runner.run(asked).metrics.digest


def test_what_is_kept_is_bounded_by_the_window() -> None:
    """A viewer keeps what lies behind and ahead, not the whole video."""
    asked = scenario("video-hybrid", viewers(3))
    assert asked.video is not None
    asked = replace(
        asked,
        video=replace(asked.video, duration=Duration(120), ladder="480p:600k", abr="fixed"),
        viewers=replace(asked.viewers, behind=Duration(8)),
    )
    outcome = runner.run(asked)
    per_second = 600e3 / 8
    assert shared(outcome).most_kept_bytes < 2 * (8 + 20 + 4) * per_second < 120 * per_second
    assert shared(outcome).offload > 0.5
    assert outcome.video is not None
    assert outcome.video.stalled == 0


def test_who_quits_leaves_and_others_go_on() -> None:
    """The first viewer's neighbours lose it when it leaves, and play to the end all the same."""
    first = viewers(1, behaviour=[Quit(at=Duration(8))])
    asked = scenario("video-hybrid", viewers(3))
    outcome = runner.run(replace(asked, clients=[first, *asked.clients]))
    events = log.read(outcome.events)
    lost = [
        e.time for e in events if e.name == "neighbour_lost" and e.fields["neighbour"] == "client-1"
    ]
    assert lost
    assert all(8 <= at <= 9 for at in lost)
    sources = {e.fields["source"] for e in events if e.name == "chunk_received" and e.time > 9.5}
    assert "client-1" not in sources
    assert outcome.video is not None
    assert [each.ended for each in outcome.video.each] == ["left", "ended", "ended", "ended"]


def test_who_seeks_back_gets_what_it_had_dropped() -> None:
    """Segments that fell out of the window are fetched again."""
    group = viewers(2, behaviour=[Seek(at=Duration(18), to=Duration(0))])
    asked = scenario("video-hybrid", group)
    outcome = runner.run(replace(asked, viewers=replace(asked.viewers, behind=Duration(0))))
    assert outcome.video is not None
    assert {each.ended for each in outcome.video.each} == {"ended"}
    assert all(each.played_s > LASTS + 10 for each in outcome.video.each)


def test_locality_keeps_bytes_within_access_networks() -> None:
    """Of what viewers bring each other, less crosses where trackers introduce by network."""
    asked = scenario("video-hybrid", viewers(32, arrival=Regular(every=Duration(0.25))))
    asked = replace(asked, edges=replace(asked.edges, count=4))
    near, anyone = (
        shared(runner.run(Setting("video-hybrid", each).of(asked, 32, 1)))
        for each in ("same-network", "anyone")
    )
    assert (
        near.across_bytes / near.neighbour_bytes
        < 0.6 * anyone.across_bytes / anyone.neighbour_bytes
    )
    assert near.offload > anyone.offload - 0.1


def test_a_crowd_saves_the_edges_most_of_their_bytes() -> None:
    """As in the scenario that ships, with fewer viewers: half at least, and no more stalls."""
    base = load(SHIPPED / "stream-crowd.toml", tuple(models()))
    cdn, hybrid = (
        runner.run(Setting(model).of(base, 25, 1)) for model in ("video-cdn", "video-hybrid")
    )
    assert cdn.video is not None
    assert hybrid.video is not None
    assert shared(hybrid).edge_bytes < 0.5 * shared(cdn).edge_bytes
    assert hybrid.video.stalled <= cdn.video.stalled
    assert hybrid.video.means["startup_s"].mean < cdn.video.means["startup_s"].mean + 0.2


def test_settings_are_read_as_they_are_written() -> None:
    """MODEL or MODEL@NEIGHBOURS; another choice is refused by name."""
    assert Setting.parse(" video-p2p@same-network") == Setting("video-p2p", "same-network")
    assert str(Setting.parse("video-p2p")) == "video-p2p"
    with pytest.raises(ValueError, match="no neighbours 'near'; anyone or same-network"):
        Setting.parse("video-p2p@near")


def test_a_row_sums_up_its_runs() -> None:
    """Each setting and number of viewers has one, with the bound beside it."""
    base = steps(3).scenario
    setting = Setting("video-hybrid")
    done = [runner.run(setting.of(base, 2, seed)) for seed in (1, 2)]
    (row,) = rows([setting], base, [2], done)
    assert (row.setting, row.clients, row.seeds, row.most_offload) == ("video-hybrid", 2, 2, 0.5)
    assert row.offload == pytest.approx(sum(shared(each).offload for each in done) / 2)
    assert 0.4 < row.offload <= 0.5


def test_the_command_prints_rows_and_keeps_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One row per model and number of viewers, and three figures."""
    out = tmp_path / "out"
    arguments = ["stream", "--models", "video-cdn,video-hybrid", "--clients", "2", "--jobs", "1"]
    assert app([*arguments, "--out", str(out), "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "video-hybrid" in printed
    assert "at most" in printed
    assert {"viewers.png", "trade-off.svg", "stream.json"} <= {each.name for each in out.iterdir()}
