"""What a CDN's run is about: the catalogue, and who asks for what, drawn or read from a trace.

It turns a scenario into values and starts nothing; equal scenarios give equal work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from experiments import catalogue as catalogues
from experiments import demand as demands
from experiments import traces
from experiments.catalogue import Catalogue
from experiments.demand import Session
from experiments.scenario import Demand, Scenario
from experiments.scenario.delivery import LARGEST


@dataclass(frozen=True)
class Workload:
    """The catalogue, the sessions, and each region's shares of requests by item at the start."""

    demand: Demand
    catalogue: Catalogue
    sessions: Sequence[Session]
    shares: Sequence[Sequence[float]]


def build(scenario: Scenario) -> Workload:
    """Return the work of `scenario`, which has a catalogue and a demand.

    Raises:
        TraceError: its trace cannot be read.
    """
    wanted, demand = scenario.catalogue, scenario.demand
    if wanted is None or demand is None:
        raise ValueError("this scenario has no [catalogue] and [demand]")
    if demand.trace is not None:
        return _of_trace(scenario, demand, Path(demand.trace))
    catalogue = catalogues.build(wanted, scenario.seed)
    popular = demands.popularity(catalogue, wanted.alpha, demand)
    regions = scenario.edges.count
    sessions = demands.sessions(
        demand, catalogue, popular, clients=scenario.client_names, regions=regions
    )
    shares = [popular.shares(region, 0.0) for region in range(regions)]
    return Workload(demand, catalogue, sessions, shares)


def _of_trace(scenario: Scenario, demand: Demand, path: Path) -> Workload:
    """Return the requests of a trace's beginning, its clock set to zero."""
    requests, sizes, first = [], dict[str, int](), None
    for request in traces.read(path):
        first = request.time if first is None else first
        time = request.time - first
        if time >= demand.ends:
            break
        name = f"/{quote(str(request.key), safe='')}"
        sizes.setdefault(name, min(request.size, LARGEST))
        requests.append((max(0.0, time), name))
    if not requests:
        raise traces.TraceError(f"{path}: no requests")
    catalogue = catalogues.of_sizes(sizes, scenario.seed)
    sessions = demands.replayed(requests, clients=scenario.client_names, seed=scenario.seed)
    shares = demands.shares_of(requests, tuple(sizes))
    return Workload(demand, catalogue, sessions, [shares] * scenario.edges.count)
