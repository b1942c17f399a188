"""Offload against delay: settings, the limit, rows, and the command that draws them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import pytest

from experiments.metrics import Metrics
from experiments.scenario import Clients, Content, Scenario, Size
from experiments.trade_off import Limit, Row, Setting, draw, row
from experiments.units import UnitError
from tests.experiments.test_processes import Process

LIMIT = Limit(size=10_000_000, clients=20, clients_up=200e6, bound=4.0)
SCENARIO = """
name = "small"
model = "hybrid"
[content]
size = "1MiB"
[[clients]]
count = 3
"""


def metrics(last: float | None, offload: float | None) -> Metrics:
    """Return one run's metrics."""
    return Metrics(
        model="hybrid", clients=20, seed=1, first_s=last, median_s=last, p95_s=last, last_s=last,
        server_bytes=1, edge_bytes=2, peer_bytes=3, bound_s=4.0, ratio=None, valid=True,
        digest="", wall_s=0.0, offload=offload,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("always", Setting("always")),
        (" when-rare ", Setting("when-rare")),
        ("always@500kbps", Setting("always", 500e3)),
        ("always@unlimited", Setting("always", math.inf)),
    ],
)
def test_settings_are_read(text: str, setting: Setting) -> None:
    """A policy, and perhaps a rate; written, it is read again."""
    assert Setting.parse(text) == setting
    assert Setting.parse(str(setting)) == setting


def test_a_rate_without_unit_is_refused() -> None:
    """As everywhere."""
    with pytest.raises(UnitError):
        Setting.parse("always@5")


def test_a_setting_changes_nothing_else() -> None:
    """The scenario differs by name, seed, policy and rate."""
    base = Scenario(
        name="x", model="hybrid", content=Content(size=Size(1)), clients=[Clients(count=1)]
    )
    got = Setting("when-rare", 1e6).of(base, 7)
    assert (got.name, got.seed) == ("x-when-rare@1Mbps", 7)
    assert (got.web_seed.policy, got.web_seed.rate) == ("when-rare", 1e6)
    assert got.clients == base.clients


@pytest.mark.parametrize(("offload", "seconds"), [(0, 4), (0.25, 4), (0.5, 4), (0.75, 6), (1, 8)])
def test_the_limit_is_the_bound_then_the_uplinks(offload: float, seconds: float) -> None:
    """Twenty times 80 Mb at 200 Mb/s are 8 s if all of it comes from clients."""
    assert LIMIT.at(offload) == pytest.approx(seconds)


def test_somebody_must_have_it_first() -> None:
    """Of twenty copies at least one comes from the edges."""
    assert LIMIT.most == pytest.approx(0.95)


def test_a_row_is_the_mean_over_seeds() -> None:
    """Runs that served nobody are left out; a setting that never served has no row."""
    runs = [metrics(10.0, 0.7), metrics(12.0, 0.8), metrics(None, None)]
    got = row(Setting("always"), runs, LIMIT)
    assert got is not None
    assert (got.seeds, got.last_s, got.last_min_s, got.last_max_s) == (2, 11.0, 10.0, 12.0)
    assert got.offload == pytest.approx(0.75)
    assert got.limit_s == pytest.approx(6.0)
    assert row(Setting("never"), [metrics(None, None)], LIMIT) is None


def test_the_figure_is_the_same_for_the_same_numbers() -> None:
    """As PNG and SVG."""
    made = row(Setting("always", 1e6), [metrics(10.0, 0.7)], LIMIT)
    assert isinstance(made, Row)
    first, second = (draw([made], LIMIT, caption="x") for _ in range(2))
    assert first == second
    assert set(first) == {"png", "svg"}


def test_the_command(tmp_path: Path) -> None:
    """It prints a row per setting and leaves a figure."""
    scenario, out = tmp_path / "small.toml", tmp_path / "out"
    scenario.write_text(SCENARIO)
    code, told, err = Process(
        "offload", str(scenario), "--settings", "always,when-rare", "--seeds", "1-2",
        "--out", str(out), "--jobs", "1", "--json", "--quiet",
    ).end()  # fmt: skip
    assert code == 0, err
    rows = json.loads(told)
    assert [(each["setting"], each["seeds"]) for each in rows] == [("always", 2), ("when-rare", 2)]
    assert json.loads((out / "offload.json").read_text()) == rows
    assert (out / "offload.png").stat().st_size > 0
    assert msgspec.json.decode((out / "manifest.json").read_bytes())["state"] == "complete"


@pytest.mark.parametrize(
    ("change", "arguments", "says"),
    [
        (("hybrid", "p2p"), (), "the model is 'p2p'; only hybrid has an offload"),
        (("", ""), ("--settings", "alway"), "did you mean 'always'?"),
        (("", ""), ("--settings", "always@5"), "--settings: '5'"),
        (("", ""), ("--jobs", "0"), "--jobs: 0 is below 1"),
    ],
)
def test_what_cannot_be_run_is_refused(
    tmp_path: Path, change: tuple[str, str], arguments: tuple[str, ...], says: str
) -> None:
    """Exit code 2, the place, and the fix."""
    scenario = tmp_path / "small.toml"
    scenario.write_text(SCENARIO.replace(*change))
    code, _, err = Process("offload", str(scenario), *arguments).end()
    assert code == 2
    assert says in err
