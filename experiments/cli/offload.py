"""`swarmbed offload`: a hybrid at several settings of its web seeds: offload against delay."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from experiments import units
from experiments.cli import show
from experiments.cli.campaign import Campaign
from experiments.cli.errors import CommandError
from experiments.cli.options import Json, OnNetwork, Quiet
from experiments.cli.run import find, read_seeds

if TYPE_CHECKING:
    from experiments.results import Results, State
    from experiments.runner import Outcome
    from experiments.trade_off import Limit, Row, Setting

_SETTINGS = (
    "always,always@5Mbps,always@3Mbps,always@2Mbps,always@1Mbps,always@500kbps,when-rare,when-idle"
)
_WIDE = 132


def offload(
    scenario: Annotated[
        Path, Parameter(help="A TOML file of the model hybrid, or the name of one that ships.")
    ] = Path("offload"),
    /,
    *,
    settings: Annotated[
        str, Parameter(help="Policies of docs/hybrid.md, with @RATE for the most a client takes.")
    ] = _SETTINGS,
    seeds: Annotated[str, Parameter(help="Run each with these seeds, such as 1-3.")] = "1-3",
    network: OnNetwork = "virtual",
    jobs: Annotated[int | None, Parameter(help="Runs at a time (default: one per core).")] = None,
    out: Annotated[
        Path | None, Parameter(help="Results directory (default results/NAME-offload).")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Run a hybrid at several settings, and set what edges are spared beside what clients wait.

    Prints a table and writes a results directory with a figure.
    """
    from experiments.models import models
    from experiments.scenario import ScenarioError, load, problems
    from experiments.trade_off import Setting

    try:
        base = load(find(scenario), tuple(models()))
        asked = [Setting.parse(text) for text in dict.fromkeys(settings.split(","))]
    except ScenarioError as error:
        raise CommandError(str(error)) from error
    except units.UnitError as error:
        raise CommandError(f"--settings: {error}") from error
    if base.model != "hybrid":
        raise CommandError(f"{scenario}: the model is {base.model!r}; only hybrid has an offload")
    if jobs is not None and jobs < 1:
        raise CommandError(f"--jobs: {jobs} is below 1")
    runs = [setting.of(base, seed) for setting in asked for seed in read_seeds(seeds)]
    for each in runs:
        for key, problem in problems(each, tuple(models())):
            raise CommandError(f"--settings: {key}: {problem}")
    return _Offload(
        title=f"{base.name}: {network} network, seeds {seeds}",
        base=base,
        scenarios=runs,
        network=network,
        out=out or Path("results") / f"{base.name}-offload",
        jobs=jobs,
        json=json,
        quiet=quiet,
        settings=asked,
    ).carry_out()


@dataclass(frozen=True, kw_only=True)
class _Offload(Campaign):
    """A campaign that ends in a row per setting."""

    settings: Sequence[Setting]

    def run_name(self, outcome: Outcome) -> str:
        """Return what tells the runs apart."""
        return f"{outcome.scenario.name}-seed-{outcome.scenario.seed}"

    def present(self, results: Results, done: Sequence[Outcome], state: State) -> None:
        """Print the table, keep it beside the runs' metrics, and draw it."""
        from experiments import trade_off
        from experiments.comparison import describe

        if done:
            limit = _limit(done[0])
            named = {str(each): each.of(self.base, 0).name for each in self.settings}
            found = [
                trade_off.row(
                    setting,
                    [each.metrics for each in done if each.scenario.name == named[str(setting)]],
                    limit,
                )
                for setting in self.settings
            ]
            rows = [each for each in found if each is not None]
            if self.json:
                show.as_json(rows)
            else:
                _table(rows, title=self.title)
            if rows:
                about = describe(self.base, limit.size, self.network)
                drawn = trade_off.draw(rows, limit, caption=about)
                self.keep_figures(
                    results, {f"offload.{form}": data for form, data in drawn.items()}
                )
            results.add_record("offload.json", rows)
        results.finish([each.metrics for each in done], state, swarms=[each.swarm for each in done])


def _limit(outcome: Outcome) -> Limit:
    from experiments.trade_off import Limit
    from experiments.world import build

    world = build(outcome.scenario)
    return Limit(outcome.size, len(world.clients), world.clients_up, outcome.metrics.bound_s)


def _table(rows: Sequence[Row], *, title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    out = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    out.add_column("web seed", no_wrap=True)
    for heading in (
        "offload", "median s", "last s", "from - to", "edges MB", "server MB", "limit s",
        "last ÷ limit",
    ):  # fmt: skip
        out.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        out.add_row(
            row.setting,
            f"{row.offload:.3f}",
            f"{row.median_s:.2f}",
            f"{row.last_s:.2f}",
            f"{row.last_min_s:.2f} - {row.last_max_s:.2f}",
            f"{row.edge_bytes / 1e6:.1f}",
            f"{row.server_bytes / 1e6:.1f}",
            f"{row.limit_s:.2f}",
            f"{row.last_s / row.limit_s:.3f}",
        )
    console.print(out)
