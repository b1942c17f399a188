"""What of a CDN's sections cannot be run, with the key and the fix of each.

It asks whether names mean anything; it starts nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from cdn import eviction
from cdn.routing import find_router
from experiments import units
from experiments.population import FlashCrowd
from experiments.replay import find_admission
from experiments.scenario.delivery import (
    LARGEST,
    Browse,
    Capacity,
    Catalogue,
    Cdn,
    Demand,
    Diurnal,
    Fixed,
    LogNormal,
    Pareto,
    Watch,
)
from experiments.scenario.sections import Scenario

MODEL = "cdn"
MAX_OBJECTS = 100_000
MAX_SESSIONS = 1_000_000
LARGEST_PROBE = 2**20
ROOM_FOR_ALL = 1.2
"""Times the catalogue: objects take some room for their fields, too."""
SECTIONS = ("catalogue", "demand", "cdn")


def problems(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield the key and the fix of each thing that the model `cdn` cannot run."""
    sections = {name: getattr(scenario, name) for name in SECTIONS}
    if scenario.model != MODEL:
        for name, section in sections.items():
            if section is not None:
                yield name, f"only the model {MODEL!r} has this section"
        return
    missing = [name for name, section in sections.items() if section is None]
    for name in missing:
        yield name, f"the model {MODEL!r} needs a [{name}] section; it may be empty"
    for index, group in enumerate(scenario.clients):
        if not isinstance(group.arrival, FlashCrowd):
            yield f"clients[{index}].arrival", "in this model [demand] says when somebody asks"
    if scenario.catalogue and scenario.demand and scenario.cdn:
        yield from _of_catalogue(scenario.catalogue)
        yield from _of_demand(scenario.demand, scenario.horizon)
        yield from _of_regions(scenario.demand.by_region, scenario)
        yield from _of_cdn(scenario.cdn, scenario.catalogue, scenario.demand)


def restartable(scenario: Scenario) -> tuple[str, ...]:
    """Return the hosts whose nodes can be killed and started anew."""
    if scenario.cdn is None:
        return ()
    return ("server", *scenario.cache_names, *scenario.edge_names)


def capacities(cdn: Cdn, total: int) -> list[int]:
    """Return the bytes of one cache in each tier, edges first; `total` is the catalogue's.

    Raises:
        ValueError: a size that cannot be read, or a share of nothing or of more than everything.
    """
    asked = _each(cdn.capacity)
    asked = asked * cdn.tiers if len(asked) == 1 else asked
    if len(asked) < cdn.tiers:
        raise ValueError(f"{len(asked)} capacities for {cdn.tiers} tiers")
    return [_capacity(each, total) for each in asked[: cdn.tiers]]


def _each(capacity: Capacity | list[Capacity]) -> list[Capacity]:
    return capacity if isinstance(capacity, list) else [capacity]


def _capacity(asked: Capacity, total: int) -> int:
    if isinstance(asked, str):
        return units.parse_size(asked)
    if not 0 < asked <= 2:
        raise ValueError(
            f"{asked:g} is no share of the catalogue (0.1 is a tenth); or write a size: '64MiB'"
        )
    return max(1, round(asked * total))


