"""`swarmbed run`: one scenario file, one model."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from experiments import units
from experiments.cli.campaign import Campaign
from experiments.cli.errors import CommandError
from experiments.cli.options import Json, OnNetwork, Quiet

if TYPE_CHECKING:
    from experiments.runner import Outcome


def run(
    scenario: Annotated[
        Path, Parameter(help="A TOML file, or the name of one that ships: textbook, swarm, ...")
    ],
    /,
    *,
    network: OnNetwork = "virtual",
    seed: Annotated[int | None, Parameter(help="Instead of the scenario's seed.")] = None,
    out: Annotated[Path | None, Parameter(help="Results directory (default results/NAME).")] = None,
    json: Json = False,
    quiet: Quiet = False,
    figures: Annotated[
        bool, Parameter(negative="", show_default=False, help="Draw the swarm as well.")
    ] = False,
    mesh_at: Annotated[
        str | None, Parameter(help="When to draw the mesh (default: half-way).")
    ] = None,
) -> int:
    """Run one scenario and say how long everyone waited, next to the bound.

    With --figures it also draws, for a swarm: the mesh, how well it is knit, everybody's progress,
    the copies of chunks, and who gave how much.
    """
    from msgspec.structs import replace

    from experiments.models import models
    from experiments.scenario import ScenarioError, load

    try:
        asked = load(_find(scenario), tuple(models()))
    except ScenarioError as error:
        raise CommandError(str(error)) from error
    at = _time(mesh_at)
    if seed is not None:
        asked = replace(asked, seed=seed)
    campaign = Campaign(
        title=f"{asked.name}: {network} network, seed {asked.seed}",
        base=asked,
        scenarios=[asked],
        network=network,
        out=out or Path("results") / asked.name,
        jobs=1,
        json=json,
        quiet=quiet,
        draw_more=partial(_draw_swarm, at=at) if figures or at is not None else None,
    )
    return campaign.carry_out()


def _time(text: str | None) -> float | None:
    try:
        return None if text is None else units.parse_duration(text)
    except units.UnitError as error:
        raise CommandError(f"--mesh-at: {error}") from error


def _draw_swarm(outcome: Outcome, *, at: float | None) -> dict[str, bytes]:
    """Return the figures of a swarm; none of a run without one."""
    if outcome.swarm is None:
        return {}
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


def _find(scenario: Path) -> Path:
    """Return the file meant: itself, or the one of that name in the library."""
    library = Path(__file__).parent.parent / "scenarios"
    if not scenario.is_file() and scenario.parent == Path():
        shipped = library / f"{scenario.stem}.toml"
        if shipped.exists():
            return shipped
        known = ", ".join(sorted(path.stem for path in library.glob("*.toml")))
        raise CommandError(f"{scenario}: no such file, and no scenario that ships: {known}")
    return scenario
