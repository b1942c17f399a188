"""`swarmbed package`: a video becomes a directory of playlists and segments.

It reads flags and shows progress; ladders, ffmpeg and files are `cdn.video`'s business.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from experiments import units
from experiments.cli import process, show
from experiments.cli.errors import ENVIRONMENT, FAILED, CommandError
from experiments.cli.options import Json, Quiet

if TYPE_CHECKING:
    from cdn.video.ladder import Rung
    from cdn.video.rendition import Rendition

_SWITCH = Parameter(negative="", show_default=False)
_SEGMENT = (0.5, 60.0)


def package(
    video: Annotated[Path | None, Parameter(help="The video, in any form ffmpeg reads.")] = None,
    /,
    *,
    ladder: Annotated[
        str, Parameter(help="The rungs, HEIGHTp:RATE each, in bit/s.")
    ] = "240p:400k,480p:1M,720p:2.5M",
    segment: Annotated[str, Parameter(help="How long a segment lasts.")] = "4s",
    ts: Annotated[
        bool, _SWITCH, Parameter(help="MPEG-TS segments (no DASH) instead of fragmented MP4.")
    ] = False,
    out: Annotated[
        Path | None, Parameter(help="Directory to make (default: the video's name).")
    ] = None,
    synthetic: Annotated[
        bool,
        _SWITCH,
        Parameter(
            help="Make sizes up and fill in noise; needs neither video nor "
            "ffmpeg, and plays nowhere."
        ),
    ] = False,
    duration: Annotated[str, Parameter(help="How long a synthetic video lasts.")] = "60s",
    seed: Annotated[int, Parameter(help="Which synthetic video.")] = 1,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Cut a video into HLS and DASH at several rates; print where the master playlist is.

    Keyframes stand at the same frames in every rate, so that players can switch at each segment.
    """  # fmt: skip
    from cdn.video.rendition import MASTER

    rungs, seconds = _ladder(ladder), _duration("--segment", segment)
    if not _SEGMENT[0] <= seconds <= _SEGMENT[1]:
        raise CommandError(f"--segment: {segment} is not from 0.5s to 60s")
    if synthetic:
        if video is not None or ts:
            raise CommandError("--synthetic takes neither a video nor --ts")
        folder = out or Path("synthetic")
        code, made = 0, _synthesize(folder, rungs, _duration("--duration", duration), seconds, seed)
    else:
        if video is None:
            raise CommandError("name a video, or ask for --synthetic")
        folder = out or Path(video.stem)
        code, made = _encode(video, folder, rungs, seconds, fragmented=not ts, quiet=quiet)
    if made:
        _tell(folder / MASTER, made, json=json, quiet=quiet)
    return code


def _encode(
    video: Path,
    out: Path,
    rungs: Sequence[Rung],
    segment: float,
    *,
    fragmented: bool,
    quiet: bool,
) -> tuple[int, Sequence[Rendition]]:
    from cdn.video.encoding import PackageError
    from cdn.video.package import FfmpegMissingError
    from cdn.video.package import package as make

    if not video.is_file():
        raise CommandError(f"{video} is not a file")
    made: list[Rendition] = []

    async def run() -> None:
        with process.progress(video.name, None, quiet=quiet) as shown:

            def told(done: float, of: float | None) -> None:
                shown(round(1000 * done), None if of is None else round(1000 * of))

            try:
                made.extend(
                    await make(video, out, rungs, segment=segment, fragmented=fragmented, told=told)
                )
            except FfmpegMissingError as error:
                raise CommandError(f"{error}; --synthetic does without", ENVIRONMENT) from error
            except FileExistsError as error:
                raise CommandError(str(error)) from error
            except PackageError as error:
                raise CommandError(str(error), FAILED) from error

    return process.run_until_stopped(run), made


def _synthesize(
    out: Path, rungs: Sequence[Rung], duration: float, segment: float, seed: int
) -> Sequence[Rendition]:
    from cdn.video.package import save
    from cdn.video.synthetic import synthesize

    try:
        video = synthesize(rungs, duration=duration, segment=segment, seed=seed)
        save(video.site(), out)
    except ValueError as error:
        raise CommandError(f"--duration: {error}") from error
    except FileExistsError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(str(error), ENVIRONMENT) from error
    return video.renditions


def _tell(path: Path, made: Sequence[Rendition], *, json: bool, quiet: bool) -> None:
    rows = [_row(each) for each in made]
    for row in rows:
        show.say(
            "{name}: {segments} segments in {seconds:.6g} s, "
            "{average} bit/s on average, {peak} at peak, {bytes} bytes".format(**row),
            quiet=quiet or json,
        )
    if json:
        show.as_json({"master": str(path), "renditions": rows})
    else:
        sys.stdout.write(f"{path}\n")


def _row(each: Rendition) -> dict[str, Any]:
    width, height = each.resolution or (None, None)
    return {
        "name": each.name, "width": width, "height": height, "segments": len(each.sizes),
        "seconds": sum(each.ticks) / each.timescale, "average": each.average,
        "peak": each.peak, "bytes": sum(each.sizes), "codecs": each.codecs,
    }  # fmt: skip


def _ladder(text: str) -> tuple[Rung, ...]:
    from cdn.video.ladder import LadderError, parse_ladder

    try:
        return parse_ladder(text)
    except LadderError as error:
        raise CommandError(f"--ladder: {error}") from error


def _duration(flag: str, text: str) -> float:
    try:
        return units.parse_duration(text)
    except units.UnitError as error:
        raise CommandError(f"{flag}: {error}") from error
