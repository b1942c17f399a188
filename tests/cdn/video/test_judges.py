"""ffmpeg makes a clip, and ffmpeg plays it through an edge; m3u8 reads every playlist."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import m3u8
import pytest
import trio

from cdn.edge import Edge
from cdn.origin import Origin
from cdn.site import DirectorySite
from cdn.video.delivery import cache_control
from cdn.video.encoding import PackageError
from cdn.video.ladder import parse_ladder
from cdn.video.package import FfmpegMissingError, package
from cdn.video.rendition import Rendition
from net.seam import Address
from net.sockets import SocketNetwork
from tests.cdn.internet import Journal
from wire.http.client import HttpConnection
from wire.http.headers import Headers

pytestmark = [
    pytest.mark.judge("ffmpeg"),
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed"),
]
LADDER = parse_ladder("120p:100k,180p:300k")
SECONDS, RATE, FRAMES = 5.5, "30000/1001", 165
SEGMENT = 2.0


def run(*command: str) -> str:
    """Return what a program prints; it must succeed and complain of nothing."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 165 frames at 29.97 a second, with sound."""
    path = tmp_path_factory.mktemp("clip") / "clip 100%.mp4"
    picture = f"testsrc2=size=320x180:rate={RATE}:duration={SECONDS}"
    run(
        "ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", picture,
        "-f", "lavfi", "-i", f"sine=duration={SECONDS}", "-preset", "ultrafast", str(path),
    )  # fmt: skip
    return path


@pytest.fixture(scope="module", params=[True, False], ids=["fmp4", "ts"])
def packaged(
    request: pytest.FixtureRequest, clip: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, tuple[Rendition, ...], list[float]]:
    """The clip's package, what is in it, and the progress that was told."""
    out = tmp_path_factory.mktemp("packages") / "50% off"
    told: list[float] = []

    async def make() -> tuple[Rendition, ...]:
        return await package(
            clip, out, LADDER, segment=SEGMENT, fragmented=request.param,
            told=lambda done, _of: told.append(done),
        )  # fmt: skip

    return out, trio.run(make), told


def names(folder: Path) -> list[str]:
    """Return what is in `folder`."""
    return [each.name for each in folder.iterdir()]


def frames(url: str) -> int:
    """Return how many frames ffmpeg decodes at `url`, without a word of warning."""
    told = run(
        "ffmpeg", "-v", "warning", "-nostdin", "-progress", "pipe:1", "-i", url, "-f", "null", "-",
    )  # fmt: skip
    return int(told.rpartition("frame=")[2].split()[0])


def packets(path: str) -> list[tuple[float, float, bool]]:
    """Return time, duration and whether it is a keyframe of each frame, in order of display."""
    told = run(
        "ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
        "packet=pts_time,duration_time,flags", "-of", "json", path,
    )  # fmt: skip
    return sorted(
        (float(each["pts_time"]), float(each["duration_time"]), "K" in each["flags"])
        for each in json.loads(told)["packets"]
    )


Packaged = tuple[Path, tuple[Rendition, ...], list[float]]


def test_rungs_are_cut_at_the_same_keyframes(packaged: Packaged) -> None:
    """The only keyframes are the segments' first frames, at multiples of the segment's length."""
    out, made, _ = packaged
    for each in made[: len(LADDER)]:
        shown = packets(str(out / each.playlist_path))
        begin = shown[0][0]
        cuts = [at - begin for at, _, key in shown if key]
        assert cuts == pytest.approx([0, 60 * 1001 / 30000, 120 * 1001 / 30000], abs=1e-4)


def test_durations_are_exact(packaged: Packaged) -> None:
    """60, 60 and 45 frames, to the tick, in every rung."""
    _, made, _ = packaged
    for each in made[: len(LADDER)]:
        expected = [count * 1001 / 30000 for count in (60, 60, 45)]
        assert each.durations == pytest.approx(expected, abs=1.1e-5)
        assert sum(each.durations) == pytest.approx(FRAMES * 1001 / 30000, abs=3e-5)


def test_the_playlists_say_what_is_there(packaged: Packaged) -> None:
    """m3u8 reads each; every file exists, and no segment exceeds the stated bandwidth."""
    out, made, _ = packaged
    top = m3u8.load(str(out / "master.m3u8"))
    assert [each.stream_info.resolution for each in top.playlists] == [(214, 120), (320, 180)]
    for variant, rung in zip(top.playlists, LADDER, strict=True):
        info = variant.stream_info
        assert info.codecs.startswith("avc1.64")
        assert info.codecs.endswith(",mp4a.40.2")
        assert info.frame_rate == pytest.approx(29.97)
        assert 0.3 * rung.rate < info.average_bandwidth < 3 * rung.rate
        listed = m3u8.load(variant.absolute_uri)
        assert listed.is_endlist
        assert listed.target_duration == 2
        assert len(listed.segments) == 3
        for segment in listed.segments:
            size = (Path(variant.absolute_uri).parent / segment.uri).stat().st_size
            assert 8 * size / segment.duration <= info.bandwidth
    assert [each.group_id for each in top.media] == (["sound"] if made[0].fragmented else [])
    assert (out / "manifest.mpd").exists() == made[0].fragmented


