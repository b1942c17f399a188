"""What of a scenario cannot be run, with the key and the fix of each.

It reads no file but asks whether those that are named exist.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from experiments import faults as adversities
from experiments import population
from experiments.scenario import delivery_checks, streaming_checks
from experiments.scenario.sections import Content, Scenario
from peer.decision import StrategyError
from peer.strategy import find_choker, find_picker

MAX_CLIENTS = 10_000
MAX_EDGES = 1_000
MAX_TRACKERS = 10


def problems(scenario: Scenario, models: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the key path and the fix of each thing in `scenario` that cannot be run."""
    if scenario.model not in models:
        yield "model", f"no model {scenario.model!r}; one of {', '.join(models)}"
    if scenario.horizon <= 0:
        yield "horizon", "must be longer than 0s"
    yield from _content_problems(scenario)
    yield from delivery_checks.problems(scenario)
    yield from streaming_checks.problems(scenario)
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
    yield from _settings_problems(scenario)
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


def _settings_problems(scenario: Scenario) -> Iterator[tuple[str, str]]:
    for key, section in (("peers", scenario.peers), ("web_seed", scenario.web_seed)):
        try:
            section.settings()
        except ValueError as error:
            yield key, str(error)


def _content_problems(scenario: Scenario) -> Iterator[tuple[str, str]]:
    content = scenario.content
    if scenario.model == delivery_checks.MODEL:
        if content != Content():
            yield "content", "the model 'cdn' delivers a [catalogue] instead"
    elif scenario.model in streaming_checks.MODELS:
        if content != Content():
            yield "content", f"the model {scenario.model!r} delivers a [video] instead"
    elif (content.file is None) == (content.size is None):
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
            fault,
            horizon=scenario.horizon,
            trackers=scenario.tracker_names,
            restartable=delivery_checks.restartable(scenario),
        ):
            yield f"{path}.{key}" if key else path, problem


def _span(scenario: Scenario) -> str:
    middle = ", ".join((*scenario.tracker_names, *scenario.cache_names))
    return (
        f"server, {middle}, edge-1 to edge-{scenario.edges.count}, "
        f"client-1 to client-{scenario.client_count}"
    )
