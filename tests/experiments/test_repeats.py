"""One scenario over several seeds: which are run, what is summed up, and what the command says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments import repeats
from experiments.cli.errors import CommandError
from experiments.cli.run import run

SCENARIO = """
name = "small"
model = "{model}"
[content]
size = "256KiB"
chunk_size = "16KiB"
[server]
up = "8Mbps"
[[clients]]
count = 3
up = "2Mbps"
down = "8Mbps"
[[clients]]
count = 1
up = "2Mbps"
down = "8Mbps"
choker = "free-rider"
"""


def scenario(tmp_path: Path, model: str = "p2p") -> Path:
    """Return the path of a small scenario."""
    path = tmp_path / "small.toml"
    path.write_text(SCENARIO.format(model=model))
    return path


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("1-5", [1, 2, 3, 4, 5]),
        ("7", [7]),
        ("3,1,2", [3, 1, 2]),
        ("1-3, 2-4", [1, 2, 3, 4]),
        ("0-999", list(range(1000))),
    ],
)
def test_seeds_are_listed_as_people_write_them(text: str, listed: list[int]) -> None:
    """Numbers and ranges, each once, in the order given."""
    assert repeats.seeds(text) == listed


@pytest.mark.parametrize("text", ["", "a", "1-", "-3", "5-1", "1,,2", "1-2-3", "0-1000", "1-1e9"])
def test_other_seeds_are_refused_with_an_example(tmp_path: Path, text: str) -> None:
    """Also too many of them."""
    with pytest.raises(CommandError, match="1-5 or 1,2,7"):
        run(scenario(tmp_path), seeds=text)


def test_seed_and_seeds_exclude_each_other(tmp_path: Path) -> None:
    """One is a part of the other."""
    with pytest.raises(CommandError, match="either --seed or --seeds"):
        run(scenario(tmp_path), seed=1, seeds="1-2")


def test_the_table_ends_in_means(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line per seed, the mean and its interval, and the groups."""
    assert run(scenario(tmp_path), seeds="1-3", jobs=1, out=tmp_path / "out", quiet=True) == 0
    words = [line.split() for line in capsys.readouterr().out.splitlines()]
    first = [line[0] for line in words if line]
    assert [each for each in first if each in {"1", "2", "3", "mean"}] == ["1", "2", "3", "mean"]
    assert first.count("group") == 2
    assert sorted(each.name for each in (tmp_path / "out" / "runs").glob("*.toml")) == [
        "seed-1.toml", "seed-2.toml", "seed-3.toml",
    ]  # fmt: skip


def test_json_has_the_runs_and_their_summary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mean is that of the runs; the results directory keeps the same."""
    out = tmp_path / "out"
    assert run(scenario(tmp_path), seeds="1,5", jobs=1, out=out, json=True, quiet=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["seed"] for each in told["runs"]] == [1, 5]
    ratios = [each["ratio"] for each in told["runs"]]
    (ratio,) = [each for each in told["summary"] if each["quantity"] == "last ÷ bound"]
    assert ratio["each"] == ratios
    assert ratio["mean"] == pytest.approx(sum(ratios) / 2)
    assert ratio["half_width"] == pytest.approx(12.7062 * abs(ratios[0] - ratios[1]) / 2)
    assert json.loads((out / "summary.json").read_text()) == told["summary"]


def test_a_model_without_a_swarm_has_no_swarms_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What no run has is left out; one run alone tells of no variance."""
    path = scenario(tmp_path, "client-server")
    assert run(path, seeds="4", out=tmp_path / "out", json=True, quiet=True) == 0
    summary = json.loads(capsys.readouterr().out)["summary"]
    assert [each["quantity"] for each in summary if each["group"] is None] == [
        "median s", "last s", "last ÷ bound",
    ]  # fmt: skip
    assert {each["half_width"] for each in summary} == {None}
