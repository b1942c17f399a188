"""Draws a swarm: its mesh, everybody's progress, the copies of chunks, and who gave how much.

It takes a history and returns PNG and SVG bytes, the same for the same history; it reads no files.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import networkx as nx

from experiments import mesh
from experiments.figures import INK, canvas, render, style
from experiments.history import History
from net.topology import Access

if TYPE_CHECKING:  # importing matplotlib takes most of a second
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PINK = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7"
"""Of Okabe & Ito's palette; progress is in viridis. Both are told apart with any colour vision."""
_GROUPS = ((GREEN, "s"), (BLUE, "^"), (PINK, "D"), (ORANGE, "o"), ("#56B4E9", "v"), (INK, "P"))
_COLUMNS = 240  # samples of a heat map
_SAMPLES = 60  # of everything measured on the mesh
_SPRING = 499  # hosts up to which a spring layout needs numpy only


def draw(
    history: History, *, caption: str, accesses: Mapping[str, Access], seed: int, at: float | None
) -> dict[str, bytes]:
    """Return every figure of a swarm by file name; the mesh is that `at` a time, or half-way.

    Half-way is when half of all chunks had been received.
    """
    moment = history.half_way if at is None else at
    named = {
        "mesh": draw_mesh(history, moment, caption=caption),
        "mesh-over-time": draw_metrics(history, moment, caption=caption, seed=seed),
        "progress": draw_progress(history, caption=caption),
        "availability": draw_availability(history, caption=caption),
        "sharing": draw_sharing(history, caption=caption, accesses=accesses),
    }
    return {f"{name}.{form}": data for name, forms in named.items() for form, data in forms.items()}


def draw_mesh(history: History, time: float, *, caption: str) -> dict[str, bytes]:
    """Return the mesh at `time`, hosts coloured by the share of the file they have."""
    (graph,) = mesh.meshes(history, [time])
    shares = {host: row[0] for host, row in history.progress([time]).items()}
    peers = [host for host in graph if host != history.server]
    places = _layout(graph)
    counts = f"at {time:.1f} s: {len(peers)} peers, {graph.number_of_edges()} connections"
    title = "Who is connected to whom, and how far?"
    figure, axes = canvas(title, f"{counts} · {caption}", size=(7.2, 6.4))
    axes.set_axis_off()
    crowd = max(1, len(graph))
    for a, b in graph.edges:
        xs, ys = zip(places[a], places[b], strict=True)
        axes.plot(xs, ys, color="#7A8A99", lw=0.7, alpha=min(0.5, 22 / crowd), zorder=1)
    size = max(28.0, min(230.0, 6000 / crowd))
    dots = axes.scatter(
        [places[host][0] for host in peers], [places[host][1] for host in peers],
        c=[100 * (shares[host] or 0.0) for host in peers], s=size,
        cmap="viridis", vmin=0, vmax=100, edgecolors="white", linewidths=0.8, zorder=3,
    )  # fmt: skip
    if history.server in graph:
        axes.scatter(
            *places[history.server], marker="*", s=2.6 * size + 120, color=RED,
            edgecolors="white", linewidths=1.2, zorder=4, label="seed",
        )  # fmt: skip
        axes.legend(loc="lower left", frameon=False, bbox_to_anchor=(-0.02, -0.04))
    _colour_bar(figure, axes, dots, "Share of the file (%)")
    axes.set_aspect("equal")
    axes.margins(0.04)
    return render(figure)


