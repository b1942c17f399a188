"""A tournament: equal shares of several strategies in one swarm, over several seeds.

It plans the runs and ranks the strategies by how long their peers waited; it runs nothing itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

from experiments import figures, groups
from experiments.confidence import interval
from experiments.figures import Dots
from experiments.groups import GroupMetrics
from experiments.runner import Outcome
from experiments.scenario import Scenario
from peer.strategy import find_choker, find_picker, is_file


@dataclass(frozen=True, slots=True)
class Participant:
    """A strategy as it was named: a choker, and a picker if it is not the usual one."""

    label: str
    choker: str
    picker: str = "rarest-first"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table: means over seeds of the group's mean completion time, in seconds.

    `half_width_s` is that of the 95 % confidence interval, None if one seed tells of no variance.
    """

    rank: int
    strategy: str
    mean_s: float
    half_width_s: float | None
    share_ratio: float
    each_s: list[float]


def participant(name: str) -> Participant:
    """Return who is meant by `choker` or `picker+choker`; either may be `file.py:Class`.

    Raises:
        StrategyError: there is no such strategy; says which is nearest.
    """
    picker, plus, choker = name.rpartition("+")
    if plus:
        find_picker(picker)
    find_choker(choker)
    short = "+".join(_short(part) for part in (picker, choker) if part)
    return Participant(short, _absolute(choker), _absolute(picker or "rarest-first"))


@dataclass(frozen=True)
class Tournament:
    """Who takes part, on what scenario, how many clients there are, and which seeds are run."""

    base: Scenario
    participants: Sequence[Participant]
    clients: int
    seeds: Sequence[int]

    @property
    def share(self) -> int:
        """How many clients play each strategy: equally many, the rest of `clients` left out."""
        return self.clients // len(self.participants)

    def scenarios(self) -> list[Scenario]:
        """Return one scenario per seed; who joins first rotates, so that nobody gains by it."""
        group = self.base.clients[0]
        return [
            replace(
                self.base,
                name=f"{self.base.name}-{seed}",
                seed=seed,
                clients=[
                    replace(group, count=self.share, picker=each.picker, choker=each.choker)
                    for each in self._order(turn)
                ],
            )
            for turn, seed in enumerate(self.seeds)
        ]

    def standings(self, done: Sequence[Outcome]) -> list[Standing]:
        """Return the participants who were all served in a run at least, the fastest first."""
        results: dict[str, list[GroupMetrics]] = {each.label: [] for each in self.participants}
        for outcome in done:
            order = self._order(self.seeds.index(outcome.scenario.seed))
            for each, group in zip(order, groups.fold(outcome), strict=True):
                if group.served == group.clients:
                    results[each.label].append(group)
        table = [_standing(label, own) for label, own in results.items() if own]
        table.sort(key=lambda standing: standing.mean_s)
        return [replace(standing, rank=rank) for rank, standing in enumerate(table, start=1)]

    def _order(self, turn: int) -> Sequence[Participant]:
        first = turn % len(self.participants)
        return [*self.participants[first:], *self.participants[:first]]


def draw(standings: Sequence[Standing], *, caption: str) -> dict[str, bytes]:
    """Return the figure of the standings by file name."""
    rows = [
        Dots(row.strategy, mean=row.mean_s, half_width=row.half_width_s or 0.0, each=row.each_s)
        for row in standings
    ]
    forms = figures.dot_plot(
        rows,
        title="Who finishes first?",
        label="Completion time, mean of the group (s): each seed, mean and 95 % interval",
        caption=caption,
    )
    return {f"standings.{form}": data for form, data in forms.items()}


def _standing(label: str, own: Sequence[GroupMetrics]) -> Standing:
    times = [group.mean_s for group in own if group.mean_s is not None]
    ratios = [group.share_ratio for group in own if group.share_ratio is not None]
    sure = interval(times)
    return Standing(
        rank=0,
        strategy=label,
        mean_s=sure.mean,
        half_width_s=None if math.isinf(sure.half_width) else sure.half_width,
        share_ratio=sum(ratios) / len(ratios),
        each_s=times,
    )


def _absolute(name: str) -> str:
    """Return a name that means the same wherever the results are read."""
    return str(Path(name).resolve()) if is_file(name) else name


def _short(name: str) -> str:
    return name.rpartition("/")[2] if is_file(name) else name
