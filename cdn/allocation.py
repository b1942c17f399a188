"""Which objects go on which edges before anybody asks: the placement problem and its heuristics.

It refuses to know how objects get there, and where forecasts come from.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Allocation = Mapping[str, Sequence[str]]
"""For each edge the paths of what it should hold, the most valuable first."""


@dataclass(frozen=True)
class Forecast:
    """What is expected, and what it costs.

    `rates[edge][path]` are the requests at each edge, in any unit. `sizes` are bytes, and `room`
    what an edge can hold. `delays[edge][place]` is how long a request takes from an edge to
    another that has the object, or to the origin, under the name None (s). `objects` are the
    paths that make up one object, in the order in which they are asked for.
    """

    rates: Mapping[str, Mapping[str, float]]
    sizes: Mapping[str, int]
    room: int
    delays: Mapping[str, Mapping[str | None, float]]
    objects: Sequence[Sequence[str]]


def full(forecast: Forecast) -> Allocation:
    """Return everything for every edge."""
    paths = [path for group in forecast.objects for path in group]
    return dict.fromkeys(forecast.rates, paths)


def popular(forecast: Forecast) -> Allocation:
    """Return for each edge what is asked for most often there, as much as there is room for."""
    return {
        edge: _fill(sorted(rates, key=lambda path: (-rates[path], path)), forecast)
        for edge, rates in forecast.rates.items()
    }


def prefix(forecast: Forecast, segments: int) -> Allocation:
    """Return for each edge the first `segments` of the most popular videos.

    A viewer starts at once, and the rest is fetched meanwhile (Sen, Rexford & Towsley 1999).
    """
    first = frozenset(path for group in forecast.objects for path in group[:segments])
    return {
        edge: _fill(sorted(first & rates.keys(), key=lambda path: (-rates[path], path)), forecast)
        for edge, rates in forecast.rates.items()
    }


def greedy(forecast: Forecast) -> Allocation:
    """Return copies chosen one by one, each time the one that saves most delay per byte.

    A copy saves delay for every edge that has none nearer; where edges do not ask each other,
    their delays to one another are infinite. The heuristic for the k-median problem of Qiu,
    Padmanabhan & Voelker (2001), per byte; savings only shrink, so a stale one is recomputed
    when it comes up (Minoux 1978).
    """
    edges = tuple(forecast.rates)
    now = {(edge, path): forecast.delays[edge][None] for edge in edges for path in forecast.sizes}
    room = dict.fromkeys(edges, forecast.room)
    chosen: dict[str, list[str]] = {edge: [] for edge in edges}

    def saved(edge: str, path: str) -> float:
        return sum(
            forecast.rates[other].get(path, 0.0)
            * max(0.0, now[other, path] - _distance(forecast, other, edge))
            for other in edges
        ) / max(1, forecast.sizes[path])

    heap = [(-saved(edge, path), path, edge) for edge in edges for path in forecast.sizes]
    heapq.heapify(heap)
    while heap:
        _, path, edge = heapq.heappop(heap)
        if forecast.sizes[path] > room[edge]:
            continue
        value = saved(edge, path)
        if value <= 0:
            continue
        if heap and value < -heap[0][0]:
            heapq.heappush(heap, (-value, path, edge))
            continue
        chosen[edge].append(path)
        room[edge] -= forecast.sizes[path]
        for other in edges:
            now[other, path] = min(now[other, path], _distance(forecast, other, edge))
    return chosen


def expected_delay(forecast: Forecast, allocation: Allocation) -> float:
    """Return the mean delay of a request under `allocation`, in seconds."""
    total = spent = 0.0
    for edge, rates in forecast.rates.items():
        for path, rate in rates.items():
            copies = [
                _distance(forecast, edge, other)
                for other in allocation
                if path in allocation[other]
            ]
            spent += rate * min([forecast.delays[edge][None], *copies])
            total += rate
    return spent / total if total else 0.0


Placing = Callable[[Forecast], Allocation]
PLACEMENTS: Mapping[str, Placing] = {"full": full, "popular": popular, "greedy": greedy}


def _distance(forecast: Forecast, edge: str, other: str) -> float:
    return 0.0 if edge == other else forecast.delays[edge][other]


def _fill(paths: Iterable[str], forecast: Forecast) -> list[str]:
    """Return the paths in order, without those for which there is no room any more."""
    room, taken = forecast.room, []
    for path in paths:
        if forecast.sizes[path] <= room:
            room -= forecast.sizes[path]
            taken.append(path)
    return taken
