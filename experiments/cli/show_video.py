"""What people see of watching: the means over sessions, by rule if there are several, or one's own.

It goes to stdout; numbers come from the run's metrics and nothing is computed here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from experiments.abr_table import Row
    from experiments.video_metrics import Estimate, Session, VideoMetrics

_WIDE = 200
_COLUMNS = (
    "N", "stalled", "start-up s", "stalls", "rebuffer %", "Mbit/s", "switches", "abandoned",
    "buffer s", "hits %", "behind s", "QoE linear", "QoE log",
)  # fmt: skip


def tables(metrics: VideoMetrics, *, title: str) -> None:
    """Print a line per rule with means over its sessions, and how many of them stalled."""
    from experiments.video_metrics import labelled, summarise

    rows = {label: summarise(own) for label, own in labelled(metrics.each).items()}
    out = _table(title, "rule", *_COLUMNS)
    for rule, own in rows.items():
        means = own.means
        out.add_row(
            rule, str(own.sessions), str(own.stalled), _sure(means.get("startup_s")),
            _sure(means["stalls"]), _sure(means["rebuffer_ratio"], 100),
            _sure(means["bitrate"], 1e-6), _sure(means["switches"]), _sure(means["abandoned"]),
            _sure(means["buffer_s"]), _sure(means.get("hits"), 100), _sure(means.get("behind_s")),
            _sure(means["qoe_linear"]), _sure(means["qoe_log"]),
        )  # fmt: skip
    _print(out)
    if metrics.unplayed:
        sys.stdout.write(f"sessions {metrics.unplayed} of {metrics.sessions} played nothing\n")


def session(each: Session, *, title: str) -> None:
    """Print one session, a line per number."""
    lines = {
        "ended": each.ended,
        "start-up": "nothing was played" if each.startup_s is None else f"{each.startup_s:.3f} s",
        "played": f"{each.played_s:.2f} s, {each.segments} segments, {each.bytes / 1e6:.2f} MB",
        "stalls": f"{each.stalls}, {each.stalled_s:.2f} s: "
        f"{100 * each.rebuffer_ratio:.2f} % of watching",
        "bitrate": f"mean {each.bitrate / 1e6:.3f} Mbit/s, {each.switches} switches",
        "buffer": f"mean {each.buffer_s:.2f} s",
        "QoE": f"linear {each.qoe_linear:.3f}, log {each.qoe_log:.3f} per segment",
    }
    if each.abandoned:
        wasted = each.wasted_bytes / 1e6
        lines["abandoned"] = f"{each.abandoned} segments, {wasted:.2f} MB for nothing"
    if each.seeking_s:
        lines["seeking"] = f"waited {each.seeking_s:.2f} s"
    if each.hits is not None:
        lines["cache hits"] = f"{100 * each.hits:.1f} % of segments"
    if each.behind_s is not None:
        lines["live"] = f"{each.behind_s:.2f} s behind the end, on average"
    sys.stdout.write(f"{title}\n")
    sys.stdout.writelines(f"  {name:11} {text}\n" for name, text in lines.items())


def line(metrics: VideoMetrics) -> str:
    """Return one run in a few words, for progress."""
    means = metrics.means
    return (
        f"{metrics.sessions} sessions, {metrics.stalled} stalled, "
        f"{means['bitrate'].mean / 1e6:.2f} Mbit/s, QoE {means['qoe_linear'].mean:.2f}"
    )


def contest(
    rows: Sequence[Row], *, against: Sequence[str], descriptions: Mapping[str, str]
) -> None:
    """Print a table per ladder: means with intervals, and differences to the rules `against`."""
    for ladder in dict.fromkeys(row.ladder for row in rows):
        own = [row for row in rows if row.ladder == ladder]
        name = "all ladders" if ladder is None else f"ladder {ladder}: {descriptions[ladder]}"
        out = _table(
            f"{name}\n{own[0].sessions} sessions per rule, mean ± 95 %", "rule", "QoE linear",
            "QoE log", "BOLA utility", "Mbit/s", "rebuffer %", "switches",
            *(f"{name} over {rule}" for name in ("linear", "utility") for rule in against),
        )  # fmt: skip
        for row in own:
            means = row.means
            out.add_row(
                row.rule, _sure(means["qoe_linear"]), _sure(means["qoe_log"]),
                _sure(means["utility"]), _sure(means["bitrate"], 1e-6),
                _sure(means["rebuffer_ratio"], 100), _sure(means["switches"]),
                *(
                    _sure(row.over.get(rule, {}).get(name))
                    for name in ("qoe_linear", "utility")
                    for rule in against
                ),
            )  # fmt: skip
        _print(out)


def _table(title: str, first: str, *headings: str) -> Table:
    from rich import box
    from rich.table import Table

    out = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    out.add_column(first, no_wrap=True)
    for heading in headings:
        out.add_column(heading, justify="right", no_wrap=True)
    return out


def _print(table: Table) -> None:
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False).print(table)


def _sure(value: Estimate | None, scale: float = 1.0) -> str:
    if value is None:
        return "-"
    mean = f"{scale * value.mean:.2f}"
    return mean if value.half_width is None else f"{mean} ± {scale * value.half_width:.2f}"
