"""Playlists of HTTP Live Streaming (RFC 8216) as values, and their text.

Refuses to know where playlists and segments come from. Times are in seconds, rates in bit/s,
sizes in bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cdn.video.syntax import quoted, writable


@dataclass(frozen=True, slots=True)
class Variant:
    """One rendering of the video: its media playlist, and what it asks of the network.

    `bandwidth` is the peak rate over any segment, in bit/s, `resolution` width and height.
    `sound` is the group of sounds to play with it, if it has none of its own.
    """

    uri: str
    bandwidth: int
    average_bandwidth: int | None = None
    resolution: tuple[int, int] | None = None
    codecs: str | None = None
    frame_rate: float | None = None
    sound: str | None = None

    def lines(self) -> Iterator[str]:
        """Yield the entry's lines."""
        attributes = [f"BANDWIDTH={self.bandwidth}"]
        if self.average_bandwidth is not None:
            attributes.append(f"AVERAGE-BANDWIDTH={self.average_bandwidth}")
        if self.resolution is not None:
            attributes.append("RESOLUTION={}x{}".format(*self.resolution))
        if self.frame_rate is not None:
            attributes.append(f"FRAME-RATE={self.frame_rate:.3f}")
        if self.codecs is not None:
            attributes.append(f"CODECS={quoted(self.codecs)}")
        if self.sound is not None:
            attributes.append(f"AUDIO={quoted(self.sound)}")
        yield f"#EXT-X-STREAM-INF:{','.join(attributes)}"
        yield writable(self.uri)


@dataclass(frozen=True, slots=True)
class Sound:
    """A rendering of the sound alone, in the `group` that variants name."""

    uri: str
    group: str
    name: str

    def lines(self) -> Iterator[str]:
        """Yield the entry's lines."""
        yield (
            f"#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID={quoted(self.group)},NAME={quoted(self.name)},"
            f"DEFAULT=YES,AUTOSELECT=YES,URI={quoted(self.uri)}"
        )


@dataclass(frozen=True, slots=True)
class MasterPlaylist:
    """The renderings to choose from; `independent`: every segment decodes without another."""

    variants: tuple[Variant, ...]
    independent: bool = False
    sounds: tuple[Sound, ...] = ()

    def text(self) -> str:
        """Return the playlist as a file.

        Raises:
            ValueError: a URI or codec string cannot be written.
        """
        text = ["#EXTM3U", f"#EXT-X-VERSION:{6 if self.independent else 3}"]
        if self.independent:
            text.append("#EXT-X-INDEPENDENT-SEGMENTS")
        for sound in self.sounds:
            text.extend(sound.lines())
        for variant in self.variants:
            text.extend(variant.lines())
        return "\n".join(text) + "\n"


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of video; `byte_range` is its (length, offset) within `uri`."""

    uri: str
    duration: float
    byte_range: tuple[int, int] | None = None

    def lines(self) -> Iterator[str]:
        """Yield the entry's lines."""
        yield f"#EXTINF:{self.duration:.6f},"
        if self.byte_range is not None:
            yield "#EXT-X-BYTERANGE:{}@{}".format(*self.byte_range)
        yield writable(self.uri)


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """The segments of one rendering, the first of them number `media_sequence`.

    `init` is the file that players need before any segment; `ended`: no segment will follow.
    """

    target_duration: int
    segments: tuple[Segment, ...]
    media_sequence: int = 0
    init: str | None = None
    ended: bool = True

    @property
    def duration(self) -> float:
        """Seconds of all segments together."""
        return sum(segment.duration for segment in self.segments)

    def text(self) -> str:
        """Return the playlist as a file, durations in microseconds.

        Raises:
            ValueError: a URI cannot be written.
        """
        ranged = any(segment.byte_range is not None for segment in self.segments)
        version = 6 if self.init is not None else 4 if ranged else 3
        text = [
            "#EXTM3U",
            f"#EXT-X-VERSION:{version}",
            f"#EXT-X-TARGETDURATION:{self.target_duration}",
            f"#EXT-X-MEDIA-SEQUENCE:{self.media_sequence}",
        ]
        if self.ended and self.media_sequence == 0:
            text.append("#EXT-X-PLAYLIST-TYPE:VOD")
        if self.init is not None:
            text.append(f"#EXT-X-MAP:URI={quoted(self.init)}")
        for segment in self.segments:
            text.extend(segment.lines())
        if self.ended:
            text.append("#EXT-X-ENDLIST")
        return "\n".join(text) + "\n"
