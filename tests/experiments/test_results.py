"""The results directory: whole files, and nobody else's directory."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from experiments.links import CalibrationRecord
from experiments.metrics import Metrics
from experiments.results import Results, ResultsError, fingerprint

ROW = Metrics(
    model="p2p", clients=3, seed=1, first_s=1.0, median_s=2.0, p95_s=3.0, last_s=3.0,
    server_bytes=10, edge_bytes=0, peer_bytes=20, bound_s=2.5, ratio=1.2, valid=True,
    digest="ab", wall_s=0.5,
)  # fmt: skip


def state(directory: Path) -> object:
    """Return the state in the manifest."""
    return json.loads((directory / "manifest.json").read_text())["state"]


def test_a_run_leaves_everything_behind(tmp_path: Path) -> None:
    """Scenario, metrics, event log, calibration, figure, and a manifest that says complete."""
    out = tmp_path / "deep" / "out"
    results = Results(out, scenario='name = "x"\n', seed=1)
    assert state(out) == "running"
    kept = CalibrationRecord(valid=True, mean_lag_s=0.0, max_lag_s=0.0, rates=[])
    results.add_run("p2p-0003", scenario='name = "x"\n', events=b"log", calibration=kept)
    results.add_figure("cdf.png", b"png")
    results.finish([ROW], "complete")
    assert state(out) == "complete"
    assert (out / "runs/p2p-0003.events.jsonl.gz").read_bytes() == b"log"
    assert json.loads((out / "runs/p2p-0003.calibration.json").read_text())["valid"] is True
    assert json.loads((out / "metrics.json").read_text())[0]["ratio"] == 1.2
    with (out / "metrics.csv").open() as file:
        assert next(csv.DictReader(file))["server_bytes"] == "10"
    assert [path for path in out.rglob("*") if path.name.endswith(".partial")] == []


def test_earlier_results_are_replaced(tmp_path: Path) -> None:
    """Nothing of the run before is left to be mistaken for this one's."""
    Results(tmp_path, scenario="", seed=1).add_figure("old.png", b"")
    Results(tmp_path, scenario="", seed=2)
    assert not (tmp_path / "old.png").exists()


def test_a_strangers_directory_is_left_alone(tmp_path: Path) -> None:
    """A directory with other files is refused, and kept."""
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(ResultsError, match="not empty and holds no results"):
        Results(tmp_path, scenario="", seed=1)
    assert (tmp_path / "thesis.tex").read_text() == "years"


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    """`--out` names a file."""
    (tmp_path / "out").write_text("")
    with pytest.raises(ResultsError, match="another --out"):
        Results(tmp_path / "out", scenario="", seed=1)


def test_the_fingerprint_tells_scenarios_apart() -> None:
    """Equal scenarios, equal fingerprints."""
    assert fingerprint("a") == fingerprint("a") != fingerprint("b")
