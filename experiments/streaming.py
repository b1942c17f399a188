"""Viewers at several numbers, by several models: what edges are spared, and what viewers wait.

It plans runs, turns their metrics into rows, and draws the rows; it runs nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

import msgspec
from msgspec.structs import replace

from experiments.figures import INK, STYLES, render, style
from experiments.runner import Outcome
from experiments.scenario import Scenario
from experiments.video_metrics import VideoMetrics

if TYPE_CHECKING:  # importing matplotlib takes most of a second
    from matplotlib.axes import Axes

Neighbours = Literal["anyone", "same-network"]
_LOOKS = {
    "video-server": STYLES["client-server"],
    "video-cdn": STYLES["cdn-pull"],
    "video-p2p": STYLES["p2p"],
    "video-hybrid": STYLES["hybrid"],
}
_OTHER = ("#333333", "D")
_STALLED = "Stalled per viewer (s)"


@dataclass(frozen=True, slots=True)
class Setting:
    """A model, and whom trackers introduce viewers to."""

    model: str
    neighbours: Neighbours | None = None

    @classmethod
    def parse(cls, text: str) -> Setting:
        """Return the setting written as MODEL or MODEL@NEIGHBOURS.

        Raises:
            ValueError: there is no such choice of neighbours.
        """
        model, _, neighbours = text.strip().partition("@")
        if neighbours not in ("", *get_args(Neighbours)):
            raise ValueError(f"no neighbours {neighbours!r}; {' or '.join(get_args(Neighbours))}")
        return cls(model, cast("Neighbours", neighbours) if neighbours else None)

    def __str__(self) -> str:
        return f"{self.model}@{self.neighbours}" if self.neighbours else self.model

    def of(self, base: Scenario, clients: int, seed: int) -> Scenario:
        """Return `base` by this setting, with so many viewers and this seed."""
        viewers = base.viewers
        if self.neighbours is not None:
            viewers = replace(viewers, neighbours=self.neighbours)
        return replace(
            base,
            name=f"{base.name}-{self}-{clients}",
            model=self.model,
            seed=seed,
            viewers=viewers,
            clients=[replace(base.clients[0], count=clients)],
        )


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One setting at one number of viewers, means over seeds; times in seconds, sizes in bytes.

    `most_offload` is (N - 1) / N: each byte comes from outside at least once. Start-up, stalls,
    bitrate and QoE are means over viewers, `stalled` is how many of them stalled, `worst_s` the
    longest that any stalled, `edge_bytes` and `server_bytes` what those sent in all, `across` the
    share of what viewers brought each other that came from another access network.
    """

    setting: str
    clients: int
    seeds: int
    offload: float
    most_offload: float
    startup_s: float | None
    stalls: float
    stalled: float
    stalled_s: float
    worst_s: float
    bitrate: float
    qoe: float
    edge_bytes: float
    server_bytes: float
    neighbour_bytes: float
    across_bytes: float
    wall_s: float

    @property
    def across(self) -> float:
        """The share of what viewers brought each other that crossed networks."""
        return self.across_bytes / self.neighbour_bytes if self.neighbour_bytes else 0.0


def rows(
    settings: Sequence[Setting], base: Scenario, counts: Sequence[int], done: Sequence[Outcome]
) -> list[Row]:
    """Return a row for each setting and number of viewers that some run is done of."""
    found = []
    for setting in settings:
        for clients in counts:
            name = setting.of(base, clients, 0).name
            own = [each for each in done if each.scenario.name == name and each.video is not None]
            if own:
                found.append(_row(setting, clients, own))
    return found


def _row(setting: Setting, clients: int, runs: Sequence[Outcome]) -> Row:
    videos = [each.video for each in runs if each.video is not None]
    shared = [each.viewers for each in runs if each.viewers is not None]

    def seen(name: str) -> float:
        return _mean([video.means[name].mean for video in videos if name in video.means])

    def brought(name: str) -> float:
        return _mean([float(getattr(each, name)) for each in shared])

    return Row(
        setting=str(setting),
        clients=clients,
        seeds=len(runs),
        offload=brought("offload"),
        most_offload=1 - 1 / clients,
        startup_s=seen("startup_s") if all(each.unplayed == 0 for each in videos) else None,
        stalls=seen("stalls"),
        stalled=_mean([float(each.stalled) for each in videos]),
        stalled_s=seen("stalled_s"),
        worst_s=max(_worst(each) for each in videos),
        bitrate=seen("bitrate"),
        qoe=seen("qoe_linear"),
        edge_bytes=brought("edge_bytes"),
        server_bytes=brought("server_bytes"),
        neighbour_bytes=brought("neighbour_bytes"),
        across_bytes=brought("across_bytes"),
        wall_s=sum(each.metrics.wall_s for each in runs),
    )


def _worst(video: VideoMetrics) -> float:
    return max(each.stalled_s for each in video.each)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


