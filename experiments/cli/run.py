"""`swarmbed run`: one scenario file, one model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from experiments.cli.campaign import Campaign
from experiments.cli.errors import CommandError
from experiments.cli.options import Json, OnNetwork, Quiet


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
) -> int:
    """Run one scenario and say how long everyone waited, next to the bound."""
    from msgspec.structs import replace

    from experiments.models import models
    from experiments.scenario import ScenarioError, load

    try:
        asked = load(_find(scenario), tuple(models()))
    except ScenarioError as error:
        raise CommandError(str(error)) from error
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
    )
    return campaign.carry_out()


def _find(scenario: Path) -> Path:
    """Return the file meant: itself, or the one of that name in the library."""
    library = Path(__file__).parent.parent / "scenarios"
    if not scenario.exists() and scenario.parent == Path():
        shipped = library / f"{scenario.stem}.toml"
        if shipped.exists():
            return shipped
        known = ", ".join(sorted(path.stem for path in library.glob("*.toml")))
        raise CommandError(f"{scenario}: no such file, and no scenario that ships: {known}")
    return scenario
