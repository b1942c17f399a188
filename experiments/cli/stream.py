"""`swarmbed stream`: a video by several models, to several numbers of viewers."""

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
    from experiments.scenario import Scenario
    from experiments.streaming import Row, Setting

_WIDE = 150


def stream(
    scenario: Annotated[
        Path, Parameter(help="A TOML file with a [video], or the name of one that ships.")
    ] = Path("stream-steps"),
    /,
    *,
    models: Annotated[
        str,
        Parameter(help="Models, with @same-network for trackers that introduce by locality."),
    ] = "video-cdn,video-p2p,video-hybrid",
    clients: Annotated[
        str | None, Parameter(help="Numbers of viewers (default: the scenario's).")
    ] = None,
    seeds: Annotated[str, Parameter(help="Run each with these seeds, such as 1-3.")] = "1",
    network: OnNetwork = "virtual",
    jobs: Annotated[int | None, Parameter(help="Runs at a time (default: one per core).")] = None,
    out: Annotated[Path | None, Parameter(help="Results directory (default results/NAME).")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show a video to viewers by several models: offload beside start-up delay and stalls.

    Prints a table and writes a results directory with figures. Offload is the share of what was
    watched that came from other viewers; at most (N - 1) / N of it can.
    """
    from experiments.models import models as known
    from experiments.scenario import ScenarioError, load, problems
    from experiments.streaming import Setting

    try:
        base = load(find(scenario), tuple(known()))
        settings = [Setting.parse(text) for text in dict.fromkeys(models.split(","))]
    except ScenarioError as error:
        raise CommandError(str(error)) from error
    except ValueError as error:
        raise CommandError(f"--models: {error}") from error
    if base.video is None:
        raise CommandError(f"{scenario}: there is no [video] to show")
    if len(base.clients) > 1:
        raise CommandError(f"{scenario}: give one [[clients]] group; its number is varied")
    if jobs is not None and jobs < 1:
        raise CommandError(f"--jobs: {jobs} is below 1")
    counts = [base.client_count] if clients is None else _counts(clients)
    runs = [
        setting.of(base, count, seed)
        for setting in settings
        for count in counts
        for seed in read_seeds(seeds)
    ]
    for each in runs:
        for key, problem in problems(each, tuple(known())):
            raise CommandError(f"{'--models' if key == 'model' else key}: {problem}")
    return _Stream(
        title=f"{base.name}: {network} network, seeds {seeds}",
        base=base,
        scenarios=runs,
        network=network,
        out=out or Path("results") / base.name,
        jobs=jobs,
        json=json,
        quiet=quiet,
        settings=settings,
        counts=counts,
    ).carry_out()


@dataclass(frozen=True, kw_only=True)
class _Stream(Campaign):
    """A campaign that ends in a row per setting and number of viewers."""

    settings: Sequence[Setting]
    counts: Sequence[int]

    def run_name(self, outcome: Outcome) -> str:
        """Return what tells the runs apart."""
        return f"{outcome.scenario.name}-seed-{outcome.scenario.seed}"

    def present(self, results: Results, done: Sequence[Outcome], state: State) -> None:
        """Print the table, keep it beside the runs' metrics, and draw it."""
        from experiments import streaming

        rows = streaming.rows(self.settings, self.base, self.counts, done)
        if self.json:
            show.as_json(rows)
        elif rows:
            _table(rows, title=self.title)
        if rows:
            self.keep_figures(results, streaming.draw(rows, caption=_about(self.base)))
        results.add_record("stream.json", rows)
        videos = [each.video for each in done]
        results.finish([each.metrics for each in done], state, videos=videos)


def _counts(text: str) -> list[int]:
    try:
        return sorted({int(count) for count in text.split(",")})
    except ValueError as error:
        raise CommandError(f"--clients: '{text}' is not a list like 1,5,20") from error


def _about(base: Scenario) -> str:
    """Return links and video of `base` in one line, for below a title."""
    from experiments import units

    video, group = base.video, base.clients[0]
    rates = [("origin", base.server.up), (f"{base.edges.count} edges", base.edges.up)]
    parts = [f"{name} {units.format_rate(rate)}" for name, rate in rates]
    parts.append(f"viewers {units.format_rate(group.up)} up, {units.format_rate(group.down)} down")
    if video is not None and video.movie is None:
        parts.append(f"{units.format_duration(video.duration)} of {video.ladder}")
    return " · ".join(parts)


def _table(rows: Sequence[Row], *, title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    out = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    out.add_column("model", no_wrap=True)
    for heading in (
        "N", "offload", "at most", "start-up s", "stalled", "mean s", "worst s", "Mbit/s", "QoE",
        "edges MB", "server MB", "across",
    ):  # fmt: skip
        out.add_column(heading, justify="right", no_wrap=True)
    before = None
    for row in rows:
        if before not in (None, row.setting):
            out.add_section()
        before = row.setting
        out.add_row(
            row.setting, str(row.clients), f"{row.offload:.3f}", f"{row.most_offload:.3f}",
            "-" if row.startup_s is None else f"{row.startup_s:.2f}", f"{row.stalled:.3g}",
            f"{row.stalled_s:.2f}", f"{row.worst_s:.2f}", f"{row.bitrate / 1e6:.2f}",
            f"{row.qoe:.2f}", f"{row.edge_bytes / 1e6:.1f}", f"{row.server_bytes / 1e6:.1f}",
            f"{row.across:.3f}",
        )  # fmt: skip
    console.print(out)
    sys.stdout.write(f"runs     took {sum(row.wall_s for row in rows):.1f} s one by one\n")
