"""What ffmpeg and ffprobe are told, and what they answer: argument lists and readers.

Refuses to know processes and files; `package.py` runs what is written here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cdn.video.ladder import Rung
from cdn.video.rendition import INIT

INDEX = "index.m3u8"
"""The playlist ffmpeg leaves beside its segments."""
PIECES = "pieces"
"""The folder of each rung that ffmpeg fills."""

SOUND = "sound"
"""The rendition of the sound alone."""

_SOUND_RATE, _SOUND_CODEC = "96k", "mp4a.40.2"
_ROUNDING = 1e-6
_BURST = 1.5
_RESERVOIR = 2.0
_MAX_GOP = 1_000_000
_PROFILES: Mapping[str, int] = {"Constrained Baseline": 0x42E0, "Main": 0x4D40, "High": 0x6400}


class PackageError(Exception):
    """The input cannot be packaged; the message names the file and the reason."""


@dataclass(frozen=True, slots=True)
class Source:
    """What matters of the input: lines, seconds (if known), whether it has sound."""

    height: int
    duration: float | None
    sound: bool


@dataclass(frozen=True, slots=True)
class Encoded:
    """What an encoder made of a rung or of the sound, as its stream says."""

    resolution: tuple[int, int] | None
    codecs: str | None
    frame_rate: float | None
    timescale: int
    start: int


def probe(path: str) -> list[str]:
    """Return the command that describes the streams of `path` as JSON."""
    return [
        "ffprobe", "-hide_banner", "-loglevel", "error", "-print_format", "json",
        "-show_format", "-show_streams", "-i", path,
    ]  # fmt: skip


def read_source(name: str, answer: bytes) -> Source:
    """Return what ffprobe said of the input.

    Raises:
        PackageError: it has no moving picture; names `name`.
    """
    told = json.loads(answer)
    video = _stream(told, "video")
    if video is None or not video.get("height"):
        raise PackageError(f"{name} has no video stream")
    seconds = told.get("format", {}).get("duration")
    return Source(
        int(video["height"]),
        None if seconds is None else float(seconds),
        _stream(told, "audio") is not None,
    )


def read_encoded(answer: bytes) -> Encoded:
    """Return what ffprobe said of one finished rung."""
    told = json.loads(answer)
    video, audio = _stream(told, "video"), _stream(told, "audio")
    main = video or audio
    if main is None:
        raise PackageError("ffmpeg made neither pictures nor sound")
    codecs = [_SOUND_CODEC] if audio is not None else []
    if video is not None and video.get("profile") in _PROFILES:
        codecs.insert(0, f"avc1.{_PROFILES[video['profile']]:04x}{int(video['level']):02x}")
    rate = Fraction(video["avg_frame_rate"]) if video is not None else None
    return Encoded(
        None if video is None else (int(video["width"]), int(video["height"])),
        ",".join(codecs),
        None if rate is None else float(rate),
        Fraction(main["time_base"]).denominator,
        int(main.get("start_pts", 0)),
    )


def encode(
    path: str, source: Source, ladder: Sequence[Rung], *, segment: float, fragmented: bool
) -> list[str]:
    """Return the command that makes all rungs of `path` at once, below the current directory.

    Keyframes stand `segment` seconds apart and nowhere else, and groups of pictures are closed,
    so that every rung is cut at the same frames. Sound is a rendition of its own beside
    fragmented MP4, and part of every rung in MPEG-TS. Progress is told on stdout.
    """
    marks = "".join(f"[s{number}]" for number in range(len(ladder)))
    scaled = (
        f"[s{number}]scale=-2:{rung.height}:flags=bicubic,format=yuv420p[v{number}]"
        for number, rung in enumerate(ladder)
    )
    graph = ";".join((f"[0:v:0]split={len(ladder)}{marks}", *scaled))
    sound = ["-map", "0:a:0", "-c:a", "aac", "-ac", "2", "-b:a", _SOUND_RATE]
    command = [
        "ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error",
        "-progress", "pipe:1", "-stats_period", "0.2", "-i", path, "-filter_complex", graph,
    ]  # fmt: skip
    for number, rung in enumerate(ladder):
        command += ["-map", f"[v{number}]", *_video(rung, segment)]
        if source.sound and not fragmented:
            command += sound
        command += _pieces(rung.name, segment, fragmented=fragmented)
    if source.sound and fragmented:
        command += [*sound, *_pieces(SOUND, segment, fragmented=True)]
    return command


def _video(rung: Rung, segment: float) -> list[str]:
    """Return how a rung is encoded.

    A keyframe is the first picture, and then the first one `segment` seconds after the last.
    Without B-frames the first picture has time 0 in every container, as the sound has.
    """
    due = f"if(isnan(prev_forced_t),1,gte(t,prev_forced_t+{segment - _ROUNDING:.6f}))"
    return [
        "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-bf", "0",
        "-b:v", str(rung.rate), "-maxrate", str(round(_BURST * rung.rate)),
        "-bufsize", str(round(_RESERVOIR * rung.rate)), "-force_key_frames", f"expr:{due}",
        "-g", str(_MAX_GOP), "-sc_threshold", "0", "-flags", "+cgop", "-fps_mode", "passthrough",
    ]  # fmt: skip


def _pieces(name: str, segment: float, *, fragmented: bool) -> list[str]:
    folder = f"{name}/{PIECES}"
    kind, suffix = ("fmp4", "m4s") if fragmented else ("mpegts", "ts")
    return [
        "-f", "hls", "-hls_time", f"{segment:g}", "-hls_playlist_type", "vod",
        "-hls_segment_type", kind, *(("-hls_fmp4_init_filename", INIT) if fragmented else ()),
        "-hls_segment_filename", f"{folder}/%05d.{suffix}", f"{folder}/{INDEX}",
    ]  # fmt: skip


def progress(lines: Sequence[str]) -> Iterator[float]:
    """Yield the seconds of video that each line of ffmpeg's progress says are done."""
    for line in lines:
        key, _, value = line.strip().partition("=")
        if key == "out_time_us" and value.lstrip("-").isdecimal():
            yield max(0, int(value)) / 1e6


def _stream(told: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    streams: Sequence[Mapping[str, Any]] = told.get("streams", ())
    return next((each for each in streams if each.get("codec_type") == kind), None)
