"""`swarmbed sweep`: one scenario with some of its keys varied, over several seeds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from experiments.cli import show
from experiments.cli.campaign import Campaign
from experiments.cli.errors import CommandError
from experiments.cli.options import Json, OnNetwork, Quiet
from experiments.cli.run import find, read_seeds

if TYPE_CHECKING:
    from experiments.results import Results, State
    from experiments.runner import Outcome
    from experiments.sweep import Estimate, Point, Row

_WIDE = 160


def sweep(
    scenario: Annotated[
        Path, Parameter(help="A TOML file, or the name of one that ships: cdn-policies, swarm, ...")
    ],
    /,
    *,
    vary: Annotated[
        list[str] | None,
        Parameter(
            help="KEY=VALUE,VALUE,... with a key of docs/scenarios.md; again for more keys.",
            negative="",
        ),
    ] = None,
    measure: Annotated[
        str | None,
        Parameter(help="What to compare: keys of metrics.json, such as last_s,cdn.byte_hit_ratio."),
    ] = None,
    seeds: Annotated[
        str, Parameter(help="Run each with these seeds, such as 1-5 or 1,2,7.")
    ] = "1-5",
    network: OnNetwork = "virtual",
    jobs: Annotated[int | None, Parameter(help="Runs at a time (default: one per core).")] = None,
    out: Annotated[
        Path | None, Parameter(help="Results directory (default results/NAME-sweep).")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Run a scenario with every combination of some keys' values, and compare.

    Prints a table of means with their 95 % confidence intervals; writes a results directory with
    sweep.csv, sweep.json, a figure, and every run.
    """
    from experiments import sweep as sweeps
    from experiments.models import models
    from experiments.scenario import ScenarioError, read

    if jobs is not None and jobs < 1:
        raise CommandError(f"--jobs: {jobs} is below 1")
    path = find(scenario)
    try:
        keys = [sweeps.varied(text) for text in vary or []]
        numbers = read_seeds(seeds)
        points = sweeps.plan(read(path), keys, numbers, tuple(models()), source=str(path))
    except sweeps.SweepError as error:
        raise CommandError(f"--vary: {error}") from error
    except ScenarioError as error:
        raise CommandError(str(error)) from error
    base = points[0].scenarios[0]
    name = base.name.removesuffix("-001")
    asked = measure.split(",") if measure else sweeps.default_measures(base)
    which = f"seed {seeds}" if len(numbers) == 1 else f"seeds {seeds}, mean ± 95 %"
    return _Sweep(
        title=f"{name}: {which}",
        base=base,
        scenarios=[each for point in points for each in point.scenarios],
        network=network,
        out=out or Path("results") / f"{name}-sweep",
        jobs=jobs,
        json=json,
        quiet=quiet,
        points=points,
        measures=[each.strip() for each in asked],
    ).carry_out()


@dataclass(frozen=True, kw_only=True)
class _Sweep(Campaign):
    """A campaign that ends in a line per combination."""

    points: Sequence[Point]
    measures: Sequence[str]

    def run_name(self, outcome: Outcome) -> str:
        """Return what tells the runs apart."""
        return f"{outcome.scenario.name}-seed-{outcome.scenario.seed}"

    def present(self, results: Results, done: Sequence[Outcome], state: State) -> None:
        """Print the table, keep it beside the runs' metrics, and draw it."""
        from experiments import sweep as sweeps
        from experiments import sweep_figures

        found = {(each.scenario.name, each.scenario.seed): each for each in done}
        try:
            rows = sweeps.rows(self.points, found, self.measures)
        except sweeps.SweepError as error:
            results.finish([each.metrics for each in done], "failed")
            raise CommandError(f"--measure: {error}") from error
        if self.json:
            show.as_json(rows)
        elif rows:
            _table(rows, title=self.title)
        if rows:
            caption = f"{self.base.model} · {self.network}"
            drawn = sweep_figures.draw(rows, title=self.title, caption=caption)
            self.keep_figures(results, {f"sweep.{form}": data for form, data in drawn.items()})
        results.add_record("sweep.json", rows)
        results.add_lines("sweep.csv", _lines(rows))
        results.finish(
            [each.metrics for each in done],
            state,
            swarms=[each.swarm for each in done],
            cdns=[each.cdn for each in done],
            videos=[each.video for each in done],
        )


def _table(rows: Sequence[Row], *, title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from experiments.sweep import written

    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    out = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for key in rows[0].settings:
        out.add_column(key, no_wrap=True)
    for name in rows[0].measures:
        out.add_column(name.removeprefix("cdn."), justify="right", overflow="fold")
    for row in rows:
        cells = [written(value) for value in row.settings.values()]
        out.add_row(*cells, *(_estimate(each) for each in row.measures.values()))
    console.print(out)
    if any(each.differs for row in rows for each in row.measures.values()):
        console.print(
            "* differs from the first row: the interval of the differences, seed by seed,"
        )
        console.print("  leaves zero out")


def _estimate(estimate: Estimate) -> str:
    if estimate.mean is None:
        return "-"
    if estimate.half_width is None:
        return f"{estimate.mean:.4g}"
    mark = "*" if estimate.differs else " "
    return f"{estimate.mean:.4g} ±{estimate.half_width:.2g} {mark}"


def _lines(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Return a line per combination, with four columns per measure."""
    from experiments.sweep import written

    lines = []
    for row in rows:
        line: dict[str, object] = {key: written(value) for key, value in row.settings.items()}
        for name, estimate in row.measures.items():
            line[name] = estimate.mean
            line[f"{name} half_width"] = estimate.half_width
            line[f"{name} gain"] = estimate.gain
            line[f"{name} gain half_width"] = estimate.gain_half_width
        lines.append(line)
    return lines
