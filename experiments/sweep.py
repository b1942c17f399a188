"""One scenario at every combination of some keys' values and seeds, and what that comes to.

It plans runs and sums them up; it runs nothing itself.
"""

from __future__ import annotations

import copy
import itertools
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from experiments.confidence import interval
from experiments.results import with_details
from experiments.runner import Outcome
from experiments.scenario import Scenario, ScenarioError, parse

MAX_RUNS = 10_000
CDN_MEASURES = (
    "cdn.hit_ratio", "cdn.byte_hit_ratio", "cdn.offload", "cdn.first_byte.mean_s",
    "cdn.last_byte.p95_s", "cdn.load_jain", "cdn.cost_per_gb",
)  # fmt: skip
VIDEO_MEASURES = tuple(
    f"video.means.{name}.mean"
    for name in ("startup_s", "rebuffer_ratio", "bitrate", "switches", "qoe_linear", "qoe_log")
)
MEASURES = ("median_s", "last_s", "ratio")
_STEP = re.compile(r"([A-Za-z_]\w*)(?:\[(\d+)\])?")


class SweepError(ValueError):
    """A sweep that cannot be; the text names the flag's part and the fix."""


@dataclass(frozen=True)
class Varied:
    """One key of the scenario, and the values it takes, as TOML would read them."""

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Point:
    """One combination: each varied key with its value, and the scenario of each seed."""

    settings: Mapping[str, Any]
    scenarios: Sequence[Scenario]

    @property
    def label(self) -> str:
        """The values, for people."""
        return ", ".join(written(value) for value in self.settings.values()) or "as it is"


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """One measure at one point: mean over the seeds, and its 95 % interval's half-width.

    `gain` is the mean difference from the first point, seed by seed, with a half-width of its
    own: equal seeds have equal demand, so it is surer than the means are. All are None where no
    run has the measure, half-widths also where only one has.
    """

    mean: float | None
    half_width: float | None
    each: list[float | None]
    gain: float | None = None
    gain_half_width: float | None = None

    @property
    def differs(self) -> bool:
        """Whether the interval of the difference from the first point leaves zero out."""
        return bool(
            self.gain and self.gain_half_width is not None and abs(self.gain) > self.gain_half_width
        )


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One point with its measures."""

    settings: dict[str, Any]
    measures: dict[str, Estimate]


def varied(text: str) -> Varied:
    """Return what `KEY=VALUE,VALUE,...` says; commas within brackets or quotes do not count.

    Raises:
        SweepError: it is not of that form.
    """
    key, equals, listed = text.partition("=")
    values = tuple(_value(part) for part in _split(listed))
    steps = key.split(".")
    if not equals or not values or not all(_STEP.fullmatch(step) for step in steps):
        raise SweepError(f"'{text}' is not KEY=VALUE,VALUE,... such as cdn.policy=lru,sieve")
    return Varied(key, values)


def written(value: object) -> str:
    """Return a value of a key as people write it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def plan(
    table: Mapping[str, Any],
    keys: Sequence[Varied],
    seeds: Sequence[int],
    models: Sequence[str],
    *,
    source: str,
) -> list[Point]:
    """Return every combination of values, the last key's varying fastest.

    Raises:
        SweepError: a key is given twice, or there are too many runs.
        ScenarioError: a combination cannot be run; names the key and the fix.
    """
    if len({each.key for each in keys}) < len(keys):
        raise SweepError("each key can be varied once; list all its values together")
    if math.prod(len(each.values) for each in keys) * len(seeds) > MAX_RUNS:
        raise SweepError(f"more than {MAX_RUNS} runs; vary less, or give fewer seeds")
    points: list[Point] = []
    for values in itertools.product(*(each.values for each in keys)):
        settings = {each.key: value for each, value in zip(keys, values, strict=True)}
        changed = copy.deepcopy(dict(table))
        for key, value in settings.items():
            _set(changed, key.split("."), value, key)
        where = ", ".join(f"{key}={written(value)}" for key, value in settings.items())
        scenario = parse(changed, models, source=f"{source} with {where}" if where else source)
        number = len(points) + 1
        points.append(
            Point(
                settings,
                [
                    replace(scenario, name=f"{scenario.name}-{number:03}", seed=seed)
                    for seed in seeds
                ],
            )
        )
    return points


