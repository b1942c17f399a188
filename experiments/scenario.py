"""What one run is asked to do: hosts, links, content, model and faults, as one typed value.

Reads and writes TOML and refuses what cannot be run; it starts nothing and knows no network.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from experiments import faults as adversities
from experiments import population, units
from experiments.faults import (
    Crash,
    Crashes,
    Fault,
    Freeze,
    Leave,
    Partition,
    SlowLink,
    TrackerOutage,
)
from experiments.population import (
    AfterSeeding,
    Arrival,
    Departure,
    FlashCrowd,
    Never,
    OnCompletion,
    Poisson,
    Timetable,
)
from experiments.quantities import Duration, Rate, Size
from peer.decision import StrategyError
from peer.settings import PeerSettings
from peer.strategy import find_choker, find_picker, is_file

__all__ = [
    "AfterSeeding", "Arrival", "Clients", "Content", "Crash", "Crashes", "Departure", "Duration",
    "Edges", "Fault", "FlashCrowd", "Freeze", "Leave", "Network", "Never", "OnCompletion",
    "Partition", "Peers", "Poisson", "Rate", "Scenario", "ScenarioError", "Server", "Size",
    "SlowLink", "Timetable", "TrackerOutage", "load", "parse", "problems", "to_toml",
]  # fmt: skip

MAX_CLIENTS = 10_000
MAX_EDGES = 1_000
MAX_TRACKERS = 10
_PEER = PeerSettings()


class ScenarioError(Exception):
    """A scenario that cannot be run; the message names the place and the fix."""


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is delivered: a real `file`, or `size` bytes made from the seed."""

    file: str | None = None
    size: Size | None = None
    chunk_size: Size = Size(64 * 1024)


