"""`swarmbed tournament`: several strategies in one swarm, ranked by how soon their peers finish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from experiments import units
from experiments.cli import show
from experiments.cli.campaign import Campaign
from experiments.cli.compare import read_quantity
from experiments.cli.errors import CommandError
from experiments.cli.options import Json, Quiet

if TYPE_CHECKING:
    from experiments.results import Results, State
    from experiments.runner import Outcome
    from experiments.tournament import Tournament

HORIZON = 3600.0  # seconds; a swarm that has lost a chunk for good must end


def tournament(
    *strategies: Annotated[
        str, Parameter(help="Chokers, by name or as file.py:Class; or picker+choker.")
    ],
    seeds: Annotated[int, Parameter(help="How many runs, with seeds 1, 2, ...")] = 5,
    clients: Annotated[int, Parameter(help="Clients in all, in equal shares.")] = 30,
    size: Annotated[str, Parameter(help="Size of the file.")] = "8MiB",
    server_up: Annotated[str, Parameter(help="The seed's uplink.")] = "20Mbps",
    up: Annotated[str, Parameter(help="Each client's uplink.")] = "5Mbps",
    down: Annotated[str, Parameter(help="Each client's downlink.")] = "20Mbps",
    seed_leaves: Annotated[
        int, Parameter(help="The seed leaves when each chunk is with so many clients; 0: never.")
    ] = 5,
    out: Annotated[Path, Parameter(help="Results directory, replaced.")] = Path(
        "results/tournament"
    ),
    jobs: Annotated[int | None, Parameter(help="Runs at a time (default: one per core).")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Let strategies compete in one swarm, over several seeds, and rank them.

    Prints mean completion times with 95 % confidence intervals; writes a results directory.
    """
    from experiments.models import models
    from experiments.scenario import (
        Clients,
        Content,
        Duration,
        Rate,
        Scenario,
        Server,
        Size,
        problems,
    )
    from experiments.tournament import Tournament, participant
    from peer.decision import StrategyError

    try:
        participants = [participant(name) for name in strategies]
    except StrategyError as error:
        raise CommandError(str(error)) from error
    if len({each.label for each in participants}) < max(2, len(participants)):
        raise CommandError("name at least two strategies, each once: tit-for-tat free-rider")
    if seeds < 1:
        raise CommandError(f"--seeds: {seeds} is below 1")
    if clients < len(participants):
        raise CommandError(f"--clients: {clients} are fewer than the strategies")
    if jobs is not None and jobs < 1:
        raise CommandError(f"--jobs: {jobs} is below 1")
    group = Clients(
        count=1,
        up=Rate(read_quantity("--up", units.parse_rate, up)),
        down=Rate(read_quantity("--down", units.parse_rate, down)),
    )
    base = Scenario(
        name="tournament",
        model="p2p",
        horizon=Duration(HORIZON),
        content=Content(size=Size(read_quantity("--size", units.parse_size, size))),
        server=Server(
            up=Rate(read_quantity("--server-up", units.parse_rate, server_up)),
            leaves_after=seed_leaves or None,
        ),
        clients=[group],
    )
    contest = Tournament(base, participants, clients, range(1, seeds + 1))
    scenarios = contest.scenarios()
    for key, problem in problems(scenarios[0], tuple(models())):
        flag = {"server.leaves_after": "--seed-leaves", "clients": "--clients"}.get(key, key)
        raise CommandError(f"{flag}: {problem}")
    return _Contest(
        title=f"{contest.share} clients of each strategy, mean of {seeds} seeds",
        base=scenarios[0],
        scenarios=scenarios,
        network="virtual",
        out=out,
        jobs=jobs,
        json=json,
        quiet=quiet,
        tournament=contest,
    ).carry_out()


@dataclass(frozen=True, kw_only=True)
class _Contest(Campaign):
    """A campaign that ends in standings rather than in a line per run."""

    tournament: Tournament

    def run_name(self, outcome: Outcome) -> str:
        """Return what tells runs of one tournament apart."""
        return f"seed-{outcome.scenario.seed}"

    def present(self, results: Results, done: Sequence[Outcome], state: State) -> None:
        """Print the standings, keep them beside the runs' metrics, and draw them."""
        from experiments import tournament

        standings = self.tournament.standings(done)
        if self.json:
            show.as_json(standings)
        elif standings:
            show.standings(standings, title=self.title)
        if standings:
            group = self.base.clients[0]
            caption = (
                f"{self.tournament.share} clients each · {len(done)} seeds · "
                f"{done[0].size / 2**20:g} MiB · clients {group.up / 1e6:g} Mb/s up · "
                + _departure(self.base.server.leaves_after)
            )
            for name, data in tournament.draw(standings, caption=caption).items():
                path = results.add_figure(name, data)
                if path.suffix == ".png":
                    show.say(f"figure   {path}", quiet=self.quiet)
        results.add_record("standings.json", standings)
        results.finish(
            [outcome.metrics for outcome in done], state, swarms=[each.swarm for each in done]
        )


def _departure(copies: int | None) -> str:
    return "the seed stays" if copies is None else f"the seed leaves after {copies} copies"
