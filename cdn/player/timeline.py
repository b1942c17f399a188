"""What can be fetched: the ladder of a video, and the segments of each rung by number.

It keeps playlists that were read and refuses to fetch any. Segment n of one rung covers the same
time as segment n of the others (RFC 8216 6.2.4). Rates are bit/s, sizes bytes, times seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urljoin

from cdn.player.view import HORIZON
from cdn.video.playlist import MasterPlaylist, MediaPlaylist, Segment

Sizes = Callable[[int, int], int | None]
"""The size of a segment, by number and rung, where it is known beforehand."""

FROM_LIVE_EDGE = 3
"""Segments before the end at which a live session starts (RFC 8216 6.3.3)."""


def unknown(index: int, rung: int) -> None:
    """Know no size."""


class Rung:
    """One rendering: where its playlist is, what it needs, and the playlist once it was read."""

    def __init__(self, url: str, bitrate: float) -> None:
        self.url = url
        self.bitrate = bitrate
        self.playlist: MediaPlaylist | None = None
        self.loaded_at = 0.0
        self.changed = True
        self.must_initialise = True

    def resolve(self, uri: str) -> str:
        """Return the URL of what the playlist calls `uri`."""
        return urljoin(self.url, uri)

    def load(self, playlist: MediaPlaylist, url: str, now: float) -> None:
        """Take what the playlist says now; `url` is where it was found."""
        self.changed = playlist != self.playlist
        self.playlist, self.url, self.loaded_at = playlist, url, now

    def segment(self, index: int) -> Segment | None:
        """Return segment `index`, None if the playlist does not have it, or was not read."""
        if self.playlist is None:
            return None
        place = index - self.playlist.media_sequence
        return self.playlist.segments[place] if 0 <= place < len(self.playlist.segments) else None

    def reload_at(self) -> float:
        """Return when the playlist may be asked for again (RFC 8216 6.3.4)."""
        if self.playlist is None:
            return 0.0
        target = self.playlist.target_duration
        return self.loaded_at + (target if self.changed else target / 2)


class Timeline:
    """The rungs of a video, ascending in bitrate.

    Invariant: a rung's bitrate is its average where the playlist says one, else its peak.
    """

    def __init__(self, rungs: Sequence[Rung], sizes: Sizes = unknown) -> None:
        self.rungs = sorted(rungs, key=lambda rung: rung.bitrate)
        self.bitrates = tuple(rung.bitrate for rung in self.rungs)
        self._sizes = sizes
        self._newest = 0

    @classmethod
    def of_master(cls, master: MasterPlaylist, url: str, sizes: Sizes = unknown) -> Timeline:
        """Return the timeline of a master playlist found at `url`."""
        rungs = [
            Rung(urljoin(url, each.uri), float(each.average_bandwidth or each.bandwidth))
            for each in master.variants
        ]
        return cls(rungs, sizes)

    @classmethod
    def of_media(cls, media: MediaPlaylist, url: str, now: float) -> Timeline:
        """Return the timeline of one media playlist, whose bitrate nobody tells."""
        rung = Rung(url, _told_bitrate(media))
        rung.load(media, url, now)
        timeline = cls([rung])
        timeline.read(0)
        return timeline

    def read(self, rung: int) -> None:
        """Note that `rung`'s playlist was read just now."""
        self._newest = rung

    @property
    def playlist(self) -> MediaPlaylist | None:
        """The playlist that was read last."""
        return self.rungs[self._newest].playlist

    @property
    def live(self) -> bool:
        """Whether more segments may follow."""
        return self.playlist is not None and not self.playlist.ended

    @property
    def first(self) -> int:
        """The number of the first segment there is."""
        return 0 if self.playlist is None else self.playlist.media_sequence

    @property
    def end(self) -> int:
        """The number after that of the last segment there is."""
        return 0 if self.playlist is None else self.first + len(self.playlist.segments)

    @property
    def start(self) -> int:
        """The number of the segment to begin with: the first, or near the end of what is live."""
        return max(self.first, self.end - FROM_LIVE_EDGE) if self.live else self.first

    def duration(self, index: int) -> float:
        """Return how long segment `index` lasts; one not known yet, as long as they are said to."""
        segment = self.rungs[self._newest].segment(index)
        if segment is not None:
            return segment.duration
        return 0.0 if self.playlist is None else float(self.playlist.target_duration)

    def seconds_from(self, index: int) -> float:
        """Return the seconds of video from segment `index` to the end that is known."""
        return sum(self.duration(each) for each in range(max(index, self.first), self.end))

    def at(self, position: float) -> int:
        """Return the number of the segment that `position` seconds from the first fall into."""
        index, passed = self.first, 0.0
        while index < self.end - 1 and passed + self.duration(index) <= position:
            passed += self.duration(index)
            index += 1
        return index

    def begins(self, index: int) -> float:
        """Return where segment `index` begins, in seconds from the first."""
        return sum(self.duration(each) for each in range(self.first, index))

    def ahead(self, index: int) -> tuple[tuple[float, ...], tuple[tuple[int, ...], ...]]:
        """Return durations and, by rung, sizes of segment `index` and a few after it."""
        known = range(index, max(index + 1, min(index + HORIZON, self.end)))
        durations = tuple(self.duration(each) for each in known)
        rungs = range(len(self.rungs))
        sizes = tuple(tuple(self.size(each, rung) for rung in rungs) for each in known)
        return durations, sizes

    def size(self, index: int, rung: int) -> int:
        """Return a segment's size: as told, by its byte range, or by bitrate and duration."""
        told = self._sizes(index, rung)
        if told is not None:
            return max(1, told)
        segment = self.rungs[rung].segment(index)
        if segment is not None and segment.byte_range is not None:
            return max(1, segment.byte_range[0])
        return max(1, round(self.bitrates[rung] * self.duration(index) / 8))


def _told_bitrate(media: MediaPlaylist) -> float:
    """Return the bitrate by the byte ranges, 1 Mbit/s where there are none."""
    sizes = [each.byte_range[0] for each in media.segments if each.byte_range is not None]
    seconds = media.duration
    return 8 * sum(sizes) / seconds if sizes and seconds else 1e6
