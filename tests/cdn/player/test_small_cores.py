"""What a player knows of past fetches, of caches, of what to give up, and of its playlists."""

from __future__ import annotations

import pytest

from cdn.player.abandon import lower_rung
from cdn.player.cached import was_hit
from cdn.player.history import KEPT, RECENT, History
from cdn.player.throughput import fitting, harmonic_mean, moving_average
from cdn.player.timeline import Rung, Timeline
from cdn.player.view import Progress, Sample
from cdn.video.playlist import MasterPlaylist, MediaPlaylist, Segment, Variant
from tests.cdn.player.views import RATES, view
from wire.http.headers import Headers

FAST, SLOW = Sample(1_000_000, 1.0, hit=True), Sample(100_000, 1.0, hit=False)


def test_a_naive_history_takes_hits_for_granted() -> None:
    """Every sample counts."""
    history = History("naive")
    for sample in (FAST, FAST, SLOW):
        history.note(sample)
    assert history.counted == (FAST, FAST, SLOW)


def test_a_hit_aware_history_counts_misses_once_there_was_one() -> None:
    """Hits count alone, not beside a miss, and again after ten in a row."""
    history = History("hit-aware")
    history.note(FAST)
    assert history.counted == (FAST,)
    history.note(SLOW)
    history.note(FAST)
    assert history.counted == (SLOW,)
    for _ in range(RECENT):
        history.note(FAST)
    assert history.counted.count(FAST) == RECENT + 2


def test_what_no_cache_has_spoken_of_counts() -> None:
    """Without Cache-Status every sample counts, and few are kept."""
    history = History("hit-aware")
    for _ in range(2 * KEPT):
        history.note(Sample(1, 1.0))
    assert len(history.counted) == KEPT


@pytest.mark.parametrize(
    ("value", "hit"),
    [
        (None, None),
        ("edge; hit", True),
        ('"edge"; hit; ttl=30; key="a, b"', True),
        ('"edge"; fwd=uri-miss; fwd-status=200; stored', False),
        ('"edge"; fwd=uri-miss; collapsed', False),
        ('"shield"; hit, "edge"; fwd=uri-miss', False),
        ('"shield"; fwd=uri-miss, "edge"; hit', True),
        ('"edge"; hit=?0', False),
        ("nonsense, (", None),
        ("", None),
    ],
)
def test_a_hit_is_the_nearest_caches(value: str | None, hit: bool | None) -> None:
    """The last member speaks for the cache next to the player; nonsense says nothing."""
    assert was_hit(Headers({} if value is None else {"cache-status": value})) is hit


def test_means_of_throughput() -> None:
    """The harmonic mean weighs by time per byte, the moving average by time spent."""
    samples = [Sample(125_000, 1.0), Sample(500_000, 1.0)]
    assert harmonic_mean(samples, 5) == pytest.approx(1.6e6)
    assert harmonic_mean(samples, 1) == pytest.approx(4e6)
    assert harmonic_mean([], 5) is None
    assert moving_average([samples[0]], 3.0) == pytest.approx(1e6)
    assert moving_average(samples, 1.0) == pytest.approx((1 * 0.5 + 4) * 1e6 / 1.5)
    assert moving_average([], 1.0) is None
    assert [fitting(RATES, rate) for rate in (None, 1e5, 0.3e6, 1e9)] == [0, 0, 0, 5]


@pytest.mark.parametrize(
    ("buffer", "rung", "share", "elapsed", "instead"),
    [
        (10.0, 5, 0.5, 2.0, None),  # done in 2 s more
        (4.0, 5, 0.1, 2.0, 0),  # 18 s more; even the lowest rung takes 1.4 s
        (7.0, 5, 0.1, 2.0, 1),  # the next one 3.5 s: half the buffer
        (0.0, 5, 0.1, 2.0, 0),  # stalled already: the lowest
        (1.0, 5, 0.95, 30.0, None),  # nothing else would be sooner
        (1.0, 0, 0.1, 2.0, None),  # nothing is lower
    ],
)
def test_a_fetch_is_given_up_when_it_would_stall_and_another_would_not(
    buffer: float, rung: int, share: float, elapsed: float, instead: int | None
) -> None:
    """A table of fetches under way."""
    seen = view(buffer)
    progress = Progress(rung, round(share * seen.sizes[0][rung]), elapsed)
    assert lower_rung(seen, progress) == instead


def media(count: int, *, first: int = 0, ended: bool = True, sized: bool = False) -> MediaPlaylist:
    """Return a media playlist of 4 s segments."""
    segments = tuple(
        Segment(f"{n}.m4s", 4.0, (1000 + n, 0) if sized else None)
        for n in range(first, first + count)
    )
    return MediaPlaylist(4, segments, media_sequence=first, ended=ended)


def ladder(*rates: tuple[int, int | None]) -> Timeline:
    """Return a timeline of a master playlist with these peak and mean rates."""
    variants = tuple(Variant(f"v{n}/p.m3u8", peak, mean) for n, (peak, mean) in enumerate(rates))
    return Timeline.of_master(MasterPlaylist(variants), "http://a/x/master.m3u8")


def test_rungs_ascend_by_their_mean_rates() -> None:
    """Order in the playlist does not matter; the peak stands where no mean is said."""
    timeline = ladder((5_000_000, 2_000_000), (900_000, 400_000), (1_000_000, None))
    assert timeline.bitrates == (400_000, 1_000_000, 2_000_000)
    assert timeline.rungs[0].url == "http://a/x/v1/p.m3u8"
    assert timeline.rungs[0].resolve("s/0.m4s") == "http://a/x/v1/s/0.m4s"


def test_sizes_are_told_or_ranged_or_reckoned() -> None:
    """A size is what was told beforehand, else the byte range, else bitrate times duration."""
    timeline = ladder((1_000_000, None), (2_000_000, None))
    timeline.rungs[0].load(media(3, sized=True), "http://a/x/v0/p.m3u8", 0.0)
    assert timeline.ahead(1) == ((4.0, 4.0), ((1001, 1_000_000), (1002, 1_000_000)))
    told = Timeline([Rung("u", 1e6)], lambda index, _rung: 7 * index)
    told.rungs[0].load(media(3), "u", 0.0)
    assert told.size(2, 0) == 14


def test_live_starts_three_segments_from_the_end_and_reloads_in_time() -> None:
    """RFC 8216 6.3.3 and 6.3.4: a target duration after a change, else half of one."""
    timeline = ladder((1_000_000, None))
    rung = timeline.rungs[0]
    rung.load(media(6, first=10, ended=False), rung.url, 100.0)
    assert (timeline.live, timeline.first, timeline.end, timeline.start) == (True, 10, 16, 13)
    assert rung.reload_at() == 104.0
    rung.load(media(6, first=10, ended=False), rung.url, 104.0)
    assert rung.reload_at() == 106.0
    assert timeline.seconds_from(14) == 8.0
    assert rung.segment(9) is None
    assert rung.segment(16) is None


@pytest.mark.parametrize(("position", "index"), [(0, 0), (3.9, 0), (4, 1), (11, 2), (99, 2)])
def test_a_position_is_in_a_segment(position: float, index: int) -> None:
    """Seconds from the beginning lead to a segment, those beyond the end to the last."""
    timeline = Timeline.of_media(media(3), "u", 0.0)
    assert timeline.at(position) == index
    assert timeline.begins(index) == 4.0 * index
