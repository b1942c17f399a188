"""A server with a synthetic video, a viewer behind a link of its own, and what the viewer saw."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf

import trio

from cdn.origin import Origin
from cdn.player.behaviour import Act
from cdn.player.http_source import HttpSource
from cdn.player.player import Player, Settings
from cdn.player.timeline import Sizes, unknown
from cdn.player.view import Abr
from cdn.site import Site
from cdn.video.ladder import parse_ladder
from cdn.video.synthetic import Synthetic, synthesize
from net.clock import VirtualClock
from net.simulation import simulate
from net.topology import Access, Topology
from net.virtual import VirtualInternet

Meanwhile = Callable[[VirtualInternet], Awaitable[object]]
LADDER = "240p:400k,480p:1M,720p:2.5M"


@dataclass(frozen=True)
class Seen:
    """One event of the session: its time in seconds since the beginning, name and fields."""

    at: float
    name: str
    fields: dict[str, str | float | None]


def video(duration: float = 40.0, segment: float = 4.0, ladder: str = LADDER) -> Synthetic:
    """Return a synthetic video."""
    return synthesize(parse_ladder(ladder), duration=duration, segment=segment, seed=3)


def sizes_of(synthetic: Synthetic) -> Sizes:
    """Return the sizes of a video's segments."""
    return lambda index, rung: synthetic.renditions[rung].sizes[index]


def show(
    abr: Abr,
    site: Site,
    *,
    down: float = 10e6,
    settings: Settings | None = None,
    behaviour: Sequence[Act] = (),
    sizes: Sizes = unknown,
    meanwhile: Meanwhile | None = None,
    horizon: float = 600.0,
    path: str = "/master.m3u8",
) -> list[Seen]:
    """Let a viewer with a link of `down` bit/s watch what `site` has; return what was traced.

    `meanwhile` runs beside the session, with the internet.
    """
    topology = Topology()
    topology.add_router("middle")
    for host, access in (("origin", Access(inf, inf)), ("viewer", Access(10e6, down))):
        topology.add_host(host, access, router="middle", delay=0.01)
    seen: list[Seen] = []

    async def main(clock: VirtualClock) -> None:
        internet = VirtualInternet(topology, clock=clock, seed=1)

        def trace(event: str, /, **fields: str | float | None) -> None:
            seen.append(Seen(trio.current_time() - began, event, fields))

        async with trio.open_nursery() as nursery:
            network = internet.attach("origin")
            origin = Origin(site, wall=trio.current_time)
            address = await nursery.start(origin.serve, await network.listen(80))
            player = Player(
                HttpSource(internet.attach("viewer")), f"http://{address}{path}", abr,
                settings=settings or Settings(), behaviour=behaviour, sizes=sizes, trace=trace,
            )  # fmt: skip
            began = trio.current_time()
            if meanwhile is not None:
                nursery.start_soon(meanwhile, internet)
            await player.watch()
            nursery.cancel_scope.cancel()

    simulate(main, seed=1, horizon=horizon)
    return seen


def names(seen: Sequence[Seen], prefix: str = "") -> list[str]:
    """Return the events' names in order, those with `prefix`."""
    return [each.name for each in seen if each.name.startswith(prefix)]


def rungs(seen: Sequence[Seen]) -> list[float | str | None]:
    """Return the rung of each segment that was received, in order."""
    return [each.fields["rung"] for each in seen if each.name == "segment_received"]
