"""One scenario over several seeds: what differs from run to run, and how sure the mean is.

It sums runs up and runs nothing itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import msgspec

from experiments import groups
from experiments.confidence import interval
from experiments.runner import Outcome

MAX_SEEDS = 1000


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity over the seeds; `each` has a value per seed, None where it has none.

    `half_width` is that of the 95 % confidence interval, None if one run tells of no variance.
    """

    quantity: str
    group: str | None = None  # of clients, if not of all
    mean: float
    half_width: float | None
    each: list[float | None]


def _of_swarm(name: str) -> Callable[[Outcome], float | None]:
    return lambda outcome: None if outcome.swarm is None else getattr(outcome.swarm, name)


def _of_cdn(name: str) -> Callable[[Outcome], float | None]:
    return lambda outcome: None if outcome.cdn is None else getattr(outcome.cdn, name)


def _of_video(name: str) -> Callable[[Outcome], float | None]:
    def found(outcome: Outcome) -> float | None:
        means = {} if outcome.video is None else outcome.video.means
        return means[name].mean if name in means else None

    return found


QUANTITIES: Mapping[str, Callable[[Outcome], float | None]] = {
    "median s": lambda outcome: outcome.metrics.median_s,
    "last s": lambda outcome: outcome.metrics.last_s,
    "last ÷ bound": lambda outcome: outcome.metrics.ratio,
    "uplinks used": _of_swarm("uplink_utilisation"),
    "seed copies": _of_swarm("seed_copies"),
    "tail s": _of_swarm("tail_s"),
    "hit ratio": _of_cdn("hit_ratio"),
    "byte hit ratio": _of_cdn("byte_hit_ratio"),
    "offload": _of_cdn("offload"),
    "cost": _of_cdn("cost"),
    "start-up s": _of_video("startup_s"),
    "rebuffer ratio": _of_video("rebuffer_ratio"),
    "bitrate": _of_video("bitrate"),
    "switches": _of_video("switches"),
    "QoE linear": _of_video("qoe_linear"),
    "QoE log": _of_video("qoe_log"),
}
"""The columns of the table: what they are called, and where they are found."""


def seeds(text: str) -> list[int]:
    """Return the seeds that `text` lists, such as `1-5` or `1,2,7`, each once and in order.

    Raises:
        ValueError: it lists none, too many, or something else.
    """
    listed: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        low, high = int(first), int(last if dash else first)
        if not 0 <= high - low < MAX_SEEDS:
            raise ValueError(part)
        listed |= dict.fromkeys(range(low, high + 1))
    if len(listed) > MAX_SEEDS:
        raise ValueError(text)
    return list(listed)


def fold(done: Sequence[Outcome]) -> list[Summary]:
    """Return the summary of each quantity that a run had, and of each group's times."""
    summaries: list[Summary] = []
    for name, of in QUANTITIES.items():
        summaries += _summary(name, [of(outcome) for outcome in done])
    return summaries + _of_groups(done)


def _of_groups(done: Sequence[Outcome]) -> list[Summary]:
    """Return the mean completion time of each group of clients, if there are several."""
    if not done or len(done[0].scenario.clients) < 2:
        return []
    summaries = []
    for runs in zip(*(groups.fold(outcome) for outcome in done), strict=True):
        name = f"{runs[0].clients} x {runs[0].picker} + {runs[0].choker}"
        summaries += _summary("mean s", [each.mean_s for each in runs], group=name)
    return summaries


def _summary(
    quantity: str, each: Sequence[float | None], *, group: str | None = None
) -> list[Summary]:
    """Return the summary of what is there of `each`, none if nothing is."""
    values = [value for value in each if value is not None]
    if not values:
        return []
    sure = interval(values)
    return [
        Summary(
            quantity=quantity,
            group=group,
            mean=sure.mean,
            half_width=None if math.isinf(sure.half_width) else sure.half_width,
            each=list(each),
        )
    ]