def test_progress_grows_to_the_end(packaged: Packaged) -> None:
    """Whoever waits sees how many seconds are done."""
    _, _, told = packaged
    assert told == sorted(told)
    assert told[-1] == pytest.approx(SECONDS, abs=0.2)


@asynccontextmanager
async def served(root: Path, journal: Journal) -> AsyncIterator[Address]:
    """Yield the address of an edge before an origin of `root`; the edge tells `journal`."""
    network = SocketNetwork("127.0.0.1")
    site = DirectorySite(root, lifetime=cache_control)
    async with trio.open_nursery() as nursery:
        origin = await nursery.start(Origin(site, wall=time.time).serve, await network.listen())
        edge = Edge(network, origin, capacity=1 << 26, wall=time.time, trace=journal)
        yield await nursery.start(edge.serve, await network.listen())
        nursery.cancel_scope.cancel()


async def in_part(edge: Address, paths: list[str]) -> list[tuple[int, bool]]:
    """Return the status of a range of each path, and whether the edge had it."""
    connection = HttpConnection(await SocketNetwork("127.0.0.1").dial(edge), str(edge))
    seen = []
    try:
        for path in paths:
            fields = Headers({"range": "bytes=0-99"})
            async with connection.request("GET", path, headers=fields) as response:
                await response.read(1000)
                hit = "; hit" in (response.headers.get("cache-status") or "")
                seen.append((response.status, hit))
    finally:
        await connection.aclose()
    return seen


@pytest.mark.trio
async def test_ffmpeg_plays_it_through_an_edge(packaged: Packaged) -> None:
    """Not a word on stderr, every frame of the source; a second viewer gets nothing but hits."""
    out, made, _ = packaged
    journal = Journal()
    async with served(out, journal) as edge:
        for document in ("master.m3u8", *(("manifest.mpd",) if made[0].fragmented else ())):
            for _ in range(2):
                missed = journal.count("cache_missed")
                journal_hits = journal.count("cache_hit")
                seen = await trio.to_thread.run_sync(frames, f"http://{edge}/{document}")
                assert seen == FRAMES
            assert journal.count("cache_missed") == missed
            assert journal.count("cache_hit") > journal_hits
        best = made[len(LADDER) - 1]
        names = [best.playlist_path, *(f"{best.folder}/{best.file_name(n)}" for n in range(3))]
        paths = ["/master.m3u8", *(f"/{name}" for name in names)]
        assert await in_part(edge, paths) == [(206, True)] * 5


@pytest.mark.trio
async def test_nothing_is_left_of_a_package_that_was_given_up(clip: Path, tmp_path: Path) -> None:
    """A cancellation in the middle ends ffmpeg, and removes what it wrote."""
    with trio.CancelScope() as scope:
        await package(
            clip, tmp_path / "out", LADDER, segment=SEGMENT, told=lambda _done, _of: scope.cancel()
        )
    assert scope.cancelled_caught
    assert names(tmp_path) == []


@pytest.mark.trio
async def test_the_grid_holds_when_pictures_begin_after_the_sound(tmp_path: Path) -> None:
    """Half a second later, the cuts are still two seconds apart."""
    late = tmp_path / "late.mkv"
    picture = "testsrc2=size=160x90:rate=25:duration=5"
    command = [
        "ffmpeg", "-v", "error", "-nostdin", "-itsoffset", "0.5", "-f", "lavfi", "-i", picture,
        "-f", "lavfi", "-i", "sine=duration=5", "-preset", "ultrafast", str(late),
    ]  # fmt: skip
    await trio.run_process(command)
    made = await package(late, tmp_path / "out", LADDER[:1], segment=SEGMENT)
    assert made[0].durations == (2, 2, 1)


@pytest.mark.trio
@pytest.mark.parametrize(
    ("content", "error"),
    [(b"not a video", "Invalid data found"), (b"", "Invalid data found")],
)
async def test_what_ffmpeg_cannot_read_is_named(tmp_path: Path, content: bytes, error: str) -> None:
    """The file and ffmpeg's reason, and nothing is left behind."""
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(content)
    with pytest.raises(PackageError, match=f"^{bad}: ffmpeg cannot read it: .*{error}"):
        await package(bad, tmp_path / "out", LADDER, segment=SEGMENT)
    assert names(tmp_path) == ["bad.mp4"]


@pytest.mark.trio
async def test_without_ffmpeg_nothing_is_begun(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FfmpegMissingError, match="apt install ffmpeg"):
        await package(clip, tmp_path / "out", LADDER, segment=SEGMENT)
