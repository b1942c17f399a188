"""Offload against delay: a hybrid at several settings of its web seeds, and the limit beside them.

It plans runs, turns their metrics into rows, and draws the rows; it runs nothing itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from experiments import units
from experiments.bounds import transfer_time
from experiments.figures import INK, canvas, render
from experiments.metrics import Metrics
from experiments.quantities import Rate
from experiments.scenario import Scenario

_MARKERS = "oP^sDvX*"
_COLOURS = ("#E69F00", "#009E73", "#0072B2", "#CC79A7", "#D55E00", "#56B4E9")


@dataclass(frozen=True, slots=True)
class Setting:
    """How clients use their edge: a policy, and the most each takes (bit/s)."""

    policy: str
    rate: float = math.inf

    @classmethod
    def parse(cls, text: str) -> Setting:
        """Return the setting written as POLICY or POLICY@RATE.

        Raises:
            UnitError: the rate is none.
        """
        policy, _, rate = text.strip().partition("@")
        return cls(policy, units.parse_rate(rate) if rate else math.inf)

    def __str__(self) -> str:
        if self.rate == math.inf:
            return self.policy
        return f"{self.policy}@{units.format_rate(self.rate)}"

    def of(self, base: Scenario, seed: int) -> Scenario:
        """Return `base` with this setting and `seed`."""
        web_seed = replace(base.web_seed, policy=self.policy, rate=Rate(self.rate))
        return replace(base, name=f"{base.name}-{self}", seed=seed, web_seed=web_seed)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One setting in numbers, means over the seeds that served anybody; times in seconds.

    `last_min_s` and `last_max_s` are the extremes, `limit_s` the least delay at this offload.
    """

    setting: str
    seeds: int
    offload: float
    median_s: float
    last_s: float
    last_min_s: float
    last_max_s: float
    edge_bytes: float
    server_bytes: float
    limit_s: float


@dataclass(frozen=True, slots=True)
class Limit:
    """The least delay at each offload: the bound of the model, and the clients' uplinks.

    A share o of what N clients receive, F each, must pass their uplinks: D >= o N F / sum u_i.
    Every byte comes from an edge at least once: o <= 1 - 1 / N.
    """

    size: int
    clients: int
    clients_up: float
    bound: float

    @property
    def most(self) -> float:
        """The greatest offload there can be."""
        return 1 - 1 / self.clients

    def at(self, offload: float) -> float:
        """Return the least time in which everyone can be served at this offload."""
        return max(self.bound, transfer_time(offload * self.clients * self.size, self.clients_up))


def row(setting: Setting, runs: Sequence[Metrics], limit: Limit) -> Row | None:
    """Return the row of a setting, None where nobody was served."""
    served = [each for each in runs if each.last_s is not None and each.offload is not None]
    if not served:
        return None
    last = [each.last_s for each in served if each.last_s is not None]
    offload = _mean([each.offload for each in served])
    return Row(
        setting=str(setting),
        seeds=len(served),
        offload=offload,
        median_s=_mean([each.median_s for each in served]),
        last_s=_mean(last),
        last_min_s=min(last),
        last_max_s=max(last),
        edge_bytes=_mean([each.edge_bytes for each in served]),
        server_bytes=_mean([each.server_bytes for each in served]),
        limit_s=limit.at(offload),
    )


def draw(rows: Sequence[Row], limit: Limit, *, caption: str) -> dict[str, bytes]:
    """Return the figure: a mark per setting, joined per policy, above the limit."""
    title = f"How long do {limit.clients} clients wait to spare the edges?"
    figure, axes = canvas(title, caption, size=(8.4, 4.8))
    shares = [index / 200 * limit.most for index in range(201)]
    axes.plot(
        [100 * share for share in shares], [limit.at(share) for share in shares],
        color=INK, lw=1.2, ls=(0, (4, 2.5)), label="no run can be below",
    )  # fmt: skip
    axes.axvline(100 * limit.most, color=INK, lw=1.2, ls=(0, (4, 2.5)))
    policies = list(dict.fromkeys(each.setting.partition("@")[0] for each in rows))
    for index, policy in enumerate(policies):
        own = sorted(
            (each for each in rows if each.setting.partition("@")[0] == policy),
            key=lambda each: each.offload,
        )
        axes.plot(
            [100 * each.offload for each in own], [each.last_s for each in own],
            color=_COLOURS[index % len(_COLOURS)], marker=_MARKERS[index % len(_MARKERS)],
            ms=8, mec="white", mew=0.8, lw=1.6, label=policy, zorder=4,
        )  # fmt: skip
        for each in own:
            rate = each.setting.partition("@")[2]
            if rate:
                axes.annotate(
                    rate, (100 * each.offload, each.last_s), xytext=(-8, 4), ha="right",
                    textcoords="offset points", fontsize=8, color=INK,
                )  # fmt: skip
    axes.set(xlabel="Offload (% of bytes that clients brought each other)")
    axes.set_ylabel("Last client served after (s)")
    axes.set_xlim(0, 100)
    axes.set_ylim(0, max(each.last_s for each in rows) * 1.12)
    axes.legend(loc="upper left", frameon=False)
    return render(figure)


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known)
