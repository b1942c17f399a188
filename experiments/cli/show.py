"""What people see while runs go on and when they are done: progress, a table, or JSON.

Tables and JSON go to stdout, everything else to stderr; nothing moves unless it is a terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from experiments.cli import show_cdn, show_video

if TYPE_CHECKING:
    from experiments.groups import GroupMetrics
    from experiments.metrics import Metrics
    from experiments.repeats import Summary
    from experiments.runner import Outcome
    from experiments.scenario import Scenario
    from experiments.swarm_metrics import SwarmMetrics
    from experiments.tournament import Standing
    from experiments.viewer_metrics import ViewerMetrics
    from net.calibration import Calibration

_WIDE = 132


class Report(Protocol):
    """Told of each outcome as it comes."""

    def __call__(self, outcome: Outcome) -> None:
        """Show it."""


def say(text: str, *, quiet: bool) -> None:
    """Tell people something on stderr."""
    if not quiet:
        sys.stderr.write(f"{text}\n")


@contextmanager
def progress(total: int, *, quiet: bool) -> Iterator[Report]:
    """Show how many of `total` runs are done: a bar on a terminal, a line per run elsewhere."""
    if quiet:
        yield lambda outcome: None  # noqa: ARG005 - nobody is told
        return
    if not sys.stderr.isatty():
        yield lambda outcome: say(_line(outcome), quiet=False)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=total)
        yield lambda outcome: bar.update(task, advance=1, description=_line(outcome))


def table(rows: Sequence[Metrics], *, title: str) -> None:
    """Print one line per run."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    out = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    out.add_column("model", no_wrap=True, min_width=13)
    for heading in (
        "N", "first s", "median s", "p95 s", "last s", "server MB", "edges MB", "peers MB",
        "offload", "bound s", "last ÷ bound",
    ):  # fmt: skip
        out.add_column(heading, justify="right", no_wrap=True)
    model = None
    for row in rows:
        if model not in (None, row.model):
            out.add_section()
        model = row.model
        out.add_row(*_cells(row), style=None if row.valid else "red")
    console.print(out)


def swarm(metrics: SwarmMetrics) -> None:
    """Print how the swarm did."""
    busy = metrics.uplink_utilisation
    lines = {
        "delivery": f"mean {_number(metrics.mean_s)} s after arrival, "
        f"all after {_number(metrics.makespan_s)} s",
        "uplinks": "one is unlimited" if busy is None else f"{busy:.1%} used".replace("%", " %"),
        "seed copies": f"{metrics.seed_copies:.2f}",
        "tail": f"{_number(metrics.tail_s)} s from 95 % served to all",
        "share ratio": f"mean {_number(metrics.share_ratio_mean)}, from "
        f"{_number(metrics.share_ratio_min)} to {_number(metrics.share_ratio_max)}",
        "duplicates": f"{metrics.duplicate_bytes / 1e6:.2f} MB",
        "control": f"{metrics.control_bytes / 1e6:.2f} MB",
    }
    if metrics.fluid_s is not None:
        lines["fluid model"] = (
            f"mean {_number(metrics.fluid_s)} s by the model, "
            f"{_number(metrics.steady_mean_s)} s measured after warm-up"
        )
    sys.stdout.write("swarm\n")
    sys.stdout.writelines(f"  {name:11} {text}\n" for name, text in lines.items())


def viewers(metrics: ViewerMetrics | None) -> None:
    """Print what viewers brought each other, if they did."""
    if metrics is None or not metrics.neighbour_bytes:
        return
    lines = {
        "offload": f"{100 * metrics.offload:.1f} % of {metrics.watched_bytes / 1e6:.1f} MB watched",
        "neighbours": f"{metrics.neighbour_bytes / 1e6:.1f} MB, "
        f"{metrics.across_bytes / 1e6:.1f} MB of them from another access network",
        "edges": f"{metrics.edge_bytes / 1e6:.1f} MB",
        "server": f"{metrics.server_bytes / 1e6:.1f} MB",
        "twice": f"{metrics.duplicate_bytes / 1e6:.2f} MB",
        "kept": f"{metrics.most_kept_bytes / 1e6:.1f} MB by one viewer at most",
    }
    sys.stdout.write("sharing\n")
    sys.stdout.writelines(f"  {name:11} {text}\n" for name, text in lines.items())