class Server(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The host that has the content first: server, seed or origin.

    As a seed it chokes with `choker`, and leaves when each chunk is with `leaves_after` clients.
    """

    up: Rate = Rate(50e6)
    down: Rate = Rate(math.inf)
    choker: str = "least-served"
    leaves_after: int | None = None


class Clients(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some clients that come and go alike and, in a swarm, have equal strategies.

    Their links are `up` and `down`, or, if `access` is given, lines by share.
    `seed_choker`, for when they have everything, is what their choker becomes unless given.
    """

    count: int
    up: Rate = Rate(10e6)
    down: Rate = Rate(50e6)
    access: dict[str, float] = {}
    arrival: Arrival = FlashCrowd()
    departure: Departure = Never()
    picker: str = "rarest-first"
    choker: str = "tit-for-tat"
    seed_choker: str | None = None


class Edges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The CDN's edges, one in each region; `down` is `up` unless given."""

    count: int = 4
    up: Rate = Rate(50e6)
    down: Rate | None = None


class Peers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the peers of a swarm are set, the seed among them."""

    min_neighbours: int = _PEER.min_neighbours
    max_neighbours: int = _PEER.max_neighbours
    upload_slots: int = _PEER.upload_slots
    choke_interval: Duration = Duration(_PEER.choke_interval)
    optimistic_rounds: int = _PEER.optimistic_rounds
    super_seed: bool = _PEER.super_seed

    def settings(self) -> PeerSettings:
        """Return the peers' settings. Raises `ValueError` for values no peer can work with."""
        first = min(_PEER.first_dials, self.max_neighbours)
        return PeerSettings(first_dials=first, **msgspec.structs.asdict(self))


class Network(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What lies between the hosts: round-trip time across regions, and the links' segment."""

    rtt: Duration = Duration(0.04)
    segment: Size = Size(16 * 1024)


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run: `model` delivers `content` from `server` to all `clients`.

    A swarm's peers know `trackers` of them, and ask the next when one fails.
    """

    name: str
    model: str
    seed: int = 1
    horizon: Duration = Duration(24 * 3600)
    content: Content
    server: Server = Server()
    clients: list[Clients]
    edges: Edges = Edges()
    network: Network = Network()
    peers: Peers = Peers()
    trackers: int = 1
    faults: list[Fault] = []

    @property
    def client_count(self) -> int:
        """How many clients there are in all groups."""
        return sum(group.count for group in self.clients)

    @property
    def client_groups(self) -> tuple[Clients, ...]:
        """The group of each client, in the order of their names."""
        return tuple(group for group in self.clients for _ in range(group.count))

    @property
    def staggered(self) -> bool:
        """Whether not all clients come at once."""
        return any(not isinstance(group.arrival, FlashCrowd) for group in self.clients)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names a fault may give, in order."""
        return ("server", *self.tracker_names, *self.edge_names, *self.client_names)

    @property
    def tracker_names(self) -> tuple[str, ...]:
        """`tracker`, `tracker-2` and on."""
        return ("tracker", *(f"tracker-{i}" for i in range(2, self.trackers + 1)))

    @property
    def edge_names(self) -> tuple[str, ...]:
        """`edge-1` and on."""
        return tuple(f"edge-{i}" for i in range(1, self.edges.count + 1))

    @property
    def client_names(self) -> tuple[str, ...]:
        """`client-1` and on, through the groups in order."""
        return tuple(f"client-{i}" for i in range(1, self.client_count + 1))


_PARSERS: Mapping[type, Callable[[str], float]] = {
    Rate: units.parse_rate,
    Size: units.parse_size,
    Duration: units.parse_duration,
}
_FORMATTERS: Mapping[type, Callable[[Any], str]] = {
    Rate: units.format_rate,
    Size: units.format_size,
    Duration: units.format_duration,
}
_SECTIONS: Mapping[str, type[msgspec.Struct]] = {
    "$": Scenario,
    "$.content": Content,
    "$.server": Server,
    "$.clients": Clients,
    "$.edges": Edges,
    "$.network": Network,
    "$.peers": Peers,
}


def load(path: Path, models: Sequence[str]) -> Scenario:
    """Return the scenario in the TOML file at `path`; files it names are looked for beside it.

    Raises:
        ScenarioError: it cannot be read, or says something that cannot be run.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: not TOML: {error}") from error
    content = table.get("content")
    if isinstance(content, dict) and isinstance(content.get("file"), str):
        content["file"] = str(path.parent / content["file"])
    groups = table.get("clients")
    for group in [*(groups if isinstance(groups, list) else []), table.get("server")]:
        if isinstance(group, dict):
            _find_strategies_beside(path, group)
    return parse(table, models, source=str(path))


def _find_strategies_beside(path: Path, group: dict[str, object]) -> None:
    for key in ("picker", "choker", "seed_choker"):
        name = group.get(key)
        if isinstance(name, str) and is_file(name):
            group[key] = str(path.parent.resolve() / name)


def parse(table: Mapping[str, object], models: Sequence[str], *, source: str) -> Scenario:
    """Return the scenario that `table` describes.

    Raises:
        ScenarioError: with `source`, the key's path, and the fix.
    """
    try:
        scenario = msgspec.convert(table, Scenario, dec_hook=_read_quantity)
    except msgspec.ValidationError as error:
        raise ScenarioError(f"{source}: {_explain(str(error))}") from error
    for key, problem in problems(scenario, models):
        raise ScenarioError(f"{source}: {key}: {problem}")
    return scenario


def problems(scenario: Scenario, models: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the key path and the fix of each thing in `scenario` that cannot be run."""
    if scenario.model not in models:
        yield "model", f"no model {scenario.model!r}; one of {', '.join(models)}"
    if scenario.horizon <= 0:
        yield "horizon", "must be longer than 0s"
    yield from _content_problems(scenario.content)
    if not scenario.clients:
        yield "clients", "add a [[clients]] group with a count"
    for index, group in enumerate(scenario.clients):
        if group.count < 1:
            yield f"clients[{index}].count", f"{group.count} is below 1"
        for key, problem in population.problems(
            group.arrival, group.access, group.count, scenario.horizon
        ):
            yield f"clients[{index}].{key}", problem
    if scenario.client_count > MAX_CLIENTS:
        yield "clients", f"{scenario.client_count} clients are more than {MAX_CLIENTS}"
    try:
        scenario.peers.settings()
    except ValueError as error:
        yield "peers", str(error)
    copies = scenario.server.leaves_after
    if copies is not None and not 1 <= copies <= max(1, scenario.client_count):
        yield "server.leaves_after", f"{copies} is not between 1 and the number of clients"
    yield from _strategy_problems(scenario)
    if not 1 <= scenario.edges.count <= MAX_EDGES:
        yield "edges.count", f"{scenario.edges.count} is not between 1 and {MAX_EDGES}"
    if not 1 <= scenario.trackers <= MAX_TRACKERS:
        yield "trackers", f"{scenario.trackers} is not between 1 and {MAX_TRACKERS}"
    if not 512 <= scenario.network.segment <= 2**20:
        yield "network.segment", "must be between 512B and 1MiB"
    yield from _fault_problems(scenario)


def _content_problems(content: Content) -> Iterator[tuple[str, str]]:
    if (content.file is None) == (content.size is None):
        yield "content", "give either file or size"
    elif content.file is not None and not Path(content.file).is_file():
        yield "content.file", f"there is no file {content.file!r}"
    elif content.file is not None and Path(content.file).stat().st_size == 0:
        yield "content.file", f"{content.file!r} is empty"
    if not 1024 <= content.chunk_size <= 16 * 2**20:
        yield "content.chunk_size", "must be between 1KiB and 16MiB"


def _strategy_problems(scenario: Scenario) -> Iterator[tuple[str, str]]:
    asked: list[tuple[str, Callable[[str], object], str | None]] = [
        ("server.choker", find_choker, scenario.server.choker)
    ]
    for index, group in enumerate(scenario.clients):
        asked += [
            (f"clients[{index}].picker", find_picker, group.picker),
            (f"clients[{index}].choker", find_choker, group.choker),
            (f"clients[{index}].seed_choker", find_choker, group.seed_choker),
        ]
    for key, find, name in asked:
        try:
            if name is not None:
                find(name)
        except StrategyError as error:
            yield key, str(error)


def _fault_problems(scenario: Scenario) -> Iterator[tuple[str, str]]:
    for index, fault in enumerate(scenario.faults):
        path = f"faults[{index}]"
        for key, host in adversities.hosts_of(fault):
            if host not in scenario.hosts:
                near = difflib.get_close_matches(host, scenario.hosts, 1)
                fix = f"did you mean {near[0]!r}?" if near else f"hosts are {_span(scenario)}"
                yield f"{path}.{key}", f"no host {host!r}; {fix}"
        for key, problem in adversities.problems(
            fault, horizon=scenario.horizon, trackers=scenario.tracker_names
        ):
            yield f"{path}.{key}" if key else path, problem


def _span(scenario: Scenario) -> str:
    return (
        f"server, {', '.join(scenario.tracker_names)}, edge-1 to edge-{scenario.edges.count}, "
        f"client-1 to client-{scenario.client_count}"
    )


def to_toml(scenario: Scenario) -> str:
    """Return `scenario` as TOML that `load` reads back as an equal value."""
    table = msgspec.to_builtins(scenario, enc_hook=_write_quantity)
    return "\n".join(_toml_lines(table, prefix=""))


def _read_quantity(kind: type, value: object) -> object:
    parser = _PARSERS.get(kind)
    if parser is None:
        raise NotImplementedError(kind)
    if not isinstance(value, str):
        raise units.UnitError(f"{value!r} has no unit; write it in quotes, with one")
    return kind(parser(value))


def _write_quantity(value: object) -> str:
    return _FORMATTERS[type(value)](value)


def _explain(error: str) -> str:
    """Turn msgspec's `what - at `$.path`` into `path: what`, with the nearest known key."""
    what, _, place = error.rpartition(" - at `")
    if not what:
        what, place = error, "$`"
    place = place.rstrip("`")
    unknown = re.search(r"unknown field `(.+)`", what)
    key = place.removeprefix("$").lstrip(".")
    if unknown is None:
        return f"{key or 'top level'}: {what}"
    name = unknown.group(1)
    section = _SECTIONS.get(re.sub(r"\[[^]]*\]", "", place))
    known = list(adversities.KEYS)
    if section is not None:
        known = [field.encode_name for field in msgspec.structs.fields(section)]
    near = difflib.get_close_matches(name, known, 1)
    fix = f"did you mean {near[0]!r}?" if near else f"keys are {', '.join(known)}"
    return f"{key + '.' if key else ''}{name}: unknown key; {fix}"


def _toml_lines(table: Mapping[str, Any], prefix: str) -> Iterator[str]:
    tables = {key: value for key, value in table.items() if isinstance(value, dict)}
    groups = {
        key: value
        for key, value in table.items()
        if isinstance(value, list) and all(isinstance(row, dict) for row in value)
    }
    for key, value in table.items():
        if key not in tables and key not in groups and value is not None:
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
    for key, value in tables.items():
        yield f"\n[{prefix}{key}]"
        yield from _toml_lines(value, f"{prefix}{key}.")
    for key, rows in groups.items():
        for row in rows:
            yield f"\n[[{prefix}{key}]]"
            yield from _toml_lines(row, f"{prefix}{key}.")
    if not prefix:
        yield ""
