"""Packaged videos from origin to edge to viewer, over emulated links in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin

import pytest
import trio

from cdn.edge import Edge
from cdn.origin import Origin
from cdn.push import push
from cdn.site import DirectorySite, FileResource, MemorySite, Site
from cdn.spread import Station, k_ary, spread
from cdn.video.delivery import FOR_GOOD, PLAYLIST, cache_control
from cdn.video.ladder import parse_ladder
from cdn.video.live import LiveSite
from cdn.video.package import save
from cdn.video.playlist import MediaPlaylist, parse
from cdn.video.rendition import playlists
from cdn.video.synthetic import synthesize
from net.clock import VirtualClock
from net.seam import Address
from net.simulation import simulate
from net.topology import Access, Topology
from net.virtual import VirtualInternet
from tests.cdn.internet import Internet, Journal, wall
from wire.http.client import HttpConnection
from wire.http.headers import Headers

VIDEO = synthesize(parse_ladder("240p:400k,480p:1M"), duration=30, segment=4, seed=5)
SITE = VIDEO.site()
LOW, HIGH = VIDEO.renditions
RATE = 20e6
SLICE = 65_536
T = TypeVar("T")
Answer = tuple[int, Headers, bytes]


class Viewer:
    """A client with one connection to the edge, kept over all its requests."""

    def __init__(self, connection: HttpConnection) -> None:
        self._connection = connection

    async def get(self, path: str, **fields: str) -> Answer:
        """Return status, fields and bytes of the answer."""
        async with self._connection.request("GET", path, headers=Headers(fields)) as response:
            return response.status, response.headers, await response.read(1 << 24)

    async def playlist(self, path: str) -> MediaPlaylist:
        """Return the media playlist at `path`."""
        read = parse((await self.get(path))[2].decode())
        assert isinstance(read, MediaPlaylist)
        return read


@dataclass
class Chain:
    """An origin, an edge before it, and where viewers come from."""

    internet: VirtualInternet
    edge: Address
    door: Address
    asked: Journal

    @asynccontextmanager
    async def viewer(self, host: str) -> AsyncIterator[Viewer]:
        """Yield a viewer at `host`, connected."""
        stream = await self.internet.attach(host).dial(self.edge)
        connection = HttpConnection(stream, str(self.edge))
        try:
            yield Viewer(connection)
        finally:
            await connection.aclose()

    def paths(self) -> list[object]:
        """Return what the origin was asked for, in order."""
        return [fields["path"] for _, fields in self.asked.events]


def play(
    scene: Callable[[Chain], Awaitable[T]],
    *,
    site: Callable[[], Site] = lambda: SITE,
    whole: bool = False,
    slice_size: int | None = None,
) -> T:
    """Return what `scene` does with an origin of `site` and an edge."""

    async def main(clock: VirtualClock) -> T:
        topology = Topology()
        topology.add_router("core")
        for host in ("origin", "edge", "one", "two"):
            topology.add_host(host, Access(RATE, RATE), router="core", delay=0.01)
        internet, asked = VirtualInternet(topology, clock=clock, seed=1), Journal()
        origin, edge = internet.attach("origin"), internet.attach("edge")
        async with trio.open_nursery() as nursery:
            at = await nursery.start(
                Origin(site(), wall=wall, trace=asked).serve, await origin.listen(80)
            )
            server = Edge(edge, at, capacity=1 << 26, wall=wall, whole=whole, slice_size=slice_size)
            address = await nursery.start(server.serve, await edge.listen(80))
            door = await nursery.start(server.serve_placement, await edge.listen(81))
            result = await scene(Chain(internet, address, door, asked))
            nursery.cancel_scope.cancel()
        return result

    return simulate(main, seed=1, horizon=1e8)


def said(headers: Headers) -> str:
    """Return what the edge did, without lifetime and key."""
    return (headers.get("cache-status") or "").removeprefix('"edge"; ').partition("; ttl=")[0]


@pytest.mark.parametrize(
    ("path", "kind", "told"),
    [
        ("/master.m3u8", "application/vnd.apple.mpegurl", PLAYLIST),
        ("/manifest.mpd", "application/dash+xml", PLAYLIST),
        ("/240p/playlist.m3u8", "application/vnd.apple.mpegurl", PLAYLIST),
        (f"/{LOW.folder}/init.mp4", "video/mp4", FOR_GOOD),
        (f"/{LOW.folder}/00003.m4s", "video/iso.segment", FOR_GOOD),
    ],
)
def test_each_kind_of_file_has_its_type_and_lifetime(path: str, kind: str, told: str) -> None:
    """As the viewer behind the edge sees it, whole and in part."""

    async def scene(chain: Chain) -> None:
        async with chain.viewer("one") as viewer:
            status, headers, body = await viewer.get(path)
            assert (status, headers.get("content-type"), headers.get("cache-control")) == (
                200, kind, told,
            )  # fmt: skip
            assert body == bytes(SITE.resources[path].content)
            status, headers, part = await viewer.get(path, range="bytes=10-19")
            assert (status, headers.get("content-type"), part) == (206, kind, body[10:20])

    play(scene)


@pytest.mark.parametrize(
    "options", [{}, {"whole": True}, {"slice_size": SLICE}], ids=["plain", "whole", "slices"]
)
def test_a_second_viewer_is_served_from_the_edge(options: dict[str, int]) -> None:
    """Pulled once, every byte right, and nothing but hits after that."""

    async def scene(chain: Chain) -> None:
        async with chain.viewer("one") as viewer:
            for path, resource in SITE.resources.items():
                status, _, body = await viewer.get(path)
                assert (status, body) == (200, bytes(resource.content))
        before = len(chain.paths())
        async with chain.viewer("two") as viewer:
            for path, resource in SITE.resources.items():
                status, headers, body = await viewer.get(path)
                assert (status, body) == (200, bytes(resource.content))
                assert said(headers) == "hit"
        assert len(chain.paths()) == before

    play(scene, whole=bool(options.get("whole")), slice_size=options.get("slice_size"))


def test_in_slices_a_part_costs_the_slices_it_touches() -> None:
    """The origin sends two slices of a big segment, not the segment."""
    path = f"/{HIGH.folder}/00001.m4s"

    async def scene(chain: Chain) -> None:
        async with chain.viewer("one") as viewer:
            status, _, body = await viewer.get(path, range=f"bytes={SLICE - 5}-{SLICE + 4}")
        assert (status, len(body)) == (206, 10)
        sent = [fields["bytes"] for _, fields in chain.asked.events]
        assert sent == [SLICE, SLICE]

    assert HIGH.sizes[1] > 3 * SLICE
    play(scene, slice_size=SLICE)


@pytest.mark.parametrize("slice_size", [None, SLICE])
def test_what_was_pushed_needs_no_origin(slice_size: int | None) -> None:
    """Placed objects keep their types and lifetimes: all hits, segments for a year."""

    async def scene(chain: Chain) -> None:
        await push(chain.internet.attach("origin"), SITE, list(SITE.resources), [chain.door])
        await trio.sleep(30)
        async with chain.viewer("one") as viewer:
            for path, resource in SITE.resources.items():
                status, headers, body = await viewer.get(path)
                assert (status, body, said(headers)) == (200, bytes(resource.content), "hit")
                assert headers.get("cache-control") == cache_control(path)
                assert headers.get("content-type") == resource.media_type
        assert chain.paths() == []

    play(scene, slice_size=slice_size)


@pytest.mark.trio
async def test_what_was_passed_on_along_a_tree_is_as_the_origin_gave_it() -> None:
    """From origin to edge a to edge b: types and lifetimes arrive at the leaf."""
    internet, stations = Internet(), {}
    origin = internet.attach("origin")
    paths = list(SITE.resources)
    async with trio.open_nursery() as nursery:
        for name in "ab":
            host = internet.attach(name)
            edge = Edge(host, Address("origin", 80), capacity=1 << 26, wall=wall, placers=["a"])
            at = await nursery.start(edge.serve, await host.listen(80))
            door = await nursery.start(edge.serve_placement, await host.listen(81))
            stations[name] = Station(host, at, door)
        await spread(origin, SITE, {"a": paths, "b": paths}, stations, k_ary("ab", 1))
        viewer = Viewer(HttpConnection(await internet.attach("one").dial(at), "b"))
        for path, resource in SITE.resources.items():
            _, headers, body = await viewer.get(path)
            assert body == bytes(resource.content)
            assert headers.get("content-type") == resource.media_type
            assert headers.get("cache-control") == resource.cache_control
        nursery.cancel_scope.cancel()


def test_playlists_are_asked_about_again_and_segments_are_not() -> None:
    """After a week: one 304 for the playlist, and the segment is still fresh."""
    segment = f"/{LOW.folder}/00000.m4s"

    async def scene(chain: Chain) -> None:
        async with chain.viewer("one") as viewer:
            await viewer.get("/master.m3u8")
            await viewer.get(segment)
        await trio.sleep(7 * 86_400)
        async with chain.viewer("one") as viewer:
            _, headers, _ = await viewer.get("/master.m3u8")
            assert said(headers) == "fwd=stale; fwd-status=304"
            assert said((await viewer.get(segment))[1]) == "hit"

    play(scene)


def test_a_live_video_is_followed_through_the_edge() -> None:
    """Two viewers reload as players do; all they see listed is there, and comes in time.

    The edge asks the origin for each segment once, and for each playlist about twice per target
    duration at most.
    """
    path = "/240p/playlist.m3u8"

    def live() -> LiveSite:
        return LiveSite(SITE, playlists(VIDEO.renditions), wall=wall, window=12)

    async def watch(chain: Chain, host: str, seen: dict[str, float]) -> None:
        sequence = 0
        async with chain.viewer(host) as viewer:
            while True:
                shown = await viewer.playlist(path)
                assert shown.media_sequence >= sequence
                sequence = shown.media_sequence
                for segment in shown.segments:
                    where = urljoin(path, segment.uri)
                    if where not in seen:
                        status, _, body = await viewer.get(where)
                        assert (status, body) == (200, bytes(SITE.resources[where].content))
                        seen[where] = trio.current_time()
                if shown.ended:
                    return
                await trio.sleep(shown.target_duration / 2)

    async def scene(chain: Chain) -> None:
        one: dict[str, float] = {}
        two: dict[str, float] = {}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, chain, "one", one)
            nursery.start_soon(watch, chain, "two", two)
        names = [f"/{LOW.folder}/{LOW.file_name(number)}" for number in range(len(LOW.sizes))]
        assert sorted(one) == sorted(two) == names
        ends = [sum(LOW.durations[1 : number + 1]) for number in range(len(names))]
        assert all(end <= one[name] < end + 5 for name, end in zip(names, ends, strict=True))
        asked = chain.paths()
        assert all(asked.count(name) == 1 for name in names)
        assert asked.count(path) <= 30 / 2 + 2

    play(scene, site=live)


def test_a_packaged_directory_is_served_with_the_same_lifetimes(tmp_path: Path) -> None:
    """A directory's files are told apart by their names; others say nothing of their own."""
    save(SITE, tmp_path / "video")
    (tmp_path / "video" / "clip.mp4").write_bytes(b"not a segment")
    site = DirectorySite(tmp_path / "video", lifetime=cache_control)
    for path, resource in SITE.resources.items():
        found = site.lookup(path)
        assert isinstance(found, FileResource)
        assert found.cache_control == resource.cache_control == cache_control(path) is not None
        assert found.media_type == resource.media_type
    other = site.lookup("/clip.mp4")
    assert isinstance(other, FileResource)
    assert other.cache_control is None


def test_a_video_may_lie_below_other_paths() -> None:
    """The whole package moves under a prefix, and its documents still hold."""
    moved = VIDEO.site("/a/b/")
    assert isinstance(moved, MemorySite)
    assert {path.removeprefix("/a/b") for path in moved.resources} == set(SITE.resources)
