"""Delivery of a video to players: from one server, or from the edges of a CDN.

It places cdn's nodes and players on hosts and knows none of their rules. A model that brings
segments another way gives `watch_all` sources of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

import trio

from cdn.edge import Edge
from cdn.origin import Origin
from cdn.player import behaviour as acts
from cdn.player.abr import find_rule
from cdn.player.http_source import HttpSource
from cdn.player.player import Player, Settings
from cdn.player.source import Source
from cdn.player.timeline import Sizes, unknown
from cdn.push import push
from cdn.routing import Nearest
from cdn.site import Site
from cdn.steering import Steering
from cdn.video.ladder import parse_ladder
from cdn.video.live import LiveSite
from cdn.video.rendition import MASTER, playlists
from cdn.video.synthetic import Synthetic, synthesize
from experiments.capacity import movie
from experiments.models.model import register
from experiments.scenario import Behaviour, Clients, Pause, Quit, Scenario, Seek, Video
from experiments.stage import Stage
from experiments.world import SERVER, World
from net.seam import Address

Sources = Callable[[str], tuple[Source, str]]
"""What brings segments to a client, and the URL of its master playlist."""


@register
class VideoServer:
    """Every player asks the one server."""

    name = "video-server"
    rank = 6

    def bound(self, world: World, size: int) -> float:  # noqa: ARG002 - nobody waits for a file
        """Return 0: a video is not waited for as a whole."""
        return 0.0

    async def deploy(self, stage: Stage) -> None:
        """Start the server, then every player."""
        origin = await start_origin(stage, made(stage.world.scenario))
        stage.start_demand()
        watch_all(stage, lambda client: over_http(stage, client, origin))


@register
class VideoCdn:
    """Every player asks its nearest edge, which fetches what it lacks from the origin."""

    name = "video-cdn"
    rank = 7

    def bound(self, world: World, size: int) -> float:  # noqa: ARG002 - nobody waits for a file
        """Return 0: a video is not waited for as a whole."""
        return 0.0

    async def deploy(self, stage: Stage) -> None:
        """Start origin and edges, place what they shall have, then every player."""
        made_of = made(stage.world.scenario)
        origin = await start_origin(stage, made_of)
        edges = await start_edges(stage, made_of, origin)
        steering = Steering(
            Nearest(), edges, origin,
            delay=stage.world.topology.delay, rng=stage.rng(SERVER, "routing"),
        )  # fmt: skip
        stage.start_demand()

        def source(client: str) -> tuple[Source, str]:
            _, edge = steering.choose(client, f"/{MASTER}", trio.current_time())
            return over_http(stage, client, edge)

        watch_all(stage, source)


def asked(scenario: Scenario) -> Video:
    """Return the [video] of a scenario that has one."""
    if scenario.video is None:
        raise ValueError("this scenario has no [video]")
    return scenario.video


def made(scenario: Scenario) -> Synthetic:
    """Return the video of `scenario`: the same for the same seed."""
    video = asked(scenario)
    if video.movie is not None:
        return movie.load(Path(video.movie), seed=scenario.seed)
    return synthesize(
        parse_ladder(video.ladder),
        duration=float(video.duration),
        segment=float(video.segment),
        seed=scenario.seed,
    )


def site(stage: Stage, video: Synthetic) -> Site:
    """Return the site that offers the video; one that is live happens from now on."""
    whole = video.site()
    if not asked(stage.world.scenario).live:
        return whole
    return LiveSite(whole, playlists(video.renditions), wall=stage.wall)


async def start_origin(stage: Stage, video: Synthetic) -> Address:
    """Serve the video on the server; return where."""
    origin = Origin(site(stage, video), wall=stage.wall, trace=stage.trace(SERVER))
    address: Address = await stage.serve(
        SERVER, partial(origin.serve, await stage.network(SERVER).listen())
    )
    return address


async def start_edges(
    stage: Stage, video: Synthetic, origin: Address, *, whole: bool = False
) -> Mapping[str, Address]:
    """Start an edge per region, with the first segments if asked to; return where they serve.

    Asked for a part of a segment they lack, they fetch it `whole`, or only that part.
    """
    addresses, doors = dict[str, Address](), list[Address]()
    capacity = 2 * sum(sum(each.sizes) for each in video.renditions) + 2**20
    for name in stage.world.edges:
        network = stage.network(name)
        edge = Edge(
            network, origin, capacity=capacity, wall=stage.wall, trace=stage.trace(name),
            whole=whole,
        )  # fmt: skip
        addresses[name] = await stage.serve(name, partial(edge.serve, await network.listen()))
        placement = partial(edge.serve_placement, await network.listen())
        doors.append(await stage.serve(name, placement))
    placed = first_segments(video, asked(stage.world.scenario).placed)
    if placed:
        network = stage.network(SERVER)
        await push(network, video.site(), placed, doors, trace=stage.trace(SERVER))
    stage.note_bytes()
    return addresses


def first_segments(video: Synthetic, count: int) -> list[str]:
    """Return the paths of the first `count` segments of every rung, and of its init file."""
    paths = list[str]()
    for each in video.renditions if count else ():
        playlist = each.playlist()
        names = [playlist.init, *(segment.uri for segment in playlist.segments[:count])]
        paths += [urljoin(f"/{each.playlist_path}", name) for name in names if name is not None]
    return paths


def over_http(stage: Stage, client: str, server: Address) -> tuple[Source, str]:
    """Return a source for `client` that asks `server`, and the video's URL there."""
    return HttpSource(stage.network(client)), f"http://{server}/{MASTER}"


def watch_all(stage: Stage, sources: Sources) -> None:
    """Let every client come in its time and watch; its source is made when it comes."""
    scenario = stage.world.scenario
    sizes = _sizes(made(scenario)) if asked(scenario).sizes_known else unknown
    for client, group in zip(stage.world.clients, scenario.client_groups, strict=True):
        stage.attend(client, partial(_watch, stage, client, group, sources, sizes))


async def _watch(stage: Stage, client: str, group: Clients, sources: Sources, sizes: Sizes) -> None:
    video = asked(stage.world.scenario)
    source, url = sources(client)
    player = Player(
        source,
        url,
        find_rule(group.abr or video.abr)(),
        settings=Settings(video.buffer.thresholds(), video.estimate, video.abandon),
        behaviour=[_act(each) for each in group.behaviour],
        sizes=sizes,
        trace=stage.trace(client),
    )
    await player.watch()


def _sizes(video: Synthetic) -> Sizes:
    table = [each.sizes for each in video.renditions]
    return lambda index, rung: table[rung][index]


def _act(behaviour: Behaviour) -> acts.Act:
    match behaviour:
        case Seek(at=at, to=to):
            return acts.Seek(float(at), float(to))
        case Pause(at=at, lasts=lasts):
            return acts.Pause(float(at), float(lasts))
        case Quit(at=at):
            return acts.Quit(float(at))
