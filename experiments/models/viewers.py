"""Delivery of a video to viewers that share it: a swarm alone, or with the edges of a CDN.

It places cdn's, tracker's and peer's nodes on hosts and knows none of their rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cdn.player.http_source import HttpSource
from cdn.player.source import Source
from cdn.video.rendition import MASTER
from experiments.models.hybrid import nearest
from experiments.models.model import register
from experiments.models.p2p import start_tracker
from experiments.models.video import asked, made, start_edges, start_origin, watch_all
from experiments.scenario import Clients
from experiments.shared_video import SharedVideo
from experiments.stage import Stage
from experiments.swarm_source import SwarmSource, Window
from experiments.world import SERVER, World
from net.seam import Address
from peer.node import Peer
from peer.store import ChunkPool
from peer.strategy import Strategies
from peer.web_plan import WebAddress, WebSettings
from peer.window import WindowStore
from tracker.introduction import Introduction, SameNetworkFirst, anyone


@register
class VideoP2p:
    """Viewers swarm; the origin is the seed, and has the playlists."""

    name = "video-p2p"
    rank = 8

    def bound(self, world: World, size: int) -> float:  # noqa: ARG002 - nobody waits for a file
        """Return 0: a video is not waited for as a whole."""
        return 0.0

    async def deploy(self, stage: Stage) -> None:
        """Start origin, trackers and seed, then every viewer."""
        video = made(stage.world.scenario)
        origin = await start_origin(stage, video)
        audience = await _Audience.gather(stage, SharedVideo(video, _chunk_size(stage)))
        await audience.seed()
        stage.start_demand()
        watch_all(stage, lambda client: audience.source(client, origin, web=False))


@register
class VideoHybrid:
    """Viewers swarm, and take from their nearest edge what is urgent or nobody near has."""

    name = "video-hybrid"
    rank = 9

    def bound(self, world: World, size: int) -> float:  # noqa: ARG002 - nobody waits for a file
        """Return 0: a video is not waited for as a whole."""
        return 0.0

    async def deploy(self, stage: Stage) -> None:
        """Start origin, edges and trackers, then every viewer."""
        world, video = stage.world, made(stage.world.scenario)
        origin = await start_origin(stage, video)
        edges = await start_edges(stage, video, origin, whole=True)
        audience = await _Audience.gather(stage, SharedVideo(video, _chunk_size(stage)))
        stage.start_demand()
        watch_all(
            stage,
            lambda client: audience.source(client, edges[nearest(world, client)], web=True),
        )


class _Audience:
    """The viewers of one video, who find each other through the same trackers."""

    def __init__(self, stage: Stage, video: SharedVideo, trackers: Sequence[Address]) -> None:
        self._stage = stage
        self._video = video
        self._trackers = trackers
        self._pool = ChunkPool()
        scenario = stage.world.scenario
        groups = zip(scenario.client_names, scenario.client_groups, strict=True)
        self._groups: dict[str, Clients] = dict(groups)
        viewers = scenario.viewers
        ahead = float(asked(scenario).buffer.ahead)
        self._window = Window(ahead, float(viewers.urgent), float(viewers.behind))

    @classmethod
    async def gather(cls, stage: Stage, video: SharedVideo) -> _Audience:
        """Start the trackers; return an audience that knows them."""
        introduce = introduction(stage)
        names = stage.world.scenario.tracker_names
        trackers = [await start_tracker(stage, each, introduce=introduce) for each in names]
        return cls(stage, video, trackers)

    async def seed(self) -> None:
        """Let the server share all of the video.

        It shows everybody everything: a viewer cannot wait until a chunk is revealed to it.
        """
        stage, scenario = self._stage, self._stage.world.scenario
        peer = Peer(
            stage.network(SERVER),
            self._video.full_store(self._pool),
            *self._trackers,
            rng=stage.rng(SERVER, "peer"),
            trace=stage.trace(SERVER),
            settings=replace(scenario.peers.settings(), super_seed=False),
            strategies=Strategies(seed_choker=scenario.server.choker),
        )
        await stage.serve(SERVER, peer.run)

    def source(self, client: str, server: Address, *, web: bool) -> tuple[Source, str]:
        """Return the source of a viewer, and the video's URL at `server`, its edge if `web`.

        Its peer asks nobody twice: all of what it looks for is soon asked for, again and again.
        """
        stage, viewers = self._stage, self._stage.world.scenario.viewers
        store, group = WindowStore(self._video.manifest, self._pool), self._groups[client]
        edge = WebAddress(server, "/", parts=self._video.parts)
        peer = Peer(
            stage.network(client),
            store,
            *self._trackers,
            rng=stage.rng(client, "peer"),
            trace=stage.trace(client),
            settings=replace(stage.world.scenario.peers.settings(), endgame_copies=1),
            strategies=Strategies(group.picker, group.choker, group.seed_choker),
            web=WebSettings((edge,), viewers.policy) if web else None,
        )
        source = SwarmSource(
            peer,
            store,
            self._video,
            HttpSource(stage.network(client)),
            window=self._window,
            join=lambda: stage.serve(client, source.serve),
            trace=stage.trace(client),
        )
        return source, f"http://{server}/{MASTER}"


def introduction(stage: Stage) -> Introduction:
    """Return whom trackers introduce viewers to."""
    world = stage.world
    if world.scenario.viewers.neighbours == "anyone":
        return anyone
    networks = {stage.network(viewer).host: world.region(viewer) for viewer in world.clients}
    return SameNetworkFirst(networks.get)


def _chunk_size(stage: Stage) -> int:
    return int(stage.world.scenario.viewers.chunk)
