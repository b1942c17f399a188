"""Runs of viewers: models, sections, contests of rules, and the commands that print them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from experiments import abr_table, cli, log, runner, video_figures
from experiments.capacity import LinkTrace, find
from experiments.changing_links import every
from experiments.cli.errors import CommandError
from experiments.models import models
from experiments.models.video import made
from experiments.runner import Outcome
from experiments.scenario import Scenario, ScenarioError, load, parse, to_toml
from experiments.video_metrics import VideoMetrics

TABLE = """
name = "small"
model = "{model}"
[video]
duration = "24s"
ladder = "240p:400k,480p:1M"
{video}
[edges]
count = 2
[[clients]]
count = 3
down = "4Mbps"
{clients}
"""


def scenario(
    model: str = "video-cdn", video: str = "", clients: str = "", more: str = ""
) -> Scenario:
    """Return a small scenario of viewers."""
    text = TABLE.format(model=model, video=video, clients=clients) + more
    return parse(tomllib.loads(text), tuple(models()), source="small")


def watched(outcome: Outcome) -> VideoMetrics:
    """Return what the viewers saw."""
    assert outcome.video is not None
    return outcome.video


@pytest.mark.parametrize("model", ["video-server", "video-cdn"])
def test_everybody_watches_to_the_end(model: str) -> None:
    """Six segments each; with a CDN the second of a region finds what the first fetched."""
    outcome = runner.run(scenario(model))
    video = watched(outcome)
    assert [(each.ended, each.segments) for each in video.each] == [("ended", 6)] * 3
    assert all(each.played_s == pytest.approx(24) for each in video.each)
    assert outcome.failures == []
    assert ("hits" in video.means) is (model == "video-cdn")
    names = {f"{name}.{form}" for name in ("session", "sessions-cdf") for form in ("png", "svg")}
    assert video_figures.draw(outcome).keys() == names


def test_a_run_is_its_seed() -> None:
    """Equal scenarios give equal logs; another seed another video."""
    first, again = runner.run(scenario()), runner.run(scenario())
    assert first.metrics.digest == again.metrics.digest


def test_placed_segments_are_hits() -> None:
    """What edges have beforehand the first viewer finds there; the rest is missed."""
    video = watched(runner.run(scenario(video="placed = 2", clients='abr = "fixed:0"')))
    assert [each.hits for each in video.each[:2]] == [pytest.approx(2 / 6)] * 2


def test_behaviour_is_carried_out() -> None:
    """Who quits early has played less, who pauses ends later."""
    more = """
[[clients]]
count = 1
down = "4Mbps"
behaviour = [{ kind = "quit", at = "9s" }]
[[clients]]
count = 1
down = "4Mbps"
behaviour = [{ kind = "pause", at = "5s", lasts = "60s" }, { kind = "seek", at = "70s", to = "0s" }]
"""
    first, *_, quitter, patient = watched(runner.run(scenario(more=more))).each
    assert quitter.ended == "left"
    assert quitter.played_s < 9 < first.played_s
    assert patient.played_s == pytest.approx(5 + 5 + 24, abs=2)
    assert [each.group for each in (first, quitter, patient)] == [1, 2, 3]


def test_live_viewers_are_behind() -> None:
    """A live video is watched some segments behind its end, by those who come later too."""
    clients = 'arrival = { kind = "trace", times = ["0s", "5s", "10s"] }'
    video = watched(runner.run(scenario(video='live = true\nsegment = "2s"', clients=clients)))
    assert all(each.ended == "ended" for each in video.each)
    assert all((each.behind_s or 0) > 2 for each in video.each)
    assert video.each[2].segments < video.each[0].segments


def test_links_change_as_their_traces_say(tmp_path: Path) -> None:
    """A group's trace holds downwards; [[links]] may say otherwise; both are in the log."""
    slow = tmp_path / "slow.csv"
    slow.write_text("time,rate\n0,2Mbps\n3,1Mbps\n6,2Mbps\n")
    more = f'[[links]]\nhost = "edge-1"\ntrace = "{slow}"\ndirection = "up"\n'
    run = scenario(clients='trace = "step-1"', more=more)
    assert [(each.host, each.direction) for each in every(run)] == [
        ("client-1", "down"), ("client-2", "down"), ("client-3", "down"), ("edge-1", "up"),
    ]  # fmt: skip
    outcome = runner.run(run)
    changes = [
        (event.time, event.fields["up"])
        for event in log.read(outcome.events)
        if event.name == "link_changed" and event.host == "edge-1"
    ]
    began = changes[0][0]
    assert [(round(time - began, 9), up) for time, up in changes[:4]] == [
        (0, 2e6), (3, 1e6), (6, 2e6), (12, 1e6),
    ]  # fmt: skip


