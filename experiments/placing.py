"""Filling a CDN's edges before anybody asks, and again while demand drifts.

It forecasts what each edge will be asked for, lets an allocation be chosen, and has it spread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import trio

from cdn import allocation
from cdn.allocation import Allocation, Forecast
from cdn.director import DIRECTED
from cdn.routing import Fleet, find_router
from cdn.spread import ROOT, Tree, k_ary, spread
from experiments.catalogue import Catalogue, Library
from experiments.cdn_metrics import PLACED
from experiments.scenario import Scenario
from experiments.scenario.delivery import Watch
from experiments.stage import Stage
from experiments.tiers import Caches, cache_control, of
from experiments.world import SERVER
from net.trace import Trace

PER_OBJECT = 2048
"""Bytes that an object takes in a cache beyond its body, generously."""
_BLIND = frozenset({"random", "round-robin", "least-loaded"})


class Census:
    """Counts what the director sends where, and hands the counts out once."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}

    def watching(self, trace: Trace) -> Trace:
        """Return a trace that counts on the way to `trace`."""

        def record(event: str, /, **fields: str | float | None) -> None:
            if event == DIRECTED and fields["edge"] is not None:
                counts = self._counts.setdefault(str(fields["edge"]), Counter())
                counts[str(fields["path"])] += 1
            trace(event, **fields)

        return record

    def take(self) -> Mapping[str, Mapping[str, float]]:
        """Return the requests of each edge by path since the last time."""
        counts, self._counts = self._counts, {}
        return {edge: dict(paths) for edge, paths in counts.items()}


class Placer:
    """Chooses what goes on the edges, and puts it there.

    Invariant: `_placed` is what each edge was last given.
    """

    def __init__(
        self, stage: Stage, catalogue: Catalogue, library: Library, caches: Caches
    ) -> None:
        self._stage = stage
        self._catalogue = catalogue
        self._library = library
        self._caches = caches
        self._cdn = of(stage.world.scenario)
        self._placed: dict[str, frozenset[str]] = {}

    async def place(self, rates: Mapping[str, Mapping[str, float]]) -> None:
        """Place what `rates`, requests by edge and path, make worth it; spare what is there."""
        chosen, started = self._allocate(rates), trio.current_time()
        news = {
            edge: [path for path in paths if path not in self._placed.get(edge, ())]
            for edge, paths in chosen.items()
        }
        scenario = self._stage.world.scenario
        await spread(
            self._stage.network(SERVER),
            self._library,
            {edge: paths for edge, paths in news.items() if paths},
            self._caches.stations,
            self._tree(),
            cache_control=cache_control(scenario),
            spare=bool(self._placed),
            trace=self._stage.trace(SERVER),
        )
        self._placed = {edge: frozenset(paths) for edge, paths in chosen.items()}
        self._stage.trace(SERVER)(
            PLACED,
            objects=sum(map(len, news.values())),
            seconds=trio.current_time() - started,
        )

    async def replace(
        self, census: Census, every: float, *, task_status: trio.TaskStatus[None]
    ) -> None:
        """Place anew, every so often, what was asked for since the last time."""
        task_status.started()
        while True:
            await trio.sleep(every)
            await self.place(census.take())

    def _allocate(self, rates: Mapping[str, Mapping[str, float]]) -> Allocation:
        scenario = self._stage.world.scenario
        forecast = Forecast(
            rates={edge: rates.get(edge, {}) for edge in scenario.edge_names},
            sizes={path: size + PER_OBJECT for path, size in self._catalogue.sizes.items()},
            room=next(iter(self._caches.rooms.values())),
            delays=_delays(self._stage, cooperative=self._cdn.cooperative),
            objects=[item.paths for item in self._catalogue.items],
        )
        if self._cdn.placement == "prefix":
            return allocation.prefix(forecast, self._cdn.prefix)
        return allocation.PLACEMENTS[self._cdn.placement](forecast)

    def _tree(self) -> Tree:
        edges = self._stage.world.edges
        return k_ary(edges, self._cdn.arity) if self._cdn.spread == "tree" else {ROOT: edges}


def expected(
    stage: Stage, catalogue: Catalogue, shares: Sequence[Sequence[float]]
) -> dict[str, dict[str, float]]:
    """Return the rate of requests at each edge by path, at the start.

    `shares[region]` are the items' shares of a region's requests. A router that looks at client
    or key is asked where they go; one that does not, sends every edge the same.
    """
    scenario, edges = stage.world.scenario, stage.world.edges
    rates: dict[str, dict[str, float]] = {edge: {} for edge in edges}
    seen = _seen(scenario, catalogue)
    routed = _routed(stage)
    for region, of_region in enumerate(shares):
        for item, share in zip(catalogue.items, of_region, strict=True):
            for path, part in zip(item.paths, seen, strict=False):
                for edge, weight in routed(region, path):
                    before = rates[edge].get(path, 0.0)
                    rates[edge][path] = before + share * part * weight
    return rates


def _routed(stage: Stage) -> Callable[[int, str], Sequence[tuple[str, float]]]:
    """Return what says where a region's requests for a path go, in which shares."""
    cdn, edges = of(stage.world.scenario), stage.world.edges
    names = tuple(sorted(edges))
    fleet = Fleet(names, {}, stage.world.topology.delay, stage.rng("placement", "routing"))
    router = find_router(cdn.routing)()

    def route(region: int, path: str) -> Sequence[tuple[str, float]]:
        if cdn.routing in _BLIND:
            return [(edge, 1 / len(edges)) for edge in edges]
        client = stage.world.clients[region % len(stage.world.clients)]
        edge = router.route(client, path, fleet)
        return [] if edge is None else [(edge, 1.0)]

    return route


def _seen(scenario: Scenario, catalogue: Catalogue) -> list[float]:
    """Return what share of a video's viewers sees each segment."""
    segments = max(len(item.paths) for item in catalogue.items)
    session = scenario.demand.session if scenario.demand else None
    stays = 1 - session.abandon if isinstance(session, Watch) else 1.0
    return [stays**number for number in range(segments)]


def _delays(stage: Stage, *, cooperative: bool) -> dict[str, dict[str | None, float]]:
    """Return round trips along the topology's shortest paths, in seconds."""
    delay, edges = stage.world.topology.delay, stage.world.edges
    found: dict[str, dict[str | None, float]] = {}
    for edge in edges:
        found[edge] = {None: 2 * delay(edge, SERVER)}
        for other in edges:
            found[edge][other] = 2 * delay(edge, other) if cooperative else float("inf")
    return found
