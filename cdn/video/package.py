"""Packaging: a video file in, a directory of playlists and segments out, through ffmpeg.

Refuses to know who will serve it. A package appears whole, or not at all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import trio

from cdn.site import MemorySite
from cdn.video import encoding
from cdn.video.documents import documents
from cdn.video.encoding import INDEX, PIECES, SOUND, PackageError
from cdn.video.ladder import Rung
from cdn.video.playlist import MediaPlaylist, parse
from cdn.video.rendition import INIT, Rendition, segment_name

Told = Callable[[float, float | None], None]
"""Hears how many seconds of video are done, and of how many."""

_COMPLAINT = 2000
_PIECE = 2**20


class FfmpegMissingError(Exception):
    """ffmpeg or ffprobe is not installed."""


async def package(
    source: Path,
    out: Path,
    ladder: Sequence[Rung],
    *,
    segment: float,
    fragmented: bool = True,
    told: Told = lambda _done, _of: None,
) -> tuple[Rendition, ...]:
    """Make `out`, a directory with `source` at every rung in segments of `segment` seconds.

    Segments are fragmented MP4 with a DASH manifest beside the playlists, or MPEG-TS.

    Raises:
        FfmpegMissingError: ffmpeg or ffprobe is not there.
        PackageError: the input cannot be read, or has no video.
        OSError: `out` cannot be written, or is there already.
    """
    for tool in ("ffmpeg", "ffprobe"):
        if shutil.which(tool) is None:
            raise FfmpegMissingError(f"{tool} is not installed; on Debian: apt install ffmpeg")
    path = _url(source)
    found = encoding.read_source(str(source), await _ask(encoding.probe(path), str(source)))
    with whole(out) as stage:
        names = [rung.name for rung in ladder]
        if found.sound and fragmented:
            names.append(SOUND)
        for name in names:
            (stage / name / PIECES).mkdir(parents=True)
        command = encoding.encode(path, found, ladder, segment=segment, fragmented=fragmented)
        await _encode(command, stage, str(source), lambda done: told(done, found.duration))
        renditions = [await _finish(stage, name, fragmented=fragmented) for name in names]
        _require_aligned(renditions, str(source))
        for name, text in documents(renditions).items():
            (stage / name).write_text(text)
    return tuple(renditions)


def save(site: MemorySite, out: Path) -> None:
    """Write everything of `site` below `out`, a new directory.

    Raises:
        OSError: `out` cannot be written, or is there already.
    """
    with whole(out) as stage:
        for path, resource in site.resources.items():
            file = stage / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(resource.content)


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """Yield a directory beside `out` that becomes `out` at the end, or vanishes on any failure.

    Raises:
        FileExistsError: something is at `out`.
    """
    out = out.absolute()
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise FileExistsError(f"{out} is there already: name another --out, or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)
    stage = out.with_name(f".{out.name}.partial-{os.getpid()}")
    stage.mkdir()
    try:
        yield stage
        stage.replace(out)
    except BaseException:
        shutil.rmtree(stage)
        raise


def _url(path: Path) -> str:
    """Return `path` as ffmpeg takes it for a file, whatever its name begins with."""
    return f"file:{path.absolute()}"


async def _ask(command: Sequence[str], name: str) -> bytes:
    done = await trio.run_process(
        command, stdin=b"", capture_stdout=True, capture_stderr=True, check=False
    )
    if done.returncode != 0:
        raise PackageError(f"{name}: ffmpeg cannot read it: {_last_line(done.stderr)}")
    return done.stdout


async def _encode(
    command: Sequence[str], folder: Path, name: str, told: Callable[[float], None]
) -> None:
    """Run ffmpeg to its end; a cancellation ends it too."""
    complaint: deque[int] = deque(maxlen=_COMPLAINT)
    async with trio.open_nursery() as nursery:
        run = partial(
            trio.run_process,
            command,
            cwd=folder,
            stdin=b"",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )
        process: trio.Process = await nursery.start(run)
        output, errors = process.stdout, process.stderr
        if output is None or errors is None:
            raise PackageError(f"{name}: ffmpeg came without pipes")
        nursery.start_soon(_drain, errors, complaint)
        async for text in output:
            for seconds in encoding.progress(text.decode("ascii", "replace").splitlines()):
                told(seconds)
    if process.returncode != 0:
        raise PackageError(f"{name}: ffmpeg failed: {_last_line(bytes(complaint))}")


async def _drain(stream: trio.abc.ReceiveStream, kept: deque[int]) -> None:
    async for piece in stream:
        kept.extend(piece)


def _last_line(complaint: bytes) -> str:
    lines = complaint.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip() if lines else "it did not say why"


async def _finish(stage: Path, name: str, *, fragmented: bool) -> Rendition:
    """Name the folder of rendition `name` by its content, and return what it holds."""
    pieces = stage / name / PIECES
    told = encoding.read_encoded(await _ask(encoding.probe(_url(pieces / INDEX)), name))
    index = parse((pieces / INDEX).read_text())
    if not isinstance(index, MediaPlaylist):
        raise PackageError(f"ffmpeg made no media playlist of {name}")
    (pieces / INDEX).unlink()
    count = len(index.segments)
    segments = [segment_name(number, fragmented=fragmented) for number in range(count)]
    files = [pieces / each for each in ((INIT, *segments) if fragmented else segments)]
    digest = await trio.to_thread.run_sync(_digest, files)
    rendition = Rendition(
        name=name,
        digest=digest,
        timescale=told.timescale,
        ticks=tuple(round(each.duration * told.timescale) for each in index.segments),
        sizes=tuple((pieces / each).stat().st_size for each in segments),
        resolution=told.resolution,
        codecs=told.codecs,
        frame_rate=told.frame_rate,
        start=told.start,
        fragmented=fragmented,
    )
    pieces.rename(stage / rendition.folder)
    return rendition


def _digest(files: Sequence[Path]) -> str:
    sums = hashlib.sha256()
    for path in files:
        sums.update(f"{path.name} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                sums.update(piece)
    return sums.hexdigest()[:16]


def _require_aligned(renditions: Sequence[Rendition], name: str) -> None:
    cuts = {(each.timescale, each.ticks) for each in renditions if each.resolution is not None}
    if len(cuts) != 1:
        raise PackageError(f"{name}: ffmpeg cut the rungs at different frames")
