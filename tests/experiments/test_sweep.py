"""Sweeps: what is varied, what is refused, and what the runs come to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from experiments import cli, sweep
from experiments.cli.errors import CommandError
from experiments.scenario import ScenarioError
from experiments.sweep import SweepError, Varied
from experiments.sweep_figures import draw

MODELS = ("client-server", "p2p", "cdn")
TABLE: dict[str, Any] = {
    "name": "small",
    "model": "client-server",
    "content": {"size": "64KiB"},
    "clients": [{"count": 2}, {"count": 3}],
}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("cdn.policy=lru,sieve", ("lru", "sieve")),
        ("cdn.capacity=0.1,64MiB,[0.1, 0.2]", (0.1, "64MiB", [0.1, 0.2])),
        ("cdn.cooperative=true", (True,)),
        (
            "demand.session={ kind = 'browse', requests = 2.0 }",
            ({"kind": "browse", "requests": 2.0},),
        ),
        ('name="a,b",c', ("a,b", "c")),
    ],
)
def test_values_are_read_as_toml_or_as_they_stand(text: str, values: tuple[Any, ...]) -> None:
    """Numbers, booleans, lists and tables are TOML's; anything else is a string."""
    assert sweep.varied(text) == Varied(text.partition("=")[0], values)


@pytest.mark.parametrize("text", ["cdn.policy", "cdn.policy=", "=lru", "a b=1"])
def test_what_varies_nothing_is_refused(text: str) -> None:
    """The form is KEY=VALUE,VALUE."""
    with pytest.raises(SweepError, match=r"is not KEY=VALUE,VALUE"):
        sweep.varied(text)


def test_every_combination_is_planned_for_every_seed() -> None:
    """The last key varies fastest; a group's key is set in all groups, or in one by its index."""
    keys = [Varied("clients.up", ("1Mbps", "2Mbps")), Varied("clients[1].count", (5, 6))]
    points = sweep.plan(TABLE, keys, [1, 2], MODELS, source="small.toml")
    assert [point.label for point in points] == [
        "1Mbps, 5", "1Mbps, 6", "2Mbps, 5", "2Mbps, 6",
    ]  # fmt: skip
    last = points[-1].scenarios[1]
    assert (last.name, last.seed) == ("small-004", 2)
    assert [(group.count, group.up) for group in last.clients] == [(2, 2e6), (6, 2e6)]
    assert TABLE["clients"] == [{"count": 2}, {"count": 3}]


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ([Varied("clients.upp", (1,))], r"with clients.upp=1: clients\[0\].upp: unknown key"),
        ([Varied("clients[2].up", ("1Mbps",))], "there are only 2 tables clients"),
        ([Varied("network.rtt", ("4",))], "network.rtt: '4' is not a duration"),
        ([Varied("name.x", (1,))], "name is no section"),
    ],
)
def test_what_cannot_be_run_is_refused(keys: list[Varied], says: str) -> None:
    """The refusal names the combination, the key and the fix."""
    with pytest.raises(ScenarioError, match=says):
        sweep.plan(TABLE, keys, [1], MODELS, source="small.toml")


def test_a_key_is_varied_once() -> None:
    """Two lists of values for one key are a mistake."""
    key = Varied("network.rtt", ("1ms",))
    with pytest.raises(SweepError, match="once"):
        sweep.plan(TABLE, [key, key], [1], MODELS, source="small.toml")


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run `swarmbed sweep` in process; return its exit code and stdout."""
    code = int(cli.app(["sweep", *arguments], exit_on_error=False) or 0)
    return code, capsys.readouterr().out


def test_the_command_prints_means_and_keeps_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row per combination with its interval; a table, JSON, CSV, a figure, and each run."""
    scenario, out = tmp_path / "small.toml", tmp_path / "out"
    scenario.write_text(
        'name = "small"\nmodel = "client-server"\n[content]\nsize = "64KiB"\n'
        "[[clients]]\ncount = 2\n"
    )
    code, printed = run(
        [str(scenario), "--vary", "clients.count=1,2", "--seeds", "1-2", "--jobs", "1", "--json",
         "--quiet", "--out", str(out)],
        capsys,
    )  # fmt: skip
    assert code == 0
    rows = json.loads(printed)
    assert [row["settings"] for row in rows] == [{"clients.count": 1}, {"clients.count": 2}]
    first = rows[0]["measures"]["last_s"]
    assert first["mean"] == pytest.approx(sum(first["each"]) / 2)
    assert json.loads((out / "sweep.json").read_text()) == rows
    lines = (out / "sweep.csv").read_text().splitlines()
    assert lines[0].startswith("clients.count,median_s,median_s half_width,median_s gain")
    assert len(lines) == 3
    assert (out / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((out / "runs").glob("small-*-seed-*.toml"))) == 4


def test_a_measure_that_is_none_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says what there is to measure."""
    scenario = tmp_path / "small.toml"
    scenario.write_text(
        'name = "small"\nmodel = "client-server"\n[content]\nsize = "64KiB"\n'
        "[[clients]]\ncount = 1\n"
    )
    with pytest.raises(CommandError, match=r"--measure: no measure 'last': .*last_s"):
        run(
            [str(scenario), "--seeds", "1", "--measure", "last", "--quiet", "--out",
             str(tmp_path / "out")],
            capsys,
        )  # fmt: skip


def test_measures_are_found_by_their_path() -> None:
    """Objects by key, entries of lists by their name; a table is no measure."""
    told = {"cdn": {"tiers": [{"name": "edge", "requests": 7}], "cost": None}}
    measure = sweep._measure
    assert measure(told, "cdn.tiers.edge.requests") == 7
    assert measure(told, "cdn.cost") is None
    for path in ("cdn.tiers.moon.requests", "cdn.tiers", "cdn.x"):
        with pytest.raises(SweepError, match=r"no measure|is no number"):
            measure(told, path)


def test_points_are_compared_seed_by_seed() -> None:
    """What differs the same way with every seed differs, however much the seeds do."""
    first, second = [1.0, 5.0, 9.0], [1.1, 5.1, 9.11]
    estimate = sweep._estimate(list(second), first)
    assert estimate.half_width is not None
    assert estimate.half_width > 5
    assert estimate.gain == pytest.approx(0.1033, abs=1e-4)
    assert estimate.differs
    assert not sweep._estimate(list(first), first).differs
    assert not sweep._estimate([2.0], [1.0]).differs


@pytest.mark.parametrize("values", [("a", "b"), ("1MiB", "2MiB", "64MiB"), (0.1, 0.2, 0.3)])
def test_a_figure_is_drawn_of_names_and_of_numbers(values: tuple[Any, ...]) -> None:
    """Dots for names, curves for numbers; the same rows give the same bytes."""
    rows = [
        sweep.Row(
            settings={"key": value, "other": other},
            measures={
                "m": sweep.Estimate(mean=1.0, half_width=0.1, each=[0.9, 1.1]),
                "none": sweep.Estimate(mean=None, half_width=None, each=[None, None]),
            },
        )
        for value in values
        for other in ("x", "y")
    ]
    figures = draw(rows, title="t", caption="c")
    assert figures["png"].startswith(b"\x89PNG")
    assert figures == draw(rows, title="t", caption="c")
