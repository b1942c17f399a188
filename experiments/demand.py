"""Who asks for what, when: sessions drawn from a seed, or read from a trace.

It starts nobody and knows no server. Times are seconds after demand starts.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from experiments.catalogue import Catalogue
from experiments.scenario.delivery import Browse, Demand, Diurnal, Drift, Watch

Ranking = Sequence[int]
"""The numbers of the catalogue's items, the most popular first."""


@dataclass(frozen=True, slots=True)
class Session:
    """What one client asks for, one after another: before each path it pauses so long."""

    start: float
    client: str
    paths: tuple[str, ...]
    pauses: tuple[float, ...]


class Popularity:
    """How popular each item is, anywhere and at any time.

    Zipf's law: the item of rank r has weight r ** -alpha. A share `regional` of a region's
    requests follows a ranking of its own; with a drift, rankings change as time goes on.
    """

    def __init__(
        self,
        items: int,
        alpha: float,
        *,
        regional: float = 0.0,
        drift: Drift | None = None,
        seed: int = 0,
    ) -> None:
        self._weights = [rank**-alpha for rank in range(1, items + 1)]
        self._cumulative = list(accumulate(self._weights))
        self._regional = regional
        self._drift = drift
        self._seed = seed
        self._rankings: dict[tuple[int | None, int], Ranking] = {}

    def draw(self, region: int, time: float, rng: random.Random) -> int:
        """Return the item somebody in `region` wants at `time`."""
        own = self._regional > 0 and rng.random() < self._regional
        ranking = self._ranking(region if own else None, self._epoch(time))
        at = bisect_right(self._cumulative, rng.random() * self._cumulative[-1])
        return ranking[min(at, len(ranking) - 1)]

    def least(self, time: float) -> int:
        """Return the item that is the least popular at `time`."""
        return self._ranking(None, self._epoch(time))[-1]

    def shares(self, region: int, time: float) -> list[float]:
        """Return each item's share of the requests of `region` at `time`."""
        shares, total, epoch = [0.0] * len(self._weights), self._cumulative[-1], self._epoch(time)
        for part, whose in ((1 - self._regional, None), (self._regional, region)):
            if part:
                for item, weight in zip(self._ranking(whose, epoch), self._weights, strict=True):
                    shares[item] += part * weight / total
        return shares

    def _epoch(self, time: float) -> int:
        return 0 if self._drift is None else int(time / self._drift.every)

    def _ranking(self, region: int | None, epoch: int) -> Ranking:
        key = (region, epoch)
        if key not in self._rankings:
            self._rankings[key] = self._made(region, epoch)
        return self._rankings[key]

    def _made(self, region: int | None, epoch: int) -> Ranking:
        rng = random.Random(f"{self._seed}/ranking/{region}/{epoch}")
        if epoch == 0:
            ranking = list(range(len(self._weights)))
            if region is not None:
                rng.shuffle(ranking)
            return ranking
        ranking = list(self._ranking(region, epoch - 1))
        share = 0.0 if self._drift is None else self._drift.share
        places = rng.sample(range(len(ranking)), round(share * len(ranking)))
        moved = [ranking[place] for place in places]
        rng.shuffle(moved)
        for place, item in zip(places, moved, strict=True):
            ranking[place] = item
        return ranking


def popularity(catalogue: Catalogue, alpha: float, demand: Demand) -> Popularity:
    """Return how popular the items of `catalogue` are under `demand`."""
    return Popularity(
        len(catalogue.items),
        alpha,
        regional=demand.regional,
        drift=demand.drift,
        seed=catalogue.seed,
    )


def sessions(
    demand: Demand,
    catalogue: Catalogue,
    popular: Popularity,
    *,
    clients: Sequence[str],
    regions: int,
) -> list[Session]:
    """Return all sessions in the order of their start; client i is of region i mod `regions`."""
    rng, found = random.Random(f"{catalogue.seed}/demand"), []
    for start in starts(demand, rng):
        number = _client(demand, len(clients), regions, rng)
        region = number % regions
        wanted = _wanted(demand, popular, start, region, rng)
        paths = tuple(path for item in wanted for path in catalogue.items[item].paths)
        found.append(_session(demand, start, clients[number], paths, rng))
    return found


def starts(demand: Demand, rng: random.Random) -> Iterator[float]:
    """Yield when sessions begin: a Poisson process whose rate varies, by thinning."""
    most = demand.rate * _swing(demand) * (demand.flash.factor if demand.flash else 1.0)
    time = 0.0
    while (time := time + rng.expovariate(most)) < demand.ends:
        if rng.random() * most < rate(demand, time):
            yield time


def rate(demand: Demand, time: float) -> float:
    """Return how many sessions begin per second at `time`."""
    now = demand.rate
    if isinstance(demand.shape, Diurnal):
        now *= 1 + demand.shape.swing * math.sin(2 * math.pi * time / demand.shape.period)
    return now * demand.flash.factor if demand.flash and _in_flash(demand, time) else now


def replayed(
    requests: Sequence[tuple[float, str]], *, clients: Sequence[str], seed: int
) -> list[Session]:
    """Return one session for each (time, path) of a trace, its client by chance."""
    rng = random.Random(f"{seed}/replay")
    return [Session(time, rng.choice(clients), (path,), (0.0,)) for time, path in requests]


def shares_of(requests: Sequence[tuple[float, str]], paths: Sequence[str]) -> list[float]:
    """Return each path's share of the requests of a trace."""
    counts: Mapping[str, int] = _count(path for _, path in requests)
    return [counts.get(path, 0) / max(1, len(requests)) for path in paths]


def _count(paths: Iterator[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for path in paths:
        counts[path] = counts.get(path, 0) + 1
    return counts


def _client(demand: Demand, clients: int, regions: int, rng: random.Random) -> int:
    """Return the number of the client whose session it is."""
    if not demand.by_region:
        return rng.randrange(clients)
    region = rng.choices(range(regions), demand.by_region)[0]
    return rng.randrange(region, clients, regions)


def _swing(demand: Demand) -> float:
    return 1 + demand.shape.swing if isinstance(demand.shape, Diurnal) else 1.0


def _in_flash(demand: Demand, time: float) -> bool:
    flash = demand.flash
    return flash is not None and flash.at <= time < flash.at + flash.lasts


def _wanted(
    demand: Demand, popular: Popularity, start: float, region: int, rng: random.Random
) -> list[int]:
    """Return the items of one session: the flash crowd's first, if it is of that crowd."""
    flash, items = demand.flash, list[int]()
    if flash and _in_flash(demand, start) and rng.random() < flash.share:
        items.append(popular.least(flash.at))
    else:
        items.append(popular.draw(region, start, rng))
    if isinstance(demand.session, Browse):
        more = 1 - 1 / demand.session.requests
        while rng.random() < more:
            items.append(popular.draw(region, start, rng))
    return items


def _session(
    demand: Demand, start: float, client: str, paths: tuple[str, ...], rng: random.Random
) -> Session:
    match demand.session:
        case Watch(abandon=abandon, pause=pause):
            seen = 1
            while seen < len(paths) and rng.random() >= abandon:
                seen += 1
            return Session(start, client, paths[:seen], (0.0, *[float(pause)] * (seen - 1)))
        case Browse(pause=pause):
            between = (rng.expovariate(1 / pause) if pause else 0.0 for _ in paths[1:])
            return Session(start, client, paths, (0.0, *between))