def draw_metrics(history: History, time: float, *, caption: str, seed: int) -> dict[str, bytes]:
    """Return degree, diameter and clustering over time, and what holds at `time` under loss."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    times = _grid(history, _SAMPLES)
    measured = [
        (each, mesh.measure(graph))
        for each, graph in zip(times, mesh.meshes(history, times), strict=True)
        if len(graph)
    ]
    xs = [each for each, _ in measured]
    rows = [row for _, row in measured]
    figure = Figure(figsize=(7.2, 6.0), layout="constrained")
    panels = [figure.add_subplot(2, 2, place) for place in range(1, 5)]
    for axes in panels:
        style(axes)
    degree, diameter, clustering, loss = panels
    low, high = [row.degree_min for row in rows], [row.degree_max for row in rows]
    degree.fill_between(xs, low, high, color=BLUE, alpha=0.18, lw=0)
    degree.plot(xs, [row.degree_mean for row in rows], color=BLUE, lw=2)
    _panel(degree, "Neighbours", "fewest, mean, most")
    diameter.step(xs, [row.diameter for row in rows], where="post", color=GREEN, lw=2)
    diameter.yaxis.set_major_locator(MaxNLocator(integer=True))
    _panel(diameter, "Diameter", "hops between the farthest two")
    clustering.plot(xs, [row.clustering for row in rows], color=PINK, lw=2, label="measured")
    clustering.plot(
        xs, [row.random_clustering for row in rows], color=INK, lw=1.1, ls=(0, (4, 2.5)),
        label="random graph",
    )  # fmt: skip
    clustering.legend(frameon=False, fontsize=8.5)
    _panel(clustering, "Clustering", "are neighbours' neighbours neighbours?")
    for axes in (degree, diameter, clustering):
        axes.set_xlim(0, max(xs, default=1.0))
        axes.set_ylim(bottom=0)
        axes.set_xlabel("Time (s)", fontsize=9)
    _draw_loss(loss, history, time, seed)
    figure.suptitle(
        "How well is the swarm knit together?", x=0.012, ha="left", fontsize=13,
        fontweight="bold", color=INK,
    )  # fmt: skip
    figure.supxlabel(caption, fontsize=9, color="#666666", x=0.012, ha="left")
    return render(figure)


def draw_progress(history: History, *, caption: str) -> dict[str, bytes]:
    """Return the heat map of everybody's share of the file over time, the first served on top."""
    times = _grid(history, _COLUMNS)
    progress = history.progress(times)
    order = sorted(
        history.clients,
        key=lambda host: (history.completed.get(host, math.inf), history.presence[host][1], host),
    )
    shares = [
        [math.nan if share is None else 100 * share for share in progress[host]] for host in order
    ]
    height = min(8.0, max(3.6, 1.7 + 0.07 * len(order)))
    figure, axes = canvas("How does the file spread?", caption, size=(7.2, height))
    axes.grid(visible=False)
    image = axes.imshow(
        shares, aspect="auto", cmap="viridis", vmin=0, vmax=100, interpolation="nearest",
        extent=(0, times[-1], len(order), 0),
    )  # fmt: skip
    tall = min(5.0, 500 / max(1, len(order)))
    for row, host in enumerate(order):
        if host in history.completed:
            axes.plot(history.completed[host], row + 0.5, "|", color=INK, ms=tall, mew=1.4)
        elif host in history.crashed:
            gone = history.presence[host][1]
            axes.plot(gone, row + 0.5, "x", color=RED, ms=5, mew=1.6, clip_on=False)
    axes.plot([], [], "|", color=INK, ms=7, mew=1.4, label="served")
    if history.crashed:
        axes.plot([], [], "x", color=RED, ms=6, mew=1.6, label="crashed")
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=9,
        handletextpad=0.2, borderpad=0,
    )  # fmt: skip
    axes.set(xlabel="Time since demand started (s)", ylabel="Peers, the first served on top")
    axes.set_ylim(len(order), 0)
    _colour_bar(figure, axes, image, "Share of the file (%)")
    return render(figure)


def draw_availability(history: History, *, caption: str) -> dict[str, bytes]:
    """Return how many copies of a chunk there are over time: fewest, mean, most."""
    times = _grid(history, _COLUMNS)
    columns = history.copies(times)
    figure, axes = canvas("How many copies of each chunk are there?", caption)
    least, most = [min(column) for column in columns], [max(column) for column in columns]
    mean = [sum(column) / len(column) for column in columns]
    axes.fill_between(times, least, most, color=BLUE, alpha=0.18, lw=0)
    for values, width, name in ((most, 1.2, "most"), (mean, 2.4, "mean"), (least, 1.2, "fewest")):
        axes.plot(times, values, color=BLUE if name != "fewest" else RED, lw=width, label=name)
    axes.set(xlabel="Time since demand started (s)", ylabel="Hosts that have a chunk")
    axes.set_xlim(0, times[-1])
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return render(figure)


