"""`swarmbed abr`: rules for choosing rates, on many link traces and ladders, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from experiments import units
from experiments.cli import show, show_video
from experiments.cli.campaign import Campaign
from experiments.cli.compare import read_quantity
from experiments.cli.errors import CommandError
from experiments.cli.options import Json, Quiet

if TYPE_CHECKING:
    from experiments.abr_table import Contest
    from experiments.results import Results, State
    from experiments.runner import Outcome

_DEFAULT = ("fixed", "throughput", "ewma", "buffer-based", "bola", "robust-mpc", "dynamic")
_AGAINST = ("fixed", "throughput")


def abr(
    *rules: Annotated[
        str, Parameter(help="Rules, by name, fixed:RUNG or file.py:Class (default: all seven).")
    ],
    traces: Annotated[
        str, Parameter(help="Link traces, names or files or directories, or all that ship.")
    ] = "all",
    ladder: Annotated[
        list[str] | None,
        Parameter(negative="", help="three, six, ten, or RUNGS; repeat it (default: the three)."),
    ] = None,
    movie: Annotated[Path | None, Parameter(help="Sabre's movie JSON in place of ladders.")] = None,
    duration: Annotated[str, Parameter(help="How long the video is.")] = "180s",
    segment: Annotated[str, Parameter(help="How long a segment is.")] = "4s",
    ahead: Annotated[str, Parameter(help="Video kept ahead at most.")] = "30s",
    seed: Annotated[int, Parameter(help="Decides the sizes of segments.")] = 1,
    jobs: Annotated[int | None, Parameter(help="Runs at a time (default: one per core).")] = None,
    out: Annotated[Path, Parameter(help="Results directory, replaced.")] = Path("results/abr"),
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Compare ABR rules over link traces and ladders: QoE, bitrate, stalls, with intervals.

    Every rule watches over the same links, each on one of its own, in virtual time. Differences to
    `fixed` and `throughput` are paired, link by link.
    """
    from experiments.abr_table import LADDERS, Contest
    from experiments.capacity import LinkTraceError
    from experiments.models import models
    from experiments.scenario import Buffer, Duration, problems

    def seconds(flag: str, text: str) -> float:
        return read_quantity(flag, units.parse_duration, text)

    if jobs is not None and jobs < 1:
        raise CommandError(f"--jobs: {jobs} is below 1")
    if movie is not None and ladder:
        raise CommandError("give either --movie or --ladder")
    ladders = {
        text if text in LADDERS else f"own-{number}": LADDERS.get(text, text)
        for number, text in enumerate(ladder or LADDERS, start=1)
    }
    contest = Contest(
        [str(Path(rule).resolve()) if ".py:" in rule else rule for rule in rules or _DEFAULT],
        _traces(traces),
        {"movie": str(movie)} if movie is not None else ladders,
        duration=seconds("--duration", duration),
        segment=seconds("--segment", segment),
        buffer=Buffer(ahead=Duration(seconds("--ahead", ahead))),
        seed=seed,
        movie=None if movie is None else str(movie),
    )
    try:
        scenarios = contest.scenarios()
    except LinkTraceError as error:
        raise CommandError(f"--traces: {error}") from error
    for scenario in scenarios:
        for key, problem in problems(scenario, tuple(models())):
            raise CommandError(f"{_flag(key)}: {problem}")
    return _Contested(
        title=f"{len(contest.rules)} rules, {len(contest.traces)} link traces",
        base=scenarios[0],
        scenarios=scenarios,
        network="virtual",
        out=out,
        jobs=jobs,
        json=json,
        quiet=quiet,
        contest=contest,
    ).carry_out()


@dataclass(frozen=True, kw_only=True)
class _Contested(Campaign):
    """A campaign that ends in a table of rules rather than in a line per run."""

    contest: Contest

    def run_name(self, outcome: Outcome) -> str:
        """Return what tells the runs apart."""
        return outcome.scenario.name

    def present(self, results: Results, done: Sequence[Outcome], state: State) -> None:
        """Print the tables and keep them beside the runs' metrics."""
        from experiments import video_figures
        from experiments.video_metrics import labelled

        sessions = {each.scenario.name: each.video.each for each in done if each.video is not None}
        rows = self.contest.rows(sessions)
        if self.json:
            show.as_json(rows)
        elif rows:
            against = [rule for rule in _AGAINST if rule in self.contest.rules]
            show_video.contest(rows, against=against, descriptions=self.contest.ladders)
        results.add_record("table.json", rows)
        every = [session for run in sessions.values() for session in run]
        if every:
            forms = video_figures.distributions(labelled(every), caption=self.title)
            self.keep_figures(results, {f"sessions-cdf.{form}": f for form, f in forms.items()})
        results.finish([each.metrics for each in done], state, videos=[each.video for each in done])


def _traces(text: str) -> list[str]:
    """Return the names of link traces; a directory stands for the files in it."""
    from experiments.capacity import SHIPPED

    if text == "all":
        return list(SHIPPED)
    found = list[str]()
    for part in text.split(","):
        path = Path(part.strip())
        if path.is_dir():
            files = (each for each in path.iterdir() if each.is_file())
            found += sorted(str(each.resolve()) for each in files if each.name[0] != ".")
        else:
            found.append(str(path.resolve()) if path.is_file() else str(path))
    if not found:
        raise CommandError(f"--traces: nothing in {text!r}")
    return list(dict.fromkeys(found))


def _flag(key: str) -> str:
    if key.endswith(".abr"):
        return "rules"
    flags = {"video.ladder": "--ladder", "video.movie": "--movie", "video.buffer": "--ahead"}
    return "--traces" if key.endswith(".trace") else flags.get(key, key)
