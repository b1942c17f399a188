"""What people see of a CDN's run: a line per tier, one per cache, and how long requests took.

It goes to stdout; numbers come from the run's metrics and nothing is computed here.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.cdn_metrics import CacheMetrics, CdnMetrics, Waiting

_WIDE = 132
_MOST_CACHES = 20


def tables(metrics: CdnMetrics, *, title: str) -> None:
    """Print one run."""
    _print_table([*metrics.tiers], title=title, first="tier")
    if len(metrics.caches) <= _MOST_CACHES:
        _print_table([each for each in metrics.caches if each.name != "server"], first="cache")
    sys.stdout.write("requests\n")
    sys.stdout.writelines(f"  {name:13} {text}\n" for name, text in _lines(metrics).items())


def line(metrics: CdnMetrics) -> str:
    """Return one run in a few words, for progress."""
    last = metrics.last_byte.p50_s
    waited = "" if last is None else f", median {last:.3f} s"
    return f"{metrics.requests} requests, {_share(metrics.hit_ratio)} hits{waited}"


def _lines(metrics: CdnMetrics) -> dict[str, str]:
    best = f" (at most {_share(metrics.best_hit_ratio)}: first requests miss)"
    lines = {
        "completed": f"{metrics.requests}, {metrics.bytes / 1e6:.1f} MB; {metrics.failed} failed",
        "hit ratio": _share(metrics.hit_ratio) + best,
        "offload": f"{_share(metrics.offload)} of the bytes did not leave the origin",
        "first byte": _waiting(metrics.first_byte),
        "last byte": _waiting(metrics.last_byte),
        "load": "no edge was asked"
        if metrics.load_jain is None
        else f"fullest edge {metrics.load_max_over_mean:.2f} times the mean, "
        f"Jain's index {metrics.load_jain:.3f}",
        "cost": "-"
        if metrics.cost_per_gb is None
        else f"{metrics.cost_per_gb:.4f} per GB delivered",
    }
    if metrics.placement_s is not None:
        lines["placement"] = f"{metrics.placement_s:.2f} s, before demand"
    if metrics.moved or metrics.resumed:
        lines["moved"] = f"{metrics.moved} breaks, {metrics.resumed} went on in the middle"
    if metrics.errors:
        lines["errors"] = f"{metrics.errors}; see handler_failed in the event log"
    if metrics.stale:
        lines["stale"] = f"{metrics.stale} answers while the origin was out of reach"
    if metrics.from_siblings:
        lines["siblings"] = f"answered {metrics.from_siblings} misses"
    return lines


def _print_table(rows: Sequence[CacheMetrics], *, first: str, title: str | None = None) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    out = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    out.add_column(first, no_wrap=True, min_width=11)
    for heading in ("requests", "hits", "byte hits", "egress MB", "placed MB", "cost"):
        out.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        out.add_row(
            row.name,
            str(row.requests) if row.requests else "-",
            _share(row.hit_ratio),
            _share(row.byte_hit_ratio),
            f"{row.egress_bytes / 1e6:.1f}",
            f"{row.placed_bytes / 1e6:.1f}",
            f"{row.cost:.4f}",
        )
    console.print(out)


def _waiting(times: Waiting) -> str:
    if times.mean_s is None:
        return "-"
    parts = zip(("p50", "p90", "p95", "p99"), _quantiles(times), strict=True)
    return f"mean {times.mean_s:.3f} s, " + ", ".join(f"{name} {at:.3f}" for name, at in parts)


def _quantiles(times: Waiting) -> list[float]:
    return [at or 0.0 for at in (times.p50_s, times.p90_s, times.p95_s, times.p99_s)]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
