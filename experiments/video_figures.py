"""Draws what viewers saw: one session over time, and distributions over all sessions.

It takes event logs and metrics and returns PNG and SVG bytes, the same for the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from experiments import log
from experiments.figures import INK, STYLES, render, style
from experiments.log import Event
from experiments.runner import Outcome
from experiments.session_history import SessionHistory, fold
from experiments.video_metrics import Session, labelled

if TYPE_CHECKING:  # importing matplotlib takes most of a second
    from matplotlib.axes import Axes

_BLUE, _RED, _ORANGE = STYLES["cdn-pull"][0], STYLES["client-server"][0], STYLES["hybrid"][0]
_COLOURS = (_BLUE, _RED, "#009E73", "#CC79A7", _ORANGE, "#56B4E9", "#000000", "#999999")
_DASHES = ("solid", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.2, 1.2, 1.2)))
_SHADES = {"start-up": "#BBBBBB", "stall": _RED, "seek": _ORANGE, "pause": "#56B4E9"}
_PANELS: Sequence[tuple[str, Callable[[Session], float | None]]] = (
    ("Start-up delay (s)", lambda each: each.startup_s),
    ("Time in stalls (% of watching)", lambda each: 100 * each.rebuffer_ratio),
    ("Mean bitrate (Mbit/s)", lambda each: each.bitrate / 1e6),
    ("QoE per segment, linear", lambda each: each.qoe_linear),
)


def draw(outcome: Outcome) -> dict[str, bytes]:
    """Return the first viewer's session, and the distributions if there are several viewers."""
    video = outcome.video
    if video is None:
        return {}
    caption = f"{outcome.scenario.name}, seed {outcome.scenario.seed}"
    events = log.read(outcome.events)
    first = video.each[0]
    named = {"session": session(events, first.client, caption=f"{caption} · {first.abr}")}
    if video.sessions > 1:
        named["sessions-cdf"] = distributions(labelled(video.each), caption=caption)
    return {f"{name}.{form}": data for name, forms in named.items() for form, data in forms.items()}


def session(events: Sequence[Event], client: str, *, caption: str) -> dict[str, bytes]:
    """Return one session: capacity and chosen rates above, the buffer below, waiting shaded."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    history = fold(events, client)
    figure = Figure(figsize=(8.4, 5.4), layout="constrained")
    rates, buffer = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for axes in (rates, buffer):
        style(axes)
        for began, ended, what in history.waits:
            axes.axvspan(began, ended, color=_SHADES[what], alpha=0.3, lw=0, zorder=1)
    rates.set_title(
        f"What did {client} see?", loc="left", fontsize=13, fontweight="bold", color=INK, pad=24
    )
    rates.text(0, 1.04, caption, transform=rates.transAxes, fontsize=9, color="#666666")
    _rates(rates, history)
    buffer.plot(*_columns(history.levels), color=INK, lw=1.8, zorder=3)
    buffer.set(xlabel="Time since the session began (s)", ylabel="Buffer (s)")
    buffer.set_ylim(0)
    buffer.set_xlim(0, history.ended)
    kinds = dict.fromkeys(what for _, _, what in history.waits)
    patches = [Patch(color=_SHADES[what], alpha=0.3, lw=0, label=what) for what in kinds]
    if patches:
        buffer.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    return render(figure)


def _rates(axes: Axes, history: SessionHistory) -> None:
    highest = max((bitrate for _, _, bitrate, _ in history.chosen), default=1e6) / 1e6
    if history.capacity:
        times, rates = _columns([*history.capacity, (history.ended, history.capacity[-1][1])])
        axes.step(times, [rate / 1e6 for rate in rates], where="post", color="#999999", lw=1.4,
                  zorder=2, label="capacity")  # fmt: skip
    for place, (began, ended, bitrate, _) in enumerate(history.chosen):
        axes.plot([began, ended], [bitrate / 1e6] * 2, color=_BLUE, lw=3, zorder=4,
                  solid_capstyle="butt", label="chosen rate" if place == 0 else None)  # fmt: skip
    points = [(ended, bitrate / 1e6) for _, ended, bitrate, _ in history.chosen]
    if points:
        axes.step(*_columns(points), where="post", color=_BLUE, lw=0.9, zorder=3)
    for found, marker, label in ((True, "o", "cache hit"), (False, "x", "cache miss")):
        dots = [(ended, rate / 1e6) for _, ended, rate, hit in history.chosen if hit is found]
        if dots:
            axes.scatter(*_columns(dots), marker=marker, s=24, color=INK, lw=1.2, zorder=5,
                         label=label)  # fmt: skip
    axes.set_ylabel("Rate (Mbit/s)")
    carried = [rate / 1e6 for _, rate in history.capacity if rate < float("inf")]
    axes.set_ylim(0, min(max([highest, *carried]), 2.5 * highest) * 1.08)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)


def distributions(groups: Mapping[str, Sequence[Session]], *, caption: str) -> dict[str, bytes]:
    """Return, for four measures, the share of sessions up to each value, a curve per group."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.8, 6.4), layout="constrained")
    panels = [figure.add_subplot(2, 2, place) for place in range(1, 5)]
    for axes, (label, of) in zip(panels, _PANELS, strict=True):
        style(axes)
        for place, (name, sessions) in enumerate(groups.items()):
            values = sorted(value for each in sessions if (value := of(each)) is not None)
            shares = [100 * rank / len(values) for rank in range(len(values) + 1)]
            if values:
                axes.step(
                    [values[0], *values], shares, where="post", lw=1.9, label=name,
                    color=_COLOURS[place % len(_COLOURS)], ls=_DASHES[place % len(_DASHES)],
                )  # fmt: skip
        axes.set_xlabel(label)
        axes.set_ylim(0, 104)
    panels[0].set_ylabel("Sessions (%)")
    panels[2].set_ylabel("Sessions (%)")
    figure.suptitle(
        f"How did sessions differ?  ({caption})", x=0.01, ha="left", fontsize=12, color=INK
    )
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right upper", frameon=False)
    return render(figure)


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
