"""Live video: what is there, when, and for how long."""

from __future__ import annotations

from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdn.site import MemoryResource
from cdn.video.ladder import parse_ladder
from cdn.video.live import LiveSite, Timeline
from cdn.video.playlist import MediaPlaylist, Segment, parse
from cdn.video.rendition import playlists
from cdn.video.synthetic import synthesize

WHOLE = MediaPlaylist(4, tuple(Segment(f"{number}.m4s", 4.0) for number in range(20)))
PATH = "/240p/playlist.m3u8"


def numbers(shown: MediaPlaylist) -> range:
    """Return the numbers of the segments that a playlist lists."""
    return range(shown.media_sequence, shown.media_sequence + len(shown.segments))


@pytest.mark.parametrize(
    ("elapsed", "listed", "ended"),
    [
        (0, range(1), False),
        (3.9, range(1), False),
        (4, range(2), False),
        (16, range(5), False),
        (20, range(1, 6), False),
        (75.9, range(14, 19), False),
        (76, range(15, 20), True),
        (1e6, range(15, 20), True),
    ],
)
def test_the_window_slides(elapsed: float, listed: range, ended: bool) -> None:
    """Twenty seconds are shown, the sequence number counts what has left, and the end is told."""
    shown = Timeline(WHOLE, 20).playlist(elapsed)
    assert (numbers(shown), shown.ended) == (listed, ended)
    assert shown.segments == WHOLE.segments[listed.start : listed.stop]
    assert shown.target_duration == WHOLE.target_duration


def test_a_window_has_three_target_durations_at_least() -> None:
    """However little is asked for (RFC 8216 6.2.2)."""
    assert numbers(Timeline(WHOLE, 1).playlist(40)) == range(8, 11)


def test_a_segment_stays_for_a_playlist_after_it_has_left() -> None:
    """Segment 0 leaves at 20 s; whoever has the last playlist with it has time to fetch it."""
    timeline = Timeline(WHOLE, 20)
    assert (timeline.comes(0), timeline.goes(0)) == (0, 20 + 4 + 20 + 4)
    assert timeline.goes(15) == float("inf")


@given(
    st.lists(st.integers(1, 8000), min_size=1, max_size=30),
    st.integers(0, 40),
    st.lists(st.integers(0, 250_000), min_size=2, max_size=10),
)
def test_what_is_listed_is_there_and_numbers_never_go_back(
    millis: list[int], window: int, times: list[int]
) -> None:
    """For any durations and moments."""
    segments = tuple(Segment(str(at), each / 1000) for at, each in enumerate(millis))
    timeline = Timeline(MediaPlaylist(8, segments), window)
    seen = 0
    for elapsed in sorted(each / 1000 for each in times):
        shown = timeline.playlist(elapsed)
        assert shown.media_sequence >= seen
        seen = shown.media_sequence
        listed = numbers(shown)
        assert all(timeline.comes(each) <= elapsed + 1e-6 for each in listed)
        assert all(elapsed < timeline.goes(each) for each in listed)
        assert shown.duration >= timeline.span - 1e-3 or listed.start == 0
        if not shown.ended:
            assert timeline.comes(listed.stop) > elapsed - 1e-6


def test_a_video_without_segments_cannot_be_live() -> None:
    """There would be nothing to show, ever."""
    with pytest.raises(ValueError, match="without segments"):
        Timeline(MediaPlaylist(4, ()), 20)


def test_the_site_shows_now_and_hides_what_is_to_come() -> None:
    """Playlists change with the time and are kept for half a target; segments come and go."""
    video = synthesize(parse_ladder("240p:400k"), duration=80, segment=4)
    now = [1000.0]
    listed = playlists(video.renditions)
    site = LiveSite(video.site(), listed, wall=lambda: now[0], window=20)

    def shown() -> MediaPlaylist:
        found = site.lookup(PATH)
        assert isinstance(found, MemoryResource)
        assert found.cache_control == "max-age=2"
        assert found.last_modified == int(now[0] // 4 * 4)
        read = parse(bytes(found.content).decode())
        assert isinstance(read, MediaPlaylist)
        return read

    def there() -> list[int]:
        paths = [urljoin(PATH, each.uri) for each in listed[PATH[1:]].segments]
        return [number for number, path in enumerate(paths) if site.lookup(path) is not None]

    assert (numbers(shown()), there()) == (range(1), [0])
    now[0] += 21.5
    assert (numbers(shown()), there()) == (range(1, 6), [0, 1, 2, 3, 4, 5])
    now[0] += 30
    assert (numbers(shown()), there()) == (range(8, 13), list(range(1, 13)))
    assert site.lookup("/master.m3u8") is not None
    assert site.lookup("/manifest.mpd") is None
    assert site.lookup("/none") is None
