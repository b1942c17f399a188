"""`swarmbed run`: one scenario file, one model, one seed or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from experiments import units
from experiments.cli import show
from experiments.cli.campaign import Campaign
from experiments.cli.errors import CommandError
from experiments.cli.options import Json, OnNetwork, Quiet

if TYPE_CHECKING:
    from experiments.results import Results, State
    from experiments.runner import Outcome


def run(
    scenario: Annotated[
        Path, Parameter(help="A TOML file, or the name of one that ships: textbook, swarm, ...")
    ],
    /,
    *,
    network: OnNetwork = "virtual",
    seed: Annotated[int | None, Parameter(help="Instead of the scenario's seed.")] = None,
    seeds: Annotated[
        str | None, Parameter(help="Run it with each of these seeds, such as 1-5 or 1,2,7.")
    ] = None,
    jobs: Annotated[
        int | None, Parameter(help="Of several seeds, runs at a time (default: one per core).")
    ] = None,
    out: Annotated[Path | None, Parameter(help="Results directory (default results/NAME).")] = None,
    json: Json = False,
    quiet: Quiet = False,
    figures: Annotated[
        bool, Parameter(negative="", show_default=False, help="Draw the (first) run as well.")
    ] = False,
    mesh_at: Annotated[
        str | None, Parameter(help="When to draw the mesh (default: half-way).")
    ] = None,
) -> int:
    """Run one scenario and say how long everyone waited, next to the bound.

    With --seeds it is run several times, and the table ends in means with their 95 % confidence
    intervals. With --figures it also draws, for a swarm: the mesh, how well it is knit,
    everybody's progress, the copies of chunks, and who gave how much; for a CDN: how long requests
    took, hits over time, and each cache's load; for viewers: the first one's session, and how
    sessions differ.
    """
    from msgspec.structs import replace

    from experiments.models import models
    from experiments.scenario import ScenarioError, load

    try:
        asked = load(find(scenario), tuple(models()))
    except ScenarioError as error:
        raise CommandError(str(error)) from error
    at = _time(mesh_at)
    if seed is not None and seeds is not None:
        raise CommandError("give either --seed or --seeds")
    if jobs is not None and jobs < 1:
        raise CommandError(f"--jobs: {jobs} is below 1")
    if seed is not None:
        asked = replace(asked, seed=seed)
    numbers = [asked.seed] if seeds is None else read_seeds(seeds)
    asked = replace(asked, seed=numbers[0])
    kind = Campaign if seeds is None else _Repeats
    which = f"seed {asked.seed}" if seeds is None else f"seeds {seeds}"
    campaign = kind(
        title=f"{asked.name}: {network} network, {which}",
        base=asked,
        scenarios=[replace(asked, seed=number) for number in numbers],
        network=network,
        out=out or Path("results") / asked.name,
        jobs=jobs,
        json=json,
        quiet=quiet,
        draw_more=partial(_draw_more, at=at) if figures or at is not None else None,
    )
    return campaign.carry_out()


@dataclass(frozen=True, kw_only=True)
class _Repeats(Campaign):
    """A campaign over seeds, which ends in means rather than in one run's details."""

    def run_name(self, outcome: Outcome) -> str:
        """Return what tells the runs apart."""
        return f"seed-{outcome.scenario.seed}"

    def present(self, results: Results, done: Sequence[Outcome], state: State) -> None:
        """Print a line per seed and the means, and keep them beside the runs' metrics."""
        from experiments import comparison, repeats
        from experiments.results import with_details

        rows, swarms = [outcome.metrics for outcome in done], [outcome.swarm for outcome in done]
        cdns = [outcome.cdn for outcome in done]
        videos = [outcome.video for outcome in done]
        summaries = repeats.fold(done)
        if self.json:
            runs = with_details(rows, swarms, cdns, videos)
            show.as_json({"runs": runs, "summary": summaries})
        elif done:
            show.repeats(summaries, seeds=[row.seed for row in rows], title=self.title)
            show.bound_note(self.base)
            show.links([outcome.calibration for outcome in done])
        drawn = comparison.draw(done, self.base, network=self.network)
        if self.draw_more is not None and done:
            drawn |= self.draw_more(done[0])
        self.keep_figures(results, drawn)
        results.add_record("summary.json", summaries)
        results.finish(rows, state, swarms=swarms, cdns=cdns, videos=videos)


def read_seeds(text: str) -> list[int]:
    """Return the seeds that `text` lists."""
    from experiments import repeats

    try:
        return repeats.seeds(text)
    except ValueError as error:
        raise CommandError(
            f"--seeds: '{text}' is not a list like 1-5 or 1,2,7 of at most {repeats.MAX_SEEDS}"
        ) from error


def _time(text: str | None) -> float | None:
    try:
        return None if text is None else units.parse_duration(text)
    except units.UnitError as error:
        raise CommandError(f"--mesh-at: {error}") from error


def _draw_more(outcome: Outcome, *, at: float | None) -> dict[str, bytes]:
    """Return the figures of a swarm, a CDN or viewers; none of a run that has none of them."""
    if outcome.cdn is not None:
        from experiments import cdn_figures

        return cdn_figures.draw(outcome)
    if outcome.video is not None:
        from experiments import video_figures

        return video_figures.draw(outcome)
    return {} if outcome.swarm is None else _draw_swarm(outcome, at)


def _draw_swarm(outcome: Outcome, at: float | None) -> dict[str, bytes]:
    from experiments import history, log, swarm_figures, world

    scenario = outcome.scenario
    topology = world.build(scenario).topology
    return swarm_figures.draw(
        history.fold(
            log.read(outcome.events),
            server=world.SERVER,
            chunk_count=-(-outcome.size // scenario.content.chunk_size),
        ),
        caption=f"{scenario.name}, seed {scenario.seed}",
        accesses={host: topology.access(host) for host in topology.hosts},
        seed=scenario.seed,
        at=at,
    )


def find(scenario: Path) -> Path:
    """Return the file meant: itself, or the one of that name in the library."""
    library = Path(__file__).parent.parent / "scenarios"
    if not scenario.is_file() and scenario.parent == Path():
        shipped = library / f"{scenario.stem}.toml"
        if shipped.exists():
            return shipped
        known = ", ".join(sorted(path.stem for path in library.glob("*.toml")))
        raise CommandError(f"{scenario}: no such file, and no scenario that ships: {known}")
    return scenario