def test_a_scenario_of_viewers_reads_itself_back() -> None:
    """Every default is written out, behaviour and links included."""
    more = '[[links]]\nhost = "server"\ntrace = "markov-1"\n'
    behaviour = 'behaviour = [{ kind = "seek", at = "2s", to = "8s" }]\nabr = "bola"'
    run = scenario(clients=behaviour, more=more)
    assert parse(tomllib.loads(to_toml(run)), tuple(models()), source="again") == run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"video": 'abr = "bolla"'}, "video.abr: no ABR rule 'bolla'; did you mean 'bola'"),
        ({"video": "placed = -1"}, "video.placed"),
        ({"video": 'movie = "no.json"'}, "video.movie: no.json"),
        ({"video": 'segment = "0s"'}, "video: "),
        ({"video": 'buffer = { ahead = "1s" }'}, "video.buffer"),
        ({"video": 'ladders = "x"'}, "did you mean 'ladder'"),
        ({"clients": 'abr = "x"'}, "clients[0].abr"),
        ({"clients": 'trace = "mobil-1"'}, "clients[0].trace: no link trace 'mobil-1'"),
        (
            {"clients": 'behaviour = [{ kind = "seek", at = "1s", too = "2s" }]'},
            "did you mean 'to'",
        ),
        ({"more": '[[links]]\nhost = "clint-1"\ntrace = "step-1"'}, "did you mean 'client-1'"),
        ({"more": '[content]\nsize = "1MiB"'}, "delivers a [video] instead"),
        ({"model": "p2p"}, "content: give either"),
    ],
)
def test_what_cannot_be_watched_is_refused(arguments: dict[str, str], words: str) -> None:
    """Errors name the key and the fix."""
    with pytest.raises(ScenarioError) as caught:
        scenario(**arguments)
    assert words in str(caught.value)


def test_sections_of_viewers_need_each_other() -> None:
    """A video model needs a [video], and a rule of one's own needs a video to watch."""
    base = {"name": "x", "model": "video-cdn", "clients": [{"count": 1}]}
    with pytest.raises(ScenarioError, match=r"needs a \[video\]"):
        parse(base, tuple(models()), source="x")
    swarm = {**base, "model": "p2p", "content": {"size": "1MiB"}}
    with pytest.raises(ScenarioError, match=r"clients\[0\].abr"):
        parse({**swarm, "clients": [{"count": 1, "abr": "bola"}]}, tuple(models()), source="x")
    with pytest.raises(ScenarioError, match="deliver a"):
        parse({**swarm, "video": {}}, tuple(models()), source="x")


@pytest.mark.parametrize(
    "name", ["viewers", "video-hits", "video-link", "video-behaviour", "video-live"]
)
def test_scenarios_that_ship_can_be_run(name: str) -> None:
    """Each is read without complaint."""
    path = Path(cli.__file__).parent.parent / "scenarios" / f"{name}.toml"
    assert load(path, tuple(models())).video is not None


def arithmetic(trace: LinkTrace, sizes: Sequence[int], rtt: float) -> tuple[float, float]:
    """Return start-up delay and seconds of stalls of 4 s segments fetched one after the other.

    Playing starts and goes on with one segment; there is always room. The first fetch comes after
    a dial, two playlists and an init file.
    """
    now, ready, stalled, startup = 4 * rtt, 0.0, 0.0, 0.0
    for number, size in enumerate(sizes):
        done = now + rtt
        end = trace.bits(done) + 8 * size
        while trace.bits(done) < end:
            done += 0.001
        if number == 0:
            startup = ready = done
        stalled += max(0.0, done - ready)
        ready = max(ready, done) + 4
        now = done
    return startup, stalled


@pytest.mark.parametrize("name", ["steady-1", "step-2", "markov-1"])
def test_a_session_over_a_trace_is_arithmetic(name: str) -> None:
    """Start-up and stalls at a fixed rate are what the trace's capacity makes of the sizes."""
    text = """
name = "x"
model = "video-server"
[video]
duration = "60s"
ladder = "480p:1.6M"
abr = "fixed:0"
buffer = { ahead = "60s" }
[server]
up = "unlimited"
[[clients]]
count = 1
"""
    run = parse(tomllib.loads(f'{text}trace = "{name}"\n'), tuple(models()), source="x")
    (session,) = watched(runner.run(run)).each
    startup, stalled = arithmetic(find(name), made(run).renditions[0].sizes, 0.04)
    assert session.startup_s == pytest.approx(startup, rel=0.05, abs=0.15)
    assert session.stalled_s == pytest.approx(stalled, rel=0.05, abs=0.3)
    assert stalled > 1


