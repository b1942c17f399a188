"""Live video: a packaged video that happens, segment by segment, as time passes.

Refuses to know whose time that is: `wall` is real or virtual. Times are in seconds.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from urllib.parse import urljoin

from cdn.site import MemoryResource, Moved, Resource, Site, decode_path
from cdn.video.delivery import live_playlist
from cdn.video.playlist import MediaPlaylist

_SLACK = 1e-6


@dataclass(frozen=True)
class Timeline:
    """When the segments of `whole` come and go; time 0 is when the first of them is there.

    A playlist shows the newest segments that last `window` together, and three target durations
    at least (RFC 8216 6.2.2).
    """

    whole: MediaPlaylist
    window: float
    _ends: list[float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.whole.segments:
            raise ValueError("a playlist without segments cannot be shown live")
        lasting = (segment.duration for segment in self.whole.segments)
        object.__setattr__(self, "_ends", list(accumulate(lasting)))

    @property
    def span(self) -> float:
        """Seconds that a playlist lasts at least, once so much has happened."""
        return max(self.window, 3.0 * self.whole.target_duration)

    def count(self, elapsed: float) -> int:
        """Return how many segments are there after `elapsed` seconds."""
        return bisect_right(self._ends, elapsed + self._ends[0] + _SLACK)

    def playlist(self, elapsed: float) -> MediaPlaylist:
        """Return what the playlist shows after `elapsed` seconds."""
        count = max(1, self.count(elapsed))
        first = bisect_right(self._ends, self._ends[count - 1] - self.span + _SLACK)
        return replace(
            self.whole,
            segments=self.whole.segments[first:count],
            media_sequence=first,
            ended=count == len(self._ends),
        )

    def comes(self, number: int) -> float:
        """Return when segment `number` is there."""
        return self._ends[number] - self._ends[0]

    def goes(self, number: int) -> float:
        """Return when segment `number` may be gone: a playlist's length after leaving it.

        The last segments never go.
        """
        leaves = bisect_left(self._ends, self._ends[number] + self.span - _SLACK)
        if leaves == len(self._ends):
            return float("inf")
        kept = self.whole.segments[number].duration + self.span + self.whole.target_duration
        return self.comes(leaves) + kept


class LiveSite:
    """Shows `site`, a packaged video, as if it happened now, from the first segment on.

    `playlists` are its media playlists by path below "/". Always true: what a playlist lists can
    be fetched, and stays so for a playlist's length after it has left. When the video is over,
    the playlists end. A DASH manifest, which would tell the future, is not there.
    """

    def __init__(
        self,
        site: Site,
        playlists: Mapping[str, MediaPlaylist],
        *,
        wall: Callable[[], float],
        window: float = 30.0,
    ) -> None:
        self._site = site
        self._wall = wall
        self._began = wall()
        self._timelines = {f"/{path}": Timeline(each, window) for path, each in playlists.items()}
        self._segments = {
            decode_path(urljoin(path, segment.uri)): (timeline, number)
            for path, timeline in self._timelines.items()
            for number, segment in enumerate(timeline.whole.segments)
        }

    def lookup(self, path: str) -> Resource | Moved | None:
        """Return what `path` names now, None if nothing."""
        name = decode_path(path)
        elapsed = self._wall() - self._began
        timeline = self._timelines.get(name)
        if timeline is not None:
            return self._playlist(name, timeline, elapsed)
        segment = self._segments.get(name)
        if segment is not None:
            timeline, number = segment
            if not timeline.comes(number) <= elapsed + _SLACK < timeline.goes(number):
                return None
        return None if name.endswith(".mpd") else self._site.lookup(path)

    def _playlist(self, name: str, timeline: Timeline, elapsed: float) -> Resource:
        shown = timeline.playlist(elapsed)
        newest = shown.media_sequence + len(shown.segments) - 1
        return MemoryResource.of(
            name,
            shown.text().encode(),
            last_modified=int(self._began + timeline.comes(newest)),
            cache_control=live_playlist(shown.target_duration),
        )
