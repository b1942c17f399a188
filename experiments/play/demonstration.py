"""A stream to play when there is none: a clip, its origin, and an edge whose link keeps changing.

Everything is on real sockets of this machine; it refuses to know who watches.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from cdn.edge import Edge
from cdn.origin import Origin
from cdn.site import DirectorySite
from cdn.video.ladder import parse_ladder
from cdn.video.package import Told, package
from net.loopback import LoopbackInternet
from net.topology import Access, Topology
from net.trace import Trace, silent

LADDER = "144p:250k,240p:800k,360p:2M"
SEGMENT = 2.0
CLIP_SECONDS = 90
FAST = 1e9
CAPACITY = 2**28


@dataclass(frozen=True)
class Link:
    """What the edge's uplink carries: `rates` in turn, in bit/s, for `every` seconds each."""

    rates: Sequence[float]
    every: float


async def make_clip(where: Path) -> Path:
    """Return a new film of a moving test picture with a tone, made by ffmpeg in `where`.

    Raises:
        OSError: ffmpeg is not there.
        CalledProcessError: it failed.
    """
    film = where / "film.mp4"
    picture = f"testsrc2=size=640x360:rate=15:duration={CLIP_SECONDS}"
    tone = f"sine=frequency=330:duration={CLIP_SECONDS}"
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone]
    await trio.run_process(
        ["ffmpeg", "-v", "error", *inputs, "-preset", "ultrafast", "-y", str(film)]
    )
    return film


async def demonstrate(
    film: Path | None,
    where: Path,
    link: Link,
    *,
    wall: Callable[[], float],
    trace: Trace = silent,
    told: Told = lambda _done, _of: None,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Package `film` (a test picture if None) below `where` and serve it until cancelled.

    `told` hears how far the packaging is. Starts with the master playlist's URL at the edge.
    """
    source = await make_clip(where) if film is None else film
    public = where / "public"
    await package(source, public, parse_ladder(LADDER), segment=SEGMENT, told=told)
    topology = Topology()
    topology.add_router("backbone")
    topology.add_host("origin", Access(FAST, FAST), router="backbone", delay=0.005)
    topology.add_host("edge", Access(link.rates[0], FAST), router="backbone", delay=0.005)
    async with LoopbackInternet(topology, seed=1) as internet, trio.open_nursery() as nursery:
        origin = Origin(DirectorySite(public), wall=wall)
        behind = await nursery.start(
            partial(origin.serve, await internet.attach("origin").listen())
        )
        network = internet.attach("edge")
        edge = Edge(network, behind, capacity=CAPACITY, wall=wall, trace=trace)
        address = await nursery.start(partial(edge.serve, await network.listen()))
        task_status.started(f"http://{address}/master.m3u8")
        for rate in itertools.cycle(link.rates):
            internet.set_access("edge", up=rate)
            trace("link_changed", up=rate)
            await trio.sleep(link.every)
