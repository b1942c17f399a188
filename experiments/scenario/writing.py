"""Writes a scenario as TOML, every default spelled out.

It knows no key by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from experiments import units
from experiments.quantities import Duration, Rate, Size
from experiments.scenario.sections import Scenario

_FORMATTERS: Mapping[type, Callable[[Any], str]] = {
    Rate: units.format_rate,
    Size: units.format_size,
    Duration: units.format_duration,
}


def to_toml(scenario: Scenario) -> str:
    """Return `scenario` as TOML that `load` reads back as an equal value."""
    table = msgspec.to_builtins(scenario, enc_hook=_write_quantity)
    return "\n".join(_toml_lines(table, prefix=""))


def _write_quantity(value: object) -> str:
    return _FORMATTERS[type(value)](value)


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