_PANELS: Sequence[tuple[str, Callable[[Row], float]]] = (
    ("Offload (% of bytes watched)", lambda row: 100 * row.offload),
    ("Start-up delay (s)", lambda row: row.startup_s or 0.0),
    (_STALLED, lambda row: row.stalled_s),
    ("Sent by edges and server (MB)", lambda row: (row.edge_bytes + row.server_bytes) / 1e6),
)


def draw(found: Sequence[Row], *, caption: str) -> dict[str, bytes]:
    """Return the figures by file name: against the number of viewers, and against offload."""
    named = {"viewers": _against_viewers(found, caption), "trade-off": _trade_off(found, caption)}
    if any(row.across_bytes for row in found):
        named["across"] = _across(found, caption)
    return {f"{name}.{form}": data for name, forms in named.items() for form, data in forms.items()}


def _against_viewers(found: Sequence[Row], caption: str) -> dict[str, bytes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 6.6), layout="constrained")
    figure.suptitle(f"What viewers bring each other\n{caption}", fontsize=10, color=INK)
    for axes, (label, of) in zip(figure.subplots(2, 2).flat, _PANELS, strict=True):
        style(axes)
        for place, setting in enumerate(_settings(found)):
            own = [row for row in found if row.setting == setting]
            _line(axes, own, lambda row: float(row.clients), of, place)
        counts = sorted({row.clients for row in found})
        axes.set(xlabel="Viewers", ylabel=label)
        axes.set_xscale("log")
        axes.set_xticks(counts, [str(count) for count in counts], minor=False)
        axes.set_xticks([], minor=True)
        _scale(axes, label)
        if of is _PANELS[0][1]:
            axes.set_ylim(0, 100)
            axes.plot(
                counts, [100 - 100 / count for count in counts],
                color=INK, lw=1.2, ls=(0, (4, 2.5)), label="(N - 1) / N",
            )  # fmt: skip
            axes.legend(frameon=False, fontsize=8)
    return render(figure)


def _trade_off(found: Sequence[Row], caption: str) -> dict[str, bytes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 4.0), layout="constrained")
    figure.suptitle(f"Offload against waiting, labelled by viewers\n{caption}", fontsize=10)
    for axes, (label, of) in zip(figure.subplots(1, 2).flat, _PANELS[1:3], strict=True):
        style(axes)
        for place, setting in enumerate(_settings(found)):
            own = [row for row in found if row.setting == setting]
            _line(axes, own, lambda row: 100 * row.offload, of, place)
            for row in own[-1:]:
                axes.annotate(
                    str(row.clients), (100 * row.offload, of(row)), xytext=(4, 5),
                    textcoords="offset points", fontsize=8, color=INK,
                )  # fmt: skip
        axes.set(xlabel="Offload (% of bytes watched)", ylabel=label, xlim=(-3, 103))
        _scale(axes, label)
    axes.legend(frameon=False, fontsize=8)
    return render(figure)


def _across(found: Sequence[Row], caption: str) -> dict[str, bytes]:
    from matplotlib.figure import Figure

    most = max(row.clients for row in found)
    shown = [row for row in found if row.clients == most and row.neighbour_bytes]
    figure = Figure(figsize=(9.0, 0.9 + 0.55 * len(shown)), layout="constrained")
    figure.suptitle(f"What {most} viewers brought each other\n{caption}", fontsize=10, color=INK)
    axes = figure.subplots()
    style(axes)
    places = range(len(shown))
    inside = [(row.neighbour_bytes - row.across_bytes) / 1e6 for row in shown]
    outside = [row.across_bytes / 1e6 for row in shown]
    axes.barh(places, inside, color=STYLES["p2p"][0], label="within access networks")
    axes.barh(places, outside, left=inside, color=STYLES["client-server"][0], label="across")
    axes.set_yticks(places, [row.setting for row in shown])
    axes.invert_yaxis()
    axes.set(xlabel="MB")
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=2)
    return render(figure)


def _scale(axes: Axes, label: str) -> None:
    """Let a scale begin at 0, and show short stalls beside long ones."""
    if label == _STALLED:
        axes.set_yscale("symlog", linthresh=0.1)
        ticks = (0, 0.1, 1, 10, 100)
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_yticks([], minor=True)
    axes.set_ylim(bottom=0)


def _settings(found: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.setting for row in found))


def _line(
    axes: Axes,
    own: Sequence[Row],
    x: Callable[[Row], float],
    y: Callable[[Row], float],
    place: int,
) -> None:
    setting = own[0].setting
    model, _, neighbours = setting.partition("@")
    colour, marker = _LOOKS.get(model, _OTHER)
    axes.plot(
        [x(row) for row in own], [y(row) for row in own],
        color=colour, marker=marker, ms=6, mec="white", mew=0.8, lw=1.6,
        ls="dashed" if neighbours else "solid", label=setting, zorder=4 + place,
    )  # fmt: skip
