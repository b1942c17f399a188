"""The caches of a CDN put on a stage: origin, shield, regionals, edges, each before the next.

It starts nodes and knows none of their rules; who asks them is somebody else's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import trio

from cdn import eviction
from cdn.edge import Edge
from cdn.origin import Origin
from cdn.spread import Station
from experiments.catalogue import Catalogue, Library
from experiments.replay import find_admission
from experiments.scenario import Cdn, Scenario
from experiments.scenario.delivery_checks import capacities
from experiments.stage import Stage
from experiments.world import SERVER
from net.seam import Address, Listener

TIERS = ("edge", "regional", "shield")


@dataclass(frozen=True)
class Caches:
    """Where everything is: the origin, and each edge with its door for placing objects."""

    origin: Address
    edges: Mapping[str, Address]
    stations: Mapping[str, Station]
    rooms: Mapping[str, int]


async def deploy(stage: Stage, catalogue: Catalogue, library: Library) -> Caches:
    """Start the origin and all empty caches."""
    scenario, cdn = stage.world.scenario, of(stage.world.scenario)
    rooms = capacities(cdn, catalogue.bytes)
    origin = await _start_origin(stage, library, cache_control(scenario))
    above: Sequence[Address] = (origin,)
    for tier in range(cdn.tiers - 1, 0, -1):
        names = [name for name in scenario.cache_names if name.startswith(f"{TIERS[tier]}-")]
        hosts = {name: await _host(stage, name, rooms[tier]) for name in names}
        above = [
            await stage.serve(name, partial(host.run, above[number % len(above)], ()))
            for number, (name, host) in enumerate(hosts.items())
        ]
    edges = {name: await _host(stage, name, rooms[0]) for name in scenario.edge_names}
    servers = {name: host.listener.address for name, host in edges.items()}
    stations = {}
    for number, (name, host) in enumerate(edges.items()):
        siblings = [at for other, at in servers.items() if other != name and cdn.cooperative]
        door = await stage.serve(
            name, partial(host.run_with_door, above[number % len(above)], siblings)
        )
        stations[name] = Station(stage.network(name), servers[name], door, stage.trace(name))
    return Caches(origin, servers, stations, dict.fromkeys(edges, rooms[0]))


def of(scenario: Scenario) -> Cdn:
    """Return the CDN of a scenario that has one."""
    if scenario.cdn is None:
        raise ValueError("this scenario has no [cdn] section")
    return scenario.cdn


def cache_control(scenario: Scenario) -> str:
    """Return what the origin tells caches."""
    return f"max-age={int(scenario.catalogue.max_age)}" if scenario.catalogue else "no-store"


async def _start_origin(stage: Stage, library: Library, told: str) -> Address:
    port = 0

    async def run(*, task_status: trio.TaskStatus[Address]) -> None:
        nonlocal port
        origin = Origin(library, wall=stage.wall, cache_control=told, trace=stage.trace(SERVER))
        listener = await stage.network(SERVER).listen(port)
        port = listener.address.port
        await origin.serve(listener, task_status=task_status)

    address: Address = await stage.serve(SERVER, run)
    return address


@dataclass
class _Host:
    """One cache. Started again, it listens where it did, and has forgotten everything."""

    stage: Stage
    name: str
    room: int
    listener: Listener
    door_port: int = 0
    started: bool = False

    async def run(
        self,
        parent: Address,
        siblings: Sequence[Address],
        *,
        task_status: trio.TaskStatus[Address],
    ) -> None:
        """Serve from a new cache."""
        await self._edge(parent, siblings).serve(await self._take(), task_status=task_status)

    async def run_with_door(
        self,
        parent: Address,
        siblings: Sequence[Address],
        *,
        task_status: trio.TaskStatus[Address],
    ) -> None:
        """Serve from a new cache, and let objects be placed in it; start with that door."""
        edge = self._edge(parent, siblings)
        async with trio.open_nursery() as nursery:
            await nursery.start(edge.serve, await self._take())
            door = await self.stage.network(self.name).listen(self.door_port)
            self.door_port = door.address.port
            task_status.started(await nursery.start(edge.serve_placement, door))

    async def _take(self) -> Listener:
        """Return the listener, a new one on the same port when started again."""
        if self.started:
            address = self.listener.address
            self.listener = await self.stage.network(self.name).listen(address.port)
        self.started = True
        return self.listener

    def _edge(self, parent: Address, siblings: Sequence[Address]) -> Edge:
        scenario, rng = self.stage.world.scenario, partial(self.stage.rng, self.name)
        cdn = of(scenario)
        placers = [self.stage.network(host).host for host in (SERVER, *scenario.edge_names)]
        return Edge(
            self.stage.network(self.name),
            parent,
            capacity=self.room,
            wall=self.stage.wall,
            trace=self.stage.trace(self.name),
            eviction=eviction.make(cdn.policy, self.room, rng("eviction")),
            admits=find_admission(cdn.admission, rng("admission")).admits,
            siblings=siblings,
            placers=placers,
            timeout=_patience(scenario),
        )


async def _host(stage: Stage, name: str, room: int) -> _Host:
    return _Host(stage, name, room, await stage.network(name).listen())


def _patience(scenario: Scenario) -> float:
    """Return how long a cache waits for the one above: less than a client waits for it."""
    return scenario.demand.patience / 2 if scenario.demand else 60.0
