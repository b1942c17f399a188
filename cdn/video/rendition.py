"""Renditions: a video at one rung, cut into segments, and the playlists that describe them.

Refuses to know whether an encoder made the segments or a random process did. Times are in
seconds unless in ticks, rates in bit/s, sizes in bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from cdn.video.hls import MasterPlaylist, MediaPlaylist, Segment, Sound, Variant

MASTER = "master.m3u8"
MANIFEST = "manifest.mpd"
INIT = "init.mp4"


@dataclass(frozen=True, slots=True)
class Rendition:
    """One rung as it was made: segment i lasts `ticks[i]` / `timescale` and has `sizes[i]` bytes.

    Its files lie in a folder named by a digest of their content: a name never comes to stand for
    other bytes, and caches may keep them for good. `start` is the tick of the first frame.
    A rendition without a `resolution` is sound alone. `fragmented`: the segments are fMP4 and need
    the init file; otherwise they are TS.
    """

    name: str
    digest: str
    timescale: int
    ticks: tuple[int, ...]
    sizes: tuple[int, ...]
    resolution: tuple[int, int] | None
    codecs: str | None = None
    frame_rate: float | None = None
    start: int = 0
    fragmented: bool = True

    @property
    def playlist_path(self) -> str:
        """Where the media playlist is, seen from the master playlist."""
        return f"{self.name}/playlist.m3u8"

    @property
    def folder(self) -> str:
        """Where the segments are, seen from the master playlist."""
        return f"{self.name}/{self.digest}"

    def file_name(self, number: int) -> str:
        """Return the name of segment `number` within the folder."""
        return segment_name(number, fragmented=self.fragmented)

    def duration(self, number: int) -> float:
        """Seconds of segment `number`."""
        return self.ticks[number] / self.timescale

    @property
    def durations(self) -> tuple[float, ...]:
        """Seconds of each segment."""
        return tuple(ticks / self.timescale for ticks in self.ticks)

    def playlist(self) -> MediaPlaylist:
        """Return the media playlist of the whole."""
        return MediaPlaylist(
            target_duration=max(math.floor(seconds + 0.5) for seconds in self.durations) or 1,
            segments=tuple(
                Segment(f"{self.digest}/{self.file_name(number)}", seconds)
                for number, seconds in enumerate(self.durations)
            ),
            init=f"{self.digest}/{INIT}" if self.fragmented else None,
        )

    @property
    def peak(self) -> int:
        """The highest rate of about a target duration of segments, in bit/s."""
        return peak_rate(self.sizes, self.durations, self.playlist().target_duration)

    @property
    def average(self) -> int:
        """The rate of all segments together, in bit/s."""
        return math.ceil(8 * sum(self.sizes) / math.fsum(self.durations))

    def variant(self, sound: Rendition | None = None) -> Variant:
        """Return the entry in the master playlist, with the rates the segments really have.

        `sound` is what is played with it.
        """
        parts = (self,) if sound is None else (self, sound)
        codecs = [each.codecs for each in parts if each.codecs is not None]
        return Variant(
            uri=self.playlist_path,
            bandwidth=sum(each.peak for each in parts),
            average_bandwidth=sum(each.average for each in parts),
            resolution=self.resolution,
            codecs=",".join(codecs) or None,
            frame_rate=self.frame_rate,
            sound=None if sound is None else sound.name,
        )


def segment_name(number: int, *, fragmented: bool) -> str:
    """Return the file name of segment `number`, counted from 0."""
    return f"{number:05d}.{'m4s' if fragmented else 'ts'}"


def peak_rate(sizes: Sequence[int], durations: Sequence[float], target: float) -> int:
    """Return the highest rate of neighbouring segments that last 0.5 to 1.5 `target` together.

    In bit/s, rounded up (RFC 8216 4.1, "peak segment bit rate"). A video too short to have such
    neighbours has the rate of the whole.
    """
    bits = [0, *accumulate(8 * size for size in sizes)]
    times = [0.0, *accumulate(durations)]
    rates = []
    for first in range(len(sizes)):
        for stop in range(first + 1, len(times)):
            seconds = times[stop] - times[first]
            if seconds > 1.5 * target:
                break
            if seconds >= 0.5 * target:
                rates.append((bits[stop] - bits[first]) / seconds)
    return math.ceil(max(rates, default=bits[-1] / times[-1]))


def master(renditions: Sequence[Rendition]) -> MasterPlaylist:
    """Return the master playlist of `renditions`, of which one at most is sound alone."""
    sound = next((each for each in renditions if each.resolution is None), None)
    return MasterPlaylist(
        tuple(each.variant(sound) for each in renditions if each.resolution is not None),
        independent=True,
        sounds=() if sound is None else (Sound(sound.playlist_path, sound.name, sound.name),),
    )


def playlists(renditions: Sequence[Rendition]) -> Mapping[str, MediaPlaylist]:
    """Return every media playlist by its path, seen from the master playlist."""
    return {each.playlist_path: each.playlist() for each in renditions}
