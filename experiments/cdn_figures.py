"""Draws a run of a CDN: how long requests took, hits over time, and the load of each edge.

It takes an outcome's event log and returns PNG and SVG bytes, the same for the same run.
"""

from __future__ import annotations

from collections.abc import Sequence

from experiments import log
from experiments.cdn_metrics import COMPLETED, HIT, MISSED, CdnMetrics, tier_of
from experiments.figures import INK, STYLES, canvas, render
from experiments.log import Event
from experiments.metrics import DEMAND_STARTED, quantile
from experiments.runner import Outcome

_BLUE, _GREEN, _RED = STYLES["cdn-pull"][0], STYLES["p2p"][0], STYLES["client-server"][0]
_PINK = STYLES["cdn-push"][0]
_TIERS = {"edge": _BLUE, "regional": _GREEN, "shield": _PINK}
_INTERVALS = 25
_SHOWN = 0.995


def draw(outcome: Outcome) -> dict[str, bytes]:
    """Return the figures by file name; none of a run in which nobody was served."""
    metrics, events = outcome.cdn, log.read(outcome.events)
    if metrics is None or not metrics.requests:
        return {}
    cdn, caption = outcome.scenario.cdn, f"{outcome.scenario.name}, seed {outcome.scenario.seed}"
    if cdn is not None:
        caption += f" · {cdn.policy} · {cdn.routing} · tiers {cdn.tiers} · {cdn.placement} placed"
    named = {
        "latency": _latency(events, caption),
        "hits-over-time": _hits(events, caption),
        "load": _load(metrics, caption),
    }
    return {f"{name}.{form}": data for name, forms in named.items() for form, data in forms.items()}


def _latency(events: Sequence[Event], caption: str) -> dict[str, bytes]:
    figure, axes = canvas("How long did requests take?", caption)
    longest = 0.0
    for key, label, colour in (
        ("first_byte", "first byte", _BLUE),
        ("seconds", "last byte", _RED),
    ):
        times = sorted(float(e.fields[key] or 0) for e in events if e.name == COMPLETED)
        shares = [100 * rank / len(times) for rank in range(1, len(times) + 1)]
        axes.step(times, shares, where="post", color=colour, lw=2.2, label=label)
        longest = max(longest, quantile(times, _SHOWN) or 0.0)
    axes.set(
        xlabel="Time since the request (s), up to the 99.5th percentile", ylabel="Requests (%)"
    )
    axes.set_xlim(0, longest * 1.04)
    axes.set_ylim(0, 104)
    axes.legend(loc="lower right", frameon=False)
    return render(figure)


def _hits(events: Sequence[Event], caption: str) -> dict[str, bytes]:
    """Hit ratio of each tier, and how many requests came, in equal intervals."""
    start = next((e.time for e in events if e.name == DEMAND_STARTED), 0.0)
    asked = [e for e in events if e.name in (HIT, MISSED) and e.time >= start]
    width = max((e.time - start for e in asked), default=1.0) / _INTERVALS or 1.0
    figure, axes = canvas("How much was in the caches?", caption)
    for tier, colour in _TIERS.items():
        hits, requests = [0] * _INTERVALS, [0] * _INTERVALS
        for event in asked:
            if tier_of(event.host) == tier:
                at = min(_INTERVALS - 1, int((event.time - start) / width))
                requests[at] += 1
                hits[at] += event.name == HIT
        points = [
            (width * (at + 0.5), 100 * hit / count)
            for at, (hit, count) in enumerate(zip(hits, requests, strict=True))
            if count
        ]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, lw=2.2, label=f"{tier}: hits")
        if tier == "edge":
            rate = axes.twinx()
            middles = [width * (at + 0.5) for at in range(_INTERVALS)]
            rate.bar(
                middles, [count / width for count in requests], width=width, color="#DDDDDD",
                zorder=0,
            )  # fmt: skip
            rate.set_ylabel("Requests per second (grey)", color="#888888")
            rate.spines[["top"]].set_visible(False)
            axes.set_zorder(rate.get_zorder() + 1)
            axes.patch.set_visible(False)
    axes.set(xlabel="Time since demand started (s)", ylabel="Hit ratio (%)")
    axes.set_ylim(0, 104)
    axes.legend(loc="lower right", frameon=False)
    return render(figure)


def _load(metrics: CdnMetrics, caption: str) -> dict[str, bytes]:
    figure, axes = canvas("Who did the work?", caption)
    caches = [cache for cache in metrics.caches if tier_of(cache.name) == "edge"]
    hits = [(cache.hit_ratio or 0) * cache.requests for cache in caches]
    misses = [cache.requests - hit for cache, hit in zip(caches, hits, strict=True)]
    places = range(len(caches))
    axes.bar(places, hits, color=_BLUE, label="hits", zorder=3)
    axes.bar(places, misses, bottom=hits, color=_RED, label="misses", zorder=3)
    mean = sum(cache.requests for cache in caches) / len(caches)
    axes.axhline(mean, color=INK, lw=1.1, ls=(0, (4, 2.5)), label="mean", zorder=4)
    axes.set_xticks(places, [cache.name for cache in caches], rotation=0 if len(caches) < 9 else 90)
    axes.set_ylabel("Requests")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return render(figure)