def test_a_contest_pairs_rules_on_equal_links() -> None:
    """Each rule has a row per ladder and one over all, with differences to each other rule."""
    contest = abr_table.Contest(
        ["fixed:0", "bola"], ["step-1", "markov-1"], {"a": "240p:400k,480p:1M", "b": "240p:300k"},
        duration=16.0,
    )  # fmt: skip
    done = {each.name: watched(runner.run(each)).each for each in contest.scenarios()}
    rows = contest.rows(done)
    assert [(row.ladder, row.rule, row.sessions) for row in rows] == [
        ("a", "fixed:0", 2), ("a", "bola", 2), ("b", "fixed:0", 2), ("b", "bola", 2),
        (None, "fixed:0", 4), (None, "bola", 4),
    ]  # fmt: skip
    linear = {(row.ladder, row.rule): row.means["qoe_linear"].mean for row in rows}
    over = next(row for row in rows if (row.ladder, row.rule) == ("a", "bola")).over["fixed:0"]
    assert over["qoe_linear"].mean == pytest.approx(linear["a", "bola"] - linear["a", "fixed:0"])
    assert rows[2].over["bola"]["qoe_linear"].mean == pytest.approx(0)  # one rung: no choice


def swarmbed(*arguments: str) -> int:
    """Run the command line."""
    return int(cli.app(arguments) or 0)


def test_abr_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rules by name and from files, on named traces; the results directory keeps it all."""
    own = tmp_path / "mine.py"
    own.write_text("class Mine:\n    def choose(self, view):\n        return 0\n")
    out = tmp_path / "out"
    code = swarmbed(
        "abr", "throughput", f"{own}:Mine", "--traces", "steady-1", "--ladder", "three",
        "--duration", "12s", "--jobs", "1", "--out", str(out), "--quiet",
    )  # fmt: skip
    said = capsys.readouterr().out
    assert code == 0
    assert "mine.py:Mine" in said
    assert "QoE linear" in said
    rows = json.loads((out / "table.json").read_text())
    assert [row["rule"] for row in rows] == ["throughput", "mine.py:Mine"]
    assert json.loads((out / "metrics.json").read_text())[0]["video"]["sessions"] == 2
    assert (out / "sessions-cdf.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "rules: no ABR rule 'nonsense'"),
        (["bola", "--traces", "mobil-1"], "--traces: no link trace 'mobil-1'"),
        (["bola", "--ladder", "240"], "--ladder: '240' is no rung"),
        (["bola", "--ahead", "1s"], "--ahead"),
        (["bola", "--jobs", "0"], "--jobs"),
        (["bola", "--ladder", "three", "--movie", "x"], "either --movie or --ladder"),
    ],
)
def test_abr_refuses_by_flag(arguments: list[str], words: str) -> None:
    """What cannot be compared is named by its flag."""
    with pytest.raises(CommandError) as caught:
        swarmbed("abr", *arguments)
    assert words in str(caught.value)


def test_links_lists_and_writes_traces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that ship are listed, and written for others to read."""
    assert swarmbed("links", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert len(listed) >= 20
    out = tmp_path / "traces"
    assert swarmbed("links", "step-1", "mobile-2", "--out", str(out), "--format", "sabre") == 0
    assert sorted(path.name for path in out.iterdir()) == ["mobile-2.json", "step-1.json"]
    assert swarmbed("links", str(out / "step-1.json")) == 0
    assert " 2.50" in capsys.readouterr().out


def test_run_prints_viewers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run of viewers prints their means, several seeds the means of those."""
    path = tmp_path / "small.toml"
    path.write_text(TABLE.format(model="video-cdn", video="", clients=""))
    out = str(tmp_path / "out")
    assert swarmbed("run", str(path), "--out", out, "--quiet") == 0
    assert "QoE linear" in capsys.readouterr().out
    seeds = ("--seeds", "1-2", "--jobs", "1")
    assert swarmbed("run", str(path), *seeds, "--out", out, "--quiet") == 0
    assert "QoE log" in capsys.readouterr().out


def test_a_rule_that_fails_in_a_run_is_named(tmp_path: Path) -> None:
    """The command says whose rule did what, and exits with 1."""
    own = tmp_path / "mine.py"
    own.write_text("class Mine:\n    def choose(self, view):\n        return 99\n")
    path = tmp_path / "small.toml"
    path.write_text(TABLE.format(model="video-cdn", video='abr = "mine.py:Mine"', clients=""))
    with pytest.raises(CommandError, match="Mine chose 99") as caught:
        swarmbed("run", str(path), "--out", str(tmp_path / "out"), "--quiet")
    assert caught.value.code == 1
