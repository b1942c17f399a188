"""Renditions: their rates, playlists and manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from cdn.video.dash import manifest
from cdn.video.documents import documents
from cdn.video.playlist import MediaPlaylist, Segment, Sound, Variant, parse
from cdn.video.rendition import Rendition, master, peak_rate, playlists

SOME = Rendition(
    "240p", "0123456789abcdef", 1000, (4000, 4000, 1500), (1000, 3000, 500), (426, 240),
    "avc1.64000d", 25.0, start=66,
)  # fmt: skip
DASH = {"": "urn:mpeg:dash:schema:mpd:2011"}


@pytest.mark.parametrize(
    ("sizes", "durations", "target", "rate"),
    [
        ([500, 1000], [4.0, 4.0], 4, 2000),
        ([500, 1000, 1000], [4.0, 4.0, 1.0], 4, 3200),  # a short end counts with its neighbour
        ([1000], [1.0], 4, 8000),  # nothing lasts half a target: the whole
        ([400, 400, 100], [2.0, 2.0, 2.0], 4, 1600),  # two short ones in a row
        ([100, 100], [3.0, 3.0], 3, 267),
    ],
)
def test_the_peak_is_of_neighbours_about_a_target_long(
    sizes: Sequence[int], durations: Sequence[float], target: float, rate: int
) -> None:
    """RFC 8216 4.1: of any contiguous set that lasts 0.5 to 1.5 target durations."""
    assert peak_rate(sizes, durations, target) == rate


def test_a_rendition_is_described_by_what_it_has() -> None:
    """Rates from sizes, durations from ticks, names from digest and number."""
    assert SOME.playlist() == MediaPlaylist(
        4,
        (
            Segment("0123456789abcdef/00000.m4s", 4.0),
            Segment("0123456789abcdef/00001.m4s", 4.0),
            Segment("0123456789abcdef/00002.m4s", 1.5),
        ),
        init="0123456789abcdef/init.mp4",
    )
    expected = Variant("240p/playlist.m3u8", 6000, 3790, (426, 240), "avc1.64000d", 25.0)
    assert SOME.variant() == expected


def test_sound_is_a_rendition_that_variants_name() -> None:
    """Rates and codecs of a variant include it; DASH has it in a set of its own."""
    sound = Rendition("sound", "f" * 16, 1000, (4000, 4000), (500, 500), None, "mp4a.40.2")
    top = master([SOME, sound])
    assert top.sounds == (Sound("sound/playlist.m3u8", "sound", "sound"),)
    (variant,) = top.variants
    assert (variant.bandwidth, variant.average_bandwidth) == (7000, 4790)
    assert (variant.codecs, variant.sound) == ("avc1.64000d,mp4a.40.2", "sound")
    assert parse(top.text()) == top
    sets = ET.fromstring(manifest([SOME, sound])).findall("Period/AdaptationSet", DASH)
    assert [each.get("mimeType") for each in sets] == ["video/mp4", "audio/mp4"]


def test_transport_streams_need_no_init_and_have_no_manifest() -> None:
    """TS segments stand for themselves."""
    plain = replace(SOME, fragmented=False)
    assert plain.playlist().init is None
    assert plain.playlist().segments[0].uri.endswith("/00000.ts")
    assert set(documents([plain])) == {"master.m3u8", "240p/playlist.m3u8"}


def test_documents_are_the_playlists_and_the_manifest() -> None:
    """Each can be read, at the path the master playlist gives."""
    texts = documents([SOME])
    assert parse(texts["master.m3u8"]) == master([SOME])
    assert parse(texts["240p/playlist.m3u8"]) == playlists([SOME])["240p/playlist.m3u8"]
    assert set(texts) == {"master.m3u8", "240p/playlist.m3u8", "manifest.mpd"}


def test_the_manifest_counts_the_same_segments() -> None:
    """Times in ticks, from the first frame on; equal durations are one entry."""
    root = ET.fromstring(manifest([SOME]))
    assert (root.get("type"), root.get("mediaPresentationDuration")) == ("static", "PT9.500000S")
    (shown,) = root.findall("Period/AdaptationSet/Representation", DASH)
    assert (shown.get("id"), shown.get("bandwidth"), shown.get("codecs")) == (
        "240p", "6000", "avc1.64000d",
    )  # fmt: skip
    template = shown.find("SegmentTemplate", DASH)
    assert template is not None
    assert template.attrib == {
        "timescale": "1000",
        "startNumber": "0",
        "initialization": "240p/0123456789abcdef/init.mp4",
        "media": "240p/0123456789abcdef/$Number%05d$.m4s",
    }
    entries = [entry.attrib for entry in template.findall("SegmentTimeline/S", DASH)]
    assert entries == [{"t": "66", "d": "4000", "r": "1"}, {"d": "1500"}]
