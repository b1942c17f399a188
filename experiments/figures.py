"""Draws delivery time against the number of clients, and the distribution of completion times.

It takes numbers and returns PNG and SVG bytes, the same for the same numbers; it reads no files.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing matplotlib takes most of a second
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette: told apart with any colour vision; markers help on paper.
STYLES: Mapping[str, tuple[str, str]] = {
    "client-server": ("#D55E00", "o"),
    "p2p": ("#009E73", "s"),
    "cdn-pull": ("#0072B2", "^"),
    "cdn-push": ("#CC79A7", "D"),
    "hybrid": ("#E69F00", "P"),
}
_OTHER = ("#56B4E9", "v")
_WIDTHS = (3.6, 2.8, 2.2, 1.6)  # so that curves which coincide are seen beneath each other
_DASHES = (0, (4, 2.5))
INK, FAINT = "#333333", "#DDDDDD"


@dataclass(frozen=True, slots=True)
class Series:
    """One model's curve: at each number of clients the last delivery and the bound, in seconds."""

    model: str
    clients: Sequence[int]
    last: Sequence[float]
    bound: Sequence[float]


@dataclass(frozen=True, slots=True)
class Dots:
    """One row of a dot plot: a mean, the half-width of its interval, and the single values."""

    name: str
    mean: float
    half_width: float
    each: Sequence[float]


def delivery_times(series: Sequence[Series], *, caption: str) -> dict[str, bytes]:
    """Return the figure of the textbook, measured: time of the last delivery against N."""
    figure, axes = canvas("How long until everyone has the file?", caption)
    for index, curve in enumerate(series):
        colour, marker = STYLES.get(curve.model, _OTHER)
        width = _WIDTHS[index % len(_WIDTHS)]
        axes.plot(curve.clients, curve.last, color=colour, lw=width, zorder=3, clip_on=False)
        axes.plot(curve.clients, curve.bound, color=_darker(colour), lw=1.1, ls=_DASHES, zorder=4)
        axes.plot(
            curve.clients, curve.last, color=colour, marker=marker, ms=6, mec="white", mew=0.8,
            ls="", zorder=5, clip_on=False,
        )  # fmt: skip
    axes.set(xlabel="Number of clients N", ylabel="Last client served after (s)")
    most = max(max(curve.clients) for curve in series)
    highest = max(max(*curve.last, *curve.bound) for curve in series)
    axes.set_xlim(0, most * 1.02)
    axes.set_ylim(0, highest * 1.06)
    ends = [(curve.last[-1], curve.model) for curve in series]
    _label_ends(axes, ends, gap=highest * 0.055)
    axes.plot([], [], color="#999999", lw=2.6, marker="o", ms=6, mec="white", label="measured")
    axes.plot([], [], color=INK, lw=1.1, ls=_DASHES, label="lower bound")
    axes.legend(loc="upper left", frameon=False, handlelength=2.6)
    return render(figure)


def completion_cdf(
    times: Mapping[str, Sequence[float]], *, clients: int, caption: str
) -> dict[str, bytes]:
    """Return the share of clients served by each time, per model (`times` ascending)."""
    figure, axes = canvas(f"When does each of {clients} clients have the file?", caption)
    longest = max(max(ordered) for ordered in times.values())
    for index, (model, ordered) in enumerate(times.items()):
        colour, marker = STYLES.get(model, _OTHER)
        shares = [100 * rank / len(ordered) for rank in range(1, len(ordered) + 1)]
        xs, ys = [ordered[0], *ordered], [0.0, *shares]
        width = _WIDTHS[index % len(_WIDTHS)]
        axes.step(xs, ys, where="post", color=colour, lw=width, zorder=3, label=model)
        axes.plot(
            ordered[-1], 100, color=colour, marker=marker, ms=6, mec="white", mew=0.8,
            zorder=4, clip_on=False,
        )  # fmt: skip
    axes.set(xlabel="Time since demand started (s)", ylabel="Clients served (%)")
    axes.set_xlim(0, longest * 1.04)
    axes.set_ylim(0, 104)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return render(figure)


def dot_plot(rows: Sequence[Dots], *, title: str, label: str, caption: str) -> dict[str, bytes]:
    """Return means with their intervals, one row each from the top, single values below."""
    figure, axes = canvas(title, caption)
    places = range(len(rows))
    for place, row in zip(places, rows, strict=True):
        below = [place + 0.2] * len(row.each)
        axes.plot(row.each, below, "o", color="#999999", ms=4, mew=0, zorder=3)
    axes.errorbar(
        [row.mean for row in rows], places, xerr=[row.half_width for row in rows],
        fmt="o", color=STYLES["cdn-pull"][0], ms=9, mec="white", mew=0.8, capsize=4, lw=1.8,
        zorder=4,
    )  # fmt: skip
    axes.set_yticks(places, [row.name for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.margins(x=0.06)
    axes.set_xlabel(label)
    return render(figure)


def canvas(
    title: str, caption: str, *, size: tuple[float, float] = (7.2, 4.5)
) -> tuple[Figure, Axes]:
    """Return an empty figure (size in inches) in the house style, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK, pad=24)
    rise = 0.03 * 4.5 / size[1]
    axes.text(0, 1 + rise, caption, transform=axes.transAxes, fontsize=9, color="#666666")
    style(axes)
    return figure, axes


def style(axes: Axes) -> None:
    """Give axes the house style."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#888888")
    axes.tick_params(colors=INK, labelsize=9.5)
    axes.grid(visible=True, color=FAINT, lw=0.7)
    axes.set_axisbelow(True)


def _darker(colour: str) -> str:
    """Return the #RRGGBB `colour` at half its brightness."""
    return "#" + "".join(f"{int(colour[at : at + 2], 16) // 2:02x}" for at in (1, 3, 5))


def _label_ends(axes: Axes, ends: Sequence[tuple[float, str]], *, gap: float) -> None:
    """Name each curve at its right end, pushed apart where the ends are closer than `gap`."""
    below = float("-inf")
    for value, model in sorted(ends):
        below = max(value, below + gap)
        axes.annotate(
            model, (1.0, below), xycoords=("axes fraction", "data"), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=10, fontweight="bold",
            color=STYLES.get(model, _OTHER)[0], annotation_clip=False,
        )  # fmt: skip


def render(figure: Figure) -> dict[str, bytes]:
    """Return the figure as PNG and SVG, without date or random ids."""
    import matplotlib as mpl

    forms: dict[str, bytes] = {}
    with mpl.rc_context({"svg.hashsalt": "swarmbed", "svg.fonttype": "path"}):
        for form, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
            out = io.BytesIO()
            figure.savefig(out, format=form, dpi=160, metadata=metadata)
            forms[form] = out.getvalue()
    return forms