def default_measures(scenario: Scenario) -> tuple[str, ...]:
    """Return what is measured unless somebody says what."""
    if scenario.video is not None:
        return VIDEO_MEASURES
    return CDN_MEASURES if scenario.cdn is not None else MEASURES


def rows(
    points: Iterable[Point], done: Mapping[tuple[str, int], Outcome], measures: Sequence[str]
) -> list[Row]:
    """Return each point of which some run is done, by scenario name and seed, with its measures.

    Raises:
        SweepError: there is no such measure; lists what there is.
    """
    found: list[Row] = []
    for point in points:
        runs = [done[s.name, s.seed] for s in point.scenarios if (s.name, s.seed) in done]
        if runs:
            told = [_details(outcome) for outcome in runs]
            each = {name: [_measure(details, name) for details in told] for name in measures}
            first = found[0].measures if found else {}
            estimates = {
                name: _estimate(values, first[name].each if first else None)
                for name, values in each.items()
            }
            found.append(Row(settings=dict(point.settings), measures=estimates))
    return found


def _details(outcome: Outcome) -> dict[str, object]:
    return with_details([outcome.metrics], [outcome.swarm], [outcome.cdn], [outcome.video])[0]


def _measure(told: object, name: str) -> float | None:
    """Return the number at the dotted path `name`; in lists, `name` finds the entry so called."""
    at = told
    for step in name.split("."):
        if isinstance(at, list):
            at = {str(entry["name"]): entry for entry in at}
        if not isinstance(at, dict) or step not in at:
            there = ", ".join(at) if isinstance(at, dict) else "nothing below it"
            raise SweepError(f"no measure {name!r}: at {step!r} there is {there}")
        at = at[step]
    if at is not None and not isinstance(at, int | float):
        inner = ", ".join(at) if isinstance(at, dict) else str(at)
        raise SweepError(f"{name!r} is no number; go on with one of {inner}")
    return None if at is None else float(at)


def _estimate(each: list[float | None], first: Sequence[float | None] | None) -> Estimate:
    mean, half = _interval([value for value in each if value is not None])
    pairs = zip(each, first, strict=False) if first is not None else ()
    gain, gain_half = _interval([a - b for a, b in pairs if a is not None and b is not None])
    return Estimate(mean=mean, half_width=half, each=each, gain=gain, gain_half_width=gain_half)


def _interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    if not values:
        return None, None
    sure = interval(values)
    return sure.mean, None if math.isinf(sure.half_width) else sure.half_width


def _set(table: dict[str, Any], steps: Sequence[str], value: object, key: str) -> None:
    """Set the key in `table`, in all tables of a list unless it is indexed."""
    match = _STEP.fullmatch(steps[0])
    name, index = (match[1], match[2]) if match else (steps[0], None)
    if len(steps) == 1:
        table[name] = value
        return
    below = table.setdefault(name, {})
    if isinstance(below, list):
        if index is not None and int(index) >= len(below):
            raise ScenarioError(f"{key}: there are only {len(below)} tables {name}, from [0] on")
        chosen = below if index is None else [below[int(index)]]
    else:
        chosen = [below]
    for each in chosen:
        if not isinstance(each, dict):
            raise ScenarioError(f"{key}: {name} is no section, but {written(each)}")
        _set(each, steps[1:], value, key)


def _value(text: str) -> Any:
    """Return the TOML value that `text` is, or `text` itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def _split(text: str) -> list[str]:
    """Return the parts between the commas that are in no brackets and no quotes."""
    parts, depth, quoted = [""], 0, ""
    for sign in text:
        if quoted:
            quoted = "" if sign == quoted else quoted
        elif sign in "\"'":
            quoted = sign
        else:
            depth += (sign in "[{") - (sign in "]}")
        if sign == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += sign
    return [part for part in parts if part.strip()]
