"""Draws a sweep: a panel for each measure, with means and their 95 % intervals.

It takes rows and returns PNG and SVG bytes, the same for the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from experiments import units
from experiments.figures import INK, STYLES, render, style
from experiments.sweep import Row, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = (*(colour for colour, _ in STYLES.values()), "#56B4E9", "#E69F00", "#000000")
_COLUMNS = 3
_PANEL = (3.6, 2.7)


def draw(rows: Sequence[Row], *, title: str, caption: str) -> dict[str, bytes]:
    """Return the figure of `rows`, which are not empty."""
    from matplotlib.figure import Figure

    measures = [name for name in rows[0].measures if _any(rows, name)]
    columns = 2 if len(measures) == 4 else min(_COLUMNS, max(1, len(measures)))
    lines = math.ceil(len(measures) / columns)
    height = max(_PANEL[1], 0.28 * len(rows) + 1.2) if _axis(rows) is None else _PANEL[1]
    figure = Figure(
        figsize=(max(6.4, _PANEL[0] * columns + 1), height * lines + 0.7), layout="constrained"
    )
    figure.suptitle(f"{title}\n", x=0.01, ha="left", fontsize=13, fontweight="bold", color=INK)
    figure.text(0.01, 1 - 0.45 / figure.get_figheight(), caption, fontsize=9, color="#666666")
    for number, name in enumerate(measures):
        axes = figure.add_subplot(lines, columns, number + 1)
        style(axes)
        axes.set_title(name, loc="left", fontsize=10, color=INK)
        if _axis(rows) is None:
            _dots(axes, rows, name, labelled=number % columns == 0)
        else:
            _curves(axes, rows, name, legend=number == 0)
    return render(figure)


def _any(rows: Sequence[Row], name: str) -> bool:
    return any(row.measures[name].mean is not None for row in rows)


def _axis(rows: Sequence[Row]) -> str | None:
    """Return the first key whose values are at least three numbers or quantities."""
    for key in rows[0].settings:
        values = {written(row.settings[key]) for row in rows}
        if len(values) > 2 and all(_number(row.settings[key]) is not None for row in rows):
            return key
    return None


def _number(value: object) -> float | None:
    """Return what a value measures, None if it is not a number with or without unit."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    for parse in (units.parse_size, units.parse_duration, units.parse_rate):
        try:
            return float(parse(str(value)))
        except units.UnitError:
            continue
    return None


def _dots(axes: Axes, rows: Sequence[Row], name: str, *, labelled: bool) -> None:
    for place, row in enumerate(rows):
        estimate = row.measures[name]
        if estimate.mean is not None:
            each = [value for value in estimate.each if value is not None]
            axes.plot(each, [place + 0.22] * len(each), "o", color="#999999", ms=3, mew=0)
            axes.errorbar(
                [estimate.mean], [place], xerr=[estimate.half_width or 0], fmt="o",
                color=_COLOURS[2], ms=7, mec="white", mew=0.8, capsize=3, lw=1.6,
            )  # fmt: skip
    names = [", ".join(map(written, row.settings.values())) or "-" for row in rows]
    axes.set_yticks(range(len(rows)), names if labelled else [""] * len(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.margins(x=0.08)


def _curves(axes: Axes, rows: Sequence[Row], name: str, *, legend: bool) -> None:
    key = _axis(rows) or ""
    curves: dict[str, list[Row]] = {}
    for row in rows:
        others = [written(value) for other, value in row.settings.items() if other != key]
        curves.setdefault(", ".join(others), []).append(row)
    ticks: Mapping[float, Any] = {
        _number(row.settings[key]) or 0: row.settings[key] for row in rows
    }
    for number, (label, own) in enumerate(curves.items()):
        with_mean = [row for row in own if row.measures[name].mean is not None]
        axes.errorbar(
            [_number(row.settings[key]) or 0 for row in with_mean],
            [row.measures[name].mean or 0 for row in with_mean],
            yerr=[row.measures[name].half_width or 0 for row in with_mean],
            color=_COLOURS[(number + 2) % len(_COLOURS)], marker="o", ms=5, mec="white", mew=0.8,
            capsize=3, lw=1.8, label=label or None,
        )  # fmt: skip
    spread = max(ticks) / min(ticks) if min(ticks) > 0 else 0
    if spread > 20:
        axes.set_xscale("log")
    axes.set_xticks(list(ticks), [written(value) for value in ticks.values()])
    axes.minorticks_off()
    axes.set_xlabel(key)
    if legend and len(curves) > 1:
        axes.legend(frameon=False, fontsize=8)
