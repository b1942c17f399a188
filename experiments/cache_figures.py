"""Draws how the miss ratio falls with the size of the cache, a curve per policy.

It takes numbers and returns PNG and SVG bytes, the same for the same numbers; it reads no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments import units
from experiments.figures import canvas, render

# Okabe & Ito's palette, twice; the second time round with open markers and dashes.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "os^Dv<>"


def miss_ratios(
    curves: Mapping[str, Sequence[tuple[int, float]]], *, caption: str
) -> dict[str, bytes]:
    """Return the figure of `curves`: by name, (size in bytes, miss ratio), smallest size first."""
    figure, axes = canvas("How many requests does the cache miss?", caption)
    for index, (name, points) in enumerate(curves.items()):
        turn, place = divmod(index, len(_COLOURS))
        colour = _COLOURS[place]
        axes.plot(
            [size for size, _ in points], [100 * ratio for _, ratio in points],
            color=colour, marker=_MARKERS[place], ms=5, lw=1.6, ls="--" if turn else "-",
            mec=colour if turn else "white", mfc="white" if turn else colour, mew=0.8,
            label=name, zorder=3, clip_on=False,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set(xlabel="Size of the cache", ylabel="Miss ratio (% of the requests)")
    sizes = sorted({size for points in curves.values() for size, _ in points})
    axes.set_xticks(sizes, [short_size(size) for size in sizes])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return render(figure)


def short_size(size: int) -> str:
    """Return `size` in bytes with about three digits and a unit."""
    unit = next((each for each in ("GB", "MB", "kB") if size >= units.SIZES[each]), "B")
    return f"{size / units.SIZES[unit]:.3g} {unit}"