def bound_note(scenario: Scenario) -> None:
    """Say which bound stands beside the result where it is not the model's."""
    if scenario.staggered:
        sys.stdout.write("bound    F / d_min, of one client: clients do not come at once\n")
    elif scenario.faults:
        sys.stdout.write("bound    that of the healthy network with all its clients\n")


def groups(metrics: Sequence[GroupMetrics]) -> None:
    """Print how each group of clients fared, if there are several."""
    if len(metrics) < 2:
        return
    sys.stdout.write("groups\n")
    for group in metrics:
        sys.stdout.write(
            f"  {group.clients} x {group.picker} + {group.choker}: mean {_number(group.mean_s)} s, "
            f"last {_number(group.last_s)} s, share ratio {_number(group.share_ratio)}\n"
        )


def standings(rows: Sequence[Standing], *, title: str) -> None:
    """Print the table of a tournament."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    out = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    out.add_column("rank", justify="right")
    out.add_column("strategy", no_wrap=True)
    for heading in ("mean s", "± 95 %", "share ratio"):
        out.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        numbers = map(_number, (row.mean_s, row.half_width_s, row.share_ratio))
        out.add_row(str(row.rank), row.strategy, *numbers)
    console.print(out)


def repeats(summaries: Sequence[Summary], *, seeds: Sequence[int], title: str) -> None:
    """Print one line per seed, and the means with their 95 % confidence intervals."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    out = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    out.add_column("seed", justify="right", no_wrap=True)
    columns = [each for each in summaries if each.group is None]
    for each in columns:
        out.add_column(each.quantity, justify="right", no_wrap=True)
    for place, seed in enumerate(seeds):
        out.add_row(str(seed), *(_fine(each.each[place]) for each in columns))
    out.add_section()
    out.add_row("mean", *(_fine(each.mean) for each in columns), style="bold")
    out.add_row("± 95 %", *(_fine(each.half_width) for each in columns))
    console.print(out)
    for each in summaries:
        if each.group is not None:
            sys.stdout.write(
                f"group    {each.group}: {each.quantity} {_fine(each.mean)}"
                f" ± {_fine(each.half_width)}\n"
            )


def links(calibrations: Sequence[Calibration]) -> None:
    """Print whether the links kept their rates: in one line, or in full for a single run."""
    from experiments import links

    if len(calibrations) == 1:
        lines = ["links", *(f"  {line}" for line in links.details(calibrations[0]))]
    else:
        lines = [f"links    {links.summary(calibrations)}"]
    sys.stdout.write("\n".join(lines) + "\n")


def as_json(value: object) -> None:
    """Print an array of objects, or an object."""
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def _cells(row: Metrics) -> tuple[str, ...]:
    times = [_number(value) for value in (row.first_s, row.median_s, row.p95_s, row.last_s)]
    sent = [f"{size / 1e6:.1f}" for size in (row.server_bytes, row.edge_bytes, row.peer_bytes)]
    ratio = "-" if row.ratio is None else f"{row.ratio:.3f}"
    offload = "-" if row.offload is None else f"{row.offload:.3f}"
    return (row.model, str(row.clients), *times, *sent, offload, _number(row.bound_s), ratio)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _fine(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _line(outcome: Outcome) -> str:
    row = outcome.metrics
    if outcome.cdn is not None:
        return f"{row.model}, N = {row.clients}: {show_cdn.line(outcome.cdn)}"
    if outcome.video is not None:
        return f"{row.model}, N = {row.clients}: {show_video.line(outcome.video)}"
    if row.last_s is None:
        return f"{row.model}, N = {row.clients}: nobody was served"
    return f"{row.model}, N = {row.clients}: {row.last_s:.2f} s, {row.ratio:.3f} x bound"