def _of_catalogue(catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    yield from _between("catalogue.objects", catalogue.objects, 1, MAX_OBJECTS)
    yield from _between("catalogue.segments", catalogue.segments, 1, 1000)
    yield from _between("catalogue.alpha", catalogue.alpha, 0, 5)
    match catalogue.size:
        case Fixed(bytes=size) if size > LARGEST:
            yield "catalogue.size.bytes", "is above 64MiB"
        case LogNormal(median=median) if median > LARGEST:
            yield "catalogue.size.median", "is above 64MiB"
        case LogNormal(sigma=sigma) if not 0 <= sigma <= 5:
            yield "catalogue.size.sigma", f"{sigma:g} is not between 0 and 5"
        case Pareto(least=least, most=most) if not least < most <= LARGEST:
            yield "catalogue.size.most", "must be above least, and at most 64MiB"
        case Pareto(shape=shape) if not 0 < shape <= 10:
            yield "catalogue.size.shape", f"{shape:g} is not above 0 and at most 10"


def _of_demand(demand: Demand, horizon: float) -> Iterator[tuple[str, str]]:
    if not demand.rate > 0:
        yield "demand.rate", f"{demand.rate:g} is not above 0 sessions a second"
    elif demand.rate * demand.ends > MAX_SESSIONS:
        yield "demand.rate", f"more than {MAX_SESSIONS} sessions in all; lower rate or lasts"
    if not (demand.lasts > 0 and demand.ends < horizon):
        yield (
            "demand.lasts",
            "must be longer than 0s and, after the warm-up, end before the horizon",
        )
    if not demand.patience > 0:
        yield "demand.patience", "must be longer than 0s"
    yield from _between("demand.regional", demand.regional, 0, 1)
    if demand.trace is not None and not Path(demand.trace).is_file():
        yield "demand.trace", f"there is no file {demand.trace!r}"
    yield from _of_sessions(demand)


def _of_regions(shares: Sequence[float], scenario: Scenario) -> Iterator[tuple[str, str]]:
    regions = scenario.edges.count
    if shares and len(shares) != regions:
        yield "demand.by_region", f"{len(shares)} shares for {regions} regions, one per edge"
    elif shares and (min(shares) < 0 or not sum(shares) > 0):
        yield "demand.by_region", "shares are at least 0, and not all of them 0"
    elif shares and scenario.client_count < regions:
        yield "demand.by_region", "every region needs a client: add clients, or take edges away"


def _of_sessions(demand: Demand) -> Iterator[tuple[str, str]]:
    match demand.shape:
        case Diurnal(period=period) if period <= 0:
            yield "demand.shape.period", "must be longer than 0s"
        case Diurnal(swing=swing) if not 0 <= swing <= 1:
            yield "demand.shape.swing", f"{swing:g} is not between 0 and 1"
    match demand.session:
        case Browse(requests=requests) if not 1 <= requests <= 1000:
            yield "demand.session.requests", f"{requests:g} is not between 1 and 1000"
        case Watch(abandon=abandon) if not 0 <= abandon <= 1:
            yield "demand.session.abandon", f"{abandon:g} is not between 0 and 1"
    if demand.flash is not None:
        yield from _between("demand.flash.share", demand.flash.share, 0, 1)
        yield from _between("demand.flash.factor", demand.flash.factor, 1, 1000)
    if demand.drift is not None:
        yield from _between("demand.drift.share", demand.drift.share, 0, 1)
        if demand.drift.every <= 0:
            yield "demand.drift.every", "must be longer than 0s"


def _of_cdn(cdn: Cdn, catalogue: Catalogue, demand: Demand) -> Iterator[tuple[str, str]]:
    yield from _between("cdn.tiers", cdn.tiers, 1, 3)
    yield from _between("cdn.regionals", cdn.regionals, 1, 100)
    yield from _between("cdn.arity", cdn.arity, 1, 100)
    yield from _named("cdn.policy", eviction.find, cdn.policy)
    if "future" in _arguments(cdn.policy):
        yield "cdn.policy", f"{cdn.policy} knows the future: it can only replay a trace"
    yield from _named("cdn.routing", find_router, cdn.routing)
    yield from _named("cdn.admission", partial(find_admission, rng=random.Random()), cdn.admission)
    try:
        capacities(cdn, 1)
    except ValueError as error:
        yield "cdn.capacity", str(error)
    if cdn.placement == "prefix" and not 1 <= cdn.prefix < catalogue.segments:
        yield (
            "cdn.prefix",
            (
                f"{cdn.prefix} of {catalogue.segments} segments is no prefix; "
                "give catalogue.segments, and less of them here"
            ),
        )
    if cdn.placement == "prefix" and demand.trace is not None:
        yield "cdn.placement", "a trace has no videos to take a prefix of"
    if cdn.replacement is not None and cdn.placement == "none":
        yield "cdn.replacement", "there is nothing to replace: choose a placement"
    if cdn.replacement is not None and cdn.replacement <= 0:
        yield "cdn.replacement", "must be longer than 0s"
    if cdn.placement == "full" and any(
        isinstance(each, int | float) and each < ROOM_FOR_ALL for each in _each(cdn.capacity)[:1]
    ):
        yield "cdn.capacity", f"edges that get everything need room for it: {ROOM_FOR_ALL} or more"
    health = cdn.health
    if min(health.interval, health.timeout) <= 0:
        yield "cdn.health", "interval and timeout must be longer than 0s"
    if health.bytes > LARGEST_PROBE:
        yield "cdn.health.bytes", "a probe is at most 1MiB"
    if min(health.down_after, health.up_after) < 1:
        yield "cdn.health", "down_after and up_after are counts of probes, at least 1"
    if min(cdn.price.edge, cdn.price.regional, cdn.price.shield, cdn.price.origin) < 0:
        yield "cdn.price", "a price is at least 0 per GB"


def _between(key: str, value: float, least: float, most: float) -> Iterator[tuple[str, str]]:
    if not least <= value <= most:
        yield key, f"{value:g} is not between {least:g} and {most:g}"


def _named(key: str, find: Callable[[str], object], name: str) -> Iterator[tuple[str, str]]:
    try:
        find(name)
    except ValueError as error:
        yield key, str(error)


def _arguments(policy: str) -> frozenset[str]:
    try:
        return frozenset(eviction.find(policy).__init__.__annotations__)
    except ValueError:
        return frozenset()
