"""Reads scenarios from TOML and refuses what cannot be run.

Errors name the file, the key and the fix; it starts nothing.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from experiments import faults as adversities
from experiments import units
from experiments.capacity import SHIPPED
from experiments.quantities import Duration, Rate, Size
from experiments.scenario import delivery, sharing, streaming
from experiments.scenario.checks import problems
from experiments.scenario.sections import (
    Clients,
    Content,
    Edges,
    Network,
    Peers,
    Scenario,
    Server,
    WebSeed,
)
from peer.strategy import is_file


class ScenarioError(Exception):
    """A scenario that cannot be run; the message names the place and the fix."""


_PARSERS: Mapping[type, Callable[[str], float]] = {
    Rate: units.parse_rate,
    Size: units.parse_size,
    Duration: units.parse_duration,
}
_SECTIONS: Mapping[str, type[msgspec.Struct]] = {
    "$": Scenario,
    "$.content": Content,
    "$.server": Server,
    "$.clients": Clients,
    "$.edges": Edges,
    "$.network": Network,
    "$.peers": Peers,
    "$.web_seed": WebSeed,
    "$.catalogue": delivery.Catalogue,
    "$.demand": delivery.Demand,
    "$.demand.flash": delivery.Flash,
    "$.demand.drift": delivery.Drift,
    "$.cdn": delivery.Cdn,
    "$.cdn.health": delivery.Health,
    "$.cdn.price": delivery.Price,
    "$.video": streaming.Video,
    "$.video.buffer": streaming.Buffer,
    "$.viewers": sharing.Viewers,
    "$.links": streaming.ChangingLink,
}


_KEYS: Mapping[str, Sequence[str]] = {
    "$.catalogue.size": ("kind", "bytes", "median", "sigma", "least", "most", "shape"),
    "$.demand.shape": ("kind", "period", "swing"),
    "$.demand.session": ("kind", "requests", "pause", "abandon"),
    "$.clients.behaviour": ("kind", "at", "to", "lasts"),
}


def load(path: Path, models: Sequence[str]) -> Scenario:
    """Return the scenario in the TOML file at `path`; files it names are looked for beside it.

    Raises:
        ScenarioError: it cannot be read, or says something that cannot be run.
    """
    return parse(read(path), models, source=str(path))


def read(path: Path) -> dict[str, Any]:
    """Return the table in the TOML file at `path`, with the files it names beside it.

    Raises:
        ScenarioError: it cannot be read, or is not TOML.
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
            _find_classes_beside(path, group, ("picker", "choker", "seed_choker", "abr"))
    if isinstance(table.get("cdn"), dict):
        _find_classes_beside(path, table["cdn"], ("policy", "routing", "admission"))
    demand = table.get("demand")
    if isinstance(demand, dict) and isinstance(demand.get("trace"), str):
        demand["trace"] = str(path.parent / demand["trace"])
    _find_video_beside(path, table)
    return table


def _find_video_beside(path: Path, table: Mapping[str, object]) -> None:
    """Find a movie, a class and link traces beside the scenario; some traces ship."""
    video = table.get("video")
    if isinstance(video, dict):
        _find_classes_beside(path, video, ("abr",))
        if isinstance(video.get("movie"), str):
            video["movie"] = str(path.parent / video["movie"])
    for key in ("clients", "links"):
        rows = table.get(key)
        for row in rows if isinstance(rows, list) else []:
            trace = row.get("trace") if isinstance(row, dict) else None
            if isinstance(trace, str) and trace not in SHIPPED:
                row["trace"] = str(path.parent / trace)


def _find_classes_beside(path: Path, group: dict[str, object], keys: Sequence[str]) -> None:
    for key in keys:
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


def _read_quantity(kind: type, value: object) -> object:
    parser = _PARSERS.get(kind)
    if parser is None:
        raise NotImplementedError(kind)
    if not isinstance(value, str):
        raise units.UnitError(f"{value!r} has no unit; write it in quotes, with one")
    return kind(parser(value))


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
    plain = re.sub(r"\[[^]]*\]", "", place)
    section = _SECTIONS.get(plain)
    known = list(_KEYS.get(plain, adversities.KEYS))
    if section is not None:
        known = [field.encode_name for field in msgspec.structs.fields(section)]
    near = difflib.get_close_matches(name, known, 1)
    fix = f"did you mean {near[0]!r}?" if near else f"keys are {', '.join(known)}"
    return f"{key + '.' if key else ''}{name}: unknown key; {fix}"
