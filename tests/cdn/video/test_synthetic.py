"""Synthetic videos: sizes like real ones, and the same for the same seed."""

from __future__ import annotations

import statistics
from pathlib import Path
from urllib.parse import urljoin

import m3u8
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdn.video.ladder import DEFAULT, parse_ladder
from cdn.video.package import save
from cdn.video.rendition import playlists
from cdn.video.synthetic import FLOOR, PEAK, synthesize

LADDER = parse_ladder(DEFAULT)


@given(st.integers(0, 1000), st.integers(1, 400_000), st.integers(500, 20_000))
@settings(max_examples=50)
def test_sizes_keep_to_the_rate_and_its_bounds(seed: int, millis: int, segment: int) -> None:
    """Each rung has its mean rate, no segment is out of bounds, and all last as long as asked."""
    video = synthesize(LADDER, duration=millis / 1000, segment=segment / 1000, seed=seed)
    for rung, made in zip(LADDER, video.renditions, strict=True):
        seconds = millis / 1000
        assert sum(made.durations) == pytest.approx(seconds)
        slack = len(made.sizes) * 8 / seconds + 1e-6 * rung.rate
        assert 8 * sum(made.sizes) / seconds == pytest.approx(rung.rate, abs=slack)
        for size, length in zip(made.sizes, made.durations, strict=True):
            mean = rung.rate * length / 8
            assert FLOOR * mean - 1 <= size <= PEAK * mean + 1


def test_sizes_vary_as_in_real_videos_and_together_across_rungs() -> None:
    """Variation of 0.3 to 0.6, and hardly less than full correlation between rungs."""
    low, mid, high = synthesize(LADDER, duration=1200, segment=4, seed=3).renditions
    spread = statistics.pstdev(mid.sizes) / statistics.mean(mid.sizes)
    assert 0.3 < spread < 0.6
    assert statistics.correlation(low.sizes, high.sizes) > 0.95


def test_a_seed_is_a_video() -> None:
    """The same seed gives the same bytes under the same names, another one others."""
    first, again, other = (
        synthesize(LADDER, duration=20, segment=4, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first.site() == again.site()
    assert not {each.digest for each in first.renditions} & {
        each.digest for each in other.renditions
    }


def test_every_listed_file_is_there_with_its_size() -> None:
    """The site holds what the playlists list; all segments share one block of memory."""
    video = synthesize(LADDER, duration=30, segment=4)
    site = video.site()
    blocks = set()
    for made in video.renditions:
        listed = playlists(video.renditions)[made.playlist_path]
        for segment, size in zip(listed.segments, made.sizes, strict=True):
            found = site.resources[urljoin(f"/{made.playlist_path}", segment.uri)]
            assert isinstance(found.content, memoryview)
            blocks.add(id(found.content.obj))
            assert found.size == size
        assert listed.init is not None
        assert urljoin(f"/{made.playlist_path}", listed.init) in site.resources
    assert len(blocks) == 1


@pytest.mark.parametrize(("duration", "segment"), [(0, 4), (60, 0), (60, 61), (1e9, 4)])
def test_impossible_durations_are_refused(duration: float, segment: float) -> None:
    """Nothing is made of them."""
    with pytest.raises(ValueError, match="segments last up to 60 s"):
        synthesize(LADDER, duration=duration, segment=segment)


def test_saved_files_are_the_site(tmp_path: Path) -> None:
    """Every resource is a file of the same bytes, and m3u8 reads every playlist."""
    site = synthesize(LADDER, duration=10, segment=4).site()
    save(site, tmp_path / "video")
    for path, resource in site.resources.items():
        assert (tmp_path / "video" / path[1:]).read_bytes() == bytes(resource.content)
    top = m3u8.load(str(tmp_path / "video" / "master.m3u8"))
    assert [each.stream_info.average_bandwidth for each in top.playlists] == pytest.approx(
        [rung.rate for rung in LADDER], rel=1e-4
    )
    for each in top.playlists:
        assert len(m3u8.load(each.absolute_uri).segments) == 3


def test_a_directory_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """No package is written over anything, and no half of one is left."""
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match="is there already"):
        save(synthesize(LADDER, duration=10, segment=4).site(), tmp_path / "video")
    assert [each.name for each in tmp_path.rglob("*")] == ["video", "mine"]
