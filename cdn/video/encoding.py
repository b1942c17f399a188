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
    """What an encoder made of a rung, as its stream says."""

    resolution: tuple[int, int]
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
    if video is None:
        raise PackageError("ffmpeg made a rung without video")
    codec = None
    if video.get("profile") in _PROFILES:
        codec = f"avc1.{_PROFILES[video['profile']]:04x}{int(video['level']):02x}"
        codec += ",mp4a.40.2" if audio is not None else ""
    rate = Fraction(video["avg_frame_rate"]) if video.get("avg_frame_rate") != "0/0" else None
    return Encoded(
        (int(video["width"]), int(video["height"])),
        codec,
        None if rate is None else float(rate),
        Fraction(video["time_base"]).denominator,
        int(video.get("start_pts", 0)),
    )


def encode(
    path: str, ladder: Sequence[Rung], *, segment: float, sound: bool, fragmented: bool
) -> list[str]:
    """Return the command that makes all rungs of `path` at once, below the current directory.

    Keyframes stand on the grid of `segment` (s) and nowhere else, and groups of pictures are
    closed, so that every rung is cut at the same frames. Progress is told on stdout.
    """
    marks = "".join(f"[s{number}]" for number in range(len(ladder)))
    scaled = (
        f"[s{number}]scale=-2:{rung.height}:flags=bicubic,format=yuv420p[v{number}]"
        for number, rung in enumerate(ladder)
    )
    graph = ";".join((f"[0:v:0]split={len(ladder)}{marks}", *scaled))
    command = [
        "ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error",
        "-progress", "pipe:1", "-stats_period", "0.2", "-i", path, "-filter_complex", graph,
    ]  # fmt: skip
    for number, rung in enumerate(ladder):
        command += ["-map", f"[v{number}]", *_video(rung, segment)]
        if sound:
            command += ["-map", "0:a:0", *_audio(rung)]
        command += _pieces(rung, segment, fragmented=fragmented)
    return command


def _video(rung: Rung, segment: float) -> list[str]:
    return [
        "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high",
        "-b:v", str(rung.rate), "-maxrate", str(round(_BURST * rung.rate)),
        "-bufsize", str(round(_RESERVOIR * rung.rate)),
        "-force_key_frames", f"expr:gte(t,n_forced*{segment:g})",
        "-g", str(_MAX_GOP), "-sc_threshold", "0", "-flags", "+cgop", "-fps_mode", "passthrough",
    ]  # fmt: skip


def _audio(rung: Rung) -> list[str]:
    return ["-c:a", "aac", "-ac", "2", "-b:a", "64k" if rung.rate < 1_000_000 else "128k"]


def _pieces(rung: Rung, segment: float, *, fragmented: bool) -> list[str]:
    folder = f"{rung.name}/{PIECES}"
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