def draw_sharing(
    history: History, *, caption: str, accesses: Mapping[str, Access]
) -> dict[str, bytes]:
    """Return each client's mean download rate against its mean upload rate, by access link."""
    down, up = Counter[str](), Counter[str]()
    for each in history.transfers:
        down[each.taker] += each.size
        up[each.giver] += each.size
    figure, axes = canvas("Who gives, and who gets?", caption)
    groups: dict[Access, list[tuple[float, float]]] = {}
    for host in history.clients:
        came, gone = history.presence[host]
        stayed = min(gone, history.end) - came
        waited = min(history.completed.get(host, math.inf) - came, stayed)
        if waited > 0:
            rates = (8e-6 * up[host] / stayed, 8e-6 * down[host] / waited)
            groups.setdefault(accesses[host], []).append(rates)
    ordered = sorted(groups.items(), key=lambda item: (item[0].up, item[0].down))
    for index, (access, rates_of_all) in enumerate(ordered):
        colour, marker = _GROUPS[index % len(_GROUPS)]
        axes.scatter(
            [rates[0] for rates in rates_of_all], [rates[1] for rates in rates_of_all], s=46,
            color=colour, marker=marker, alpha=0.8, edgecolors="white", linewidths=0.7, zorder=3,
            label=f"{_rate(access.up)} up, {_rate(access.down)} down",
        )  # fmt: skip
    axes.axline((0, 0), slope=1, color=INK, lw=1.1, ls=(0, (4, 2.5)), zorder=2, label="as much")
    axes.set(
        xlabel="Mean upload rate while there (Mb/s)",
        ylabel="Mean download rate until served (Mb/s)",
    )
    every = [rates for rates_of_all in groups.values() for rates in rates_of_all]
    axes.set_xlim(0, 1.08 * max((rates[0] for rates in every), default=1.0) or 1.0)
    axes.set_ylim(0, 1.08 * max((rates[1] for rates in every), default=1.0) or 1.0)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return render(figure)


def _draw_loss(axes: Axes, history: History, time: float, seed: int) -> None:
    """Draw what share of the rest hangs together when peers are removed one by one."""
    (graph,) = mesh.meshes(history, [time])
    if len(graph):
        by_chance = mesh.survival(graph, mesh.in_random_order(graph, seed))
        attacked = mesh.survival(graph, mesh.best_connected_first(graph))
        for shares, colour, name in (
            (by_chance, BLUE, "by chance"), (attacked, RED, "best connected first"),
        ):  # fmt: skip
            removed = [100 * k / len(graph) for k in range(len(shares))]
            axes.plot(removed, [100 * share for share in shares], color=colour, lw=2, label=name)
        axes.legend(
            frameon=False, fontsize=8.5, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.2)
        )
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 104)
    axes.set_xlabel("Hosts removed (%)", fontsize=9)
    _panel(axes, "Connectivity under loss", f"% of the rest in one piece, mesh at {time:.1f} s")


def _panel(axes: Axes, title: str, caption: str) -> None:
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold", color=INK, pad=18)
    axes.text(0, 1.04, caption, transform=axes.transAxes, fontsize=8.5, color="#666666")


def _colour_bar(figure: Figure, axes: Axes, coloured: object, label: str) -> None:
    bar = figure.colorbar(coloured, ax=axes, shrink=0.82, pad=0.02, aspect=28)  # type: ignore[arg-type]  # a collection or an image
    bar.outline.set_visible(False)
    bar.set_label(label, color=INK, fontsize=9.5)
    bar.ax.tick_params(labelsize=9, colors=INK)


def _layout(graph: nx.Graph[str]) -> dict[str, tuple[float, float]]:
    """Return where to draw each host; those apart from the others are held near by."""
    if len(graph) <= _SPRING:
        held = graph.copy()
        largest = max(map(sorted, nx.connected_components(graph)), key=len, default=[])
        apart = [host for host in graph if host not in largest]
        held.add_edges_from((host, largest[0], {"weight": 2.0}) for host in apart)
        places = nx.spring_layout(held, seed=1, k=2.2 / math.sqrt(max(1, len(graph))))
    else:
        places = nx.circular_layout(graph)
    return {host: (float(x), float(y)) for host, (x, y) in places.items()}


def _grid(history: History, count: int) -> list[float]:
    """Return `count` times from 0 to the end."""
    end = history.end or 1.0
    return [end * index / (count - 1) for index in range(count)]


def _rate(rate: float) -> str:
    return "unlimited" if math.isinf(rate) else f"{rate / 1e6:g} Mb/s"
