"""Playlists: what is written is read back, and what RFC 8216 forbids is refused by line."""

from __future__ import annotations

import math

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdn.video import playlist
from cdn.video.playlist import (
    MasterPlaylist,
    MediaPlaylist,
    PlaylistError,
    Segment,
    Sound,
    Variant,
    parse,
)
from cdn.video.syntax import MAX_TEXT

HEAD = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n"
LINES = (
    *HEAD.splitlines(), "#EXTINF:4,", "a.ts", "#EXT-X-BYTERANGE:1", "#EXT-X-ENDLIST",
    "#EXT-X-STREAM-INF:BANDWIDTH=1", '#EXT-X-MAP:URI="i"', "# words", "", "#EXTINF:x",
    "#EXT-X-KEY:METHOD=NONE", "#EXT-X-NEW:1",
)  # fmt: skip
NAMES = st.text("abcXYZ019-_./?=&", min_size=1, max_size=20)
DURATIONS = st.integers(0, 10_000_000).map(lambda micros: micros / 1e6)
COUNTS = st.integers(0, 10**15)


@st.composite
def media(draw: st.DrawFn) -> MediaPlaylist:
    """Return any media playlist that may be written."""
    ranges = st.none() | st.tuples(COUNTS, COUNTS)
    segments = draw(st.lists(st.builds(Segment, NAMES, DURATIONS, ranges), max_size=5))
    longest = max((each.duration for each in segments), default=1)
    return MediaPlaylist(
        math.floor(longest + 0.5),
        tuple(segments),
        draw(COUNTS),
        draw(st.none() | NAMES),
        draw(st.booleans()),
    )


VARIANTS = st.builds(
    Variant,
    NAMES,
    COUNTS,
    st.none() | COUNTS,
    st.none() | st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
    st.none() | st.just("avc1.64001f,mp4a.40.2"),
    st.none() | st.integers(1, 240_000).map(lambda millis: millis / 1000),
    st.none() | NAMES,
)
MASTERS = st.builds(
    MasterPlaylist,
    st.lists(VARIANTS, min_size=1, max_size=5).map(tuple),
    st.booleans(),
    st.lists(st.builds(Sound, NAMES, NAMES, NAMES), max_size=2).map(tuple),
)


@given(media() | MASTERS)
def test_what_is_written_is_read_back(written: MediaPlaylist | MasterPlaylist) -> None:
    """Every field survives, with either kind of line ending."""
    assert parse(written.text()) == written
    assert parse(written.text().replace("\n", "\r\n")) == written


@given(media())
def test_m3u8_reads_the_same(written: MediaPlaylist) -> None:
    """A reader no one here wrote finds the same segments, numbers and ranges."""
    read = m3u8.loads(written.text())
    assert [(each.uri, each.duration) for each in read.segments] == [
        (each.uri, each.duration) for each in written.segments
    ]
    ranges = [each.byterange for each in read.segments]
    assert ranges == [
        None if each.byte_range is None else "{}@{}".format(*each.byte_range)
        for each in written.segments
    ]
    assert (read.media_sequence or 0, read.is_endlist) == (written.media_sequence, written.ended)
    assert read.target_duration == written.target_duration


@given(st.text() | st.lists(st.sampled_from(LINES)).map("\n".join))
def test_any_text_is_a_playlist_or_an_error(text: str) -> None:
    """Nothing but PlaylistError comes out, and it names a line that is there."""
    fault = None
    try:
        read = parse(text)
    except PlaylistError as error:
        fault = error
    if fault is None:
        assert parse(read.text()) == read
    else:
        assert 1 <= fault.line <= text.count("\n") + 1
        assert str(fault).startswith(f"line {fault.line}: ")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "line 1: a playlist begins with #EXTM3U"),
        ("\ufeff#EXTM3U\n", "line 1: a control character or byte order mark"),
        ("#EXTM3U\n", "line 1: #EXT-X-TARGETDURATION is missing"),
        (HEAD + "a.ts\n", "line 3: a URI without #EXTINF before it"),
        (HEAD + "#EXTINF:4,\n", "line 3: #EXTINF without a URI after it"),
        (HEAD + "#EXTINF:4,\n#EXTINF:4,\na\n", "line 4: #EXTINF follows another that"),
        (HEAD + "#EXTINF:-1,\na\n", "line 3: #EXTINF wants a number, not '-1'"),
        (HEAD + "#EXTINF:inf,\na\n", "line 3: #EXTINF wants a number, not 'inf'"),
        (HEAD + "#EXTINF:4.5,\na\n", "line 3: a segment of 4.5 s exceeds"),
        (HEAD + "#EXT-X-TARGETDURATION:4\n", "line 3: #EXT-X-TARGETDURATION is given twice"),
        (HEAD + "#EXTINF:4,\na\n#EXT-X-MEDIA-SEQUENCE:1\n", "line 5: #EXT-X-MEDIA-SEQUENCE st"),
        (HEAD + "#EXT-X-BYTERANGE:9@x\n", "line 3: #EXT-X-BYTERANGE wants LENGTH or"),
        (HEAD + "#EXT-X-BYTERANGE:9\n#EXTINF:1,\na\n", "line 5: #EXT-X-BYTERANGE without"),
        (HEAD + "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n", "line 3: encrypted segments are not"),
        (HEAD + "#EXT-X-MAP:URI=i\n", "line 3: URI wants quotes around i"),
        (HEAD + '#EXT-X-MAP:URI="i",BYTERANGE="1@0"\n', "line 3: #EXT-X-MAP with BYTERANGE"),
        (HEAD + '#EXTINF:4,\na\n#EXT-X-MAP:URI="i"\n', "line 5: #EXT-X-MAP changes between"),
        (HEAD + "#EXT-X-VERSION:8\n", "line 3: version 8 is not one of RFC 8216"),
        ('#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,NAME="a"\n', "line 2: #EXT-X-MEDIA lacks TYPE, GROUP"),
        (HEAD + "#EXT-X-STREAM-INF:BANDWIDTH=1\n", "line 2: #EXT-X-TARGETDURATION mixes"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:CODECS=\"a\"\na\n", "line 2: #EXT-X-STREAM-INF lacks BAND"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", "line 2: #EXT-X-STREAM-INF without a URI"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,\na\n", "line 2: no attribute NAME=value at"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,BANDWIDTH=1\na\n", "line 2: BANDWIDTH is given"),
        (
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=9\na\n",
            "line 2: RESOLUTION wants WIDTHxHEIGHT, not 9",
        ),
        ("#EXTM3U\n" + "#" * 9000, "line 2: longer than 8192 characters"),
        ("#EXTM3U\n" + "\n" * MAX_TEXT, f"line 1: a playlist of more than {MAX_TEXT} characters"),
    ],
)  # fmt: skip
def test_what_is_forbidden_is_refused_by_line(text: str, error: str) -> None:
    """One fault each."""
    with pytest.raises(PlaylistError) as caught:
        parse(text)
    assert str(caught.value).startswith(error)


def test_a_playlist_has_only_so_many_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """The count is bounded, whatever the length of the text."""
    monkeypatch.setattr(playlist, "MAX_ENTRIES", 2)
    with pytest.raises(PlaylistError, match="line 8: more than 2 entries"):
        parse(HEAD + "#EXTINF:4,\na\n" * 3)


def test_ranges_go_on_where_the_last_one_ended() -> None:
    """Without an offset, a range follows the one before it in the same file."""
    text = HEAD + "#EXTINF:4,\n#EXT-X-BYTERANGE:10@5\na\n#EXTINF:4,\n#EXT-X-BYTERANGE:7\na\n"
    read = parse(text)
    assert isinstance(read, MediaPlaylist)
    assert [each.byte_range for each in read.segments] == [(10, 5), (7, 15)]
    assert (read.duration, read.ended) == (8, False)


def test_tags_that_change_no_bytes_are_passed_over() -> None:
    """Unknown tags, comments, titles and blank lines leave the segments alone."""
    text = (
        HEAD + "# hello\n#EXT-X-NEW:1\n#EXT-X-NEW:1\n\n#EXT-X-DISCONTINUITY\n#EXTINF:4,title\na\n"
    )
    assert parse(text) == MediaPlaylist(4, (Segment("a", 4),), ended=False)


@pytest.mark.parametrize("uri", ["", "#a", " a", "a\nb"])
def test_a_uri_that_would_break_the_file_is_not_written(uri: str) -> None:
    """The writer refuses what the reader would misread."""
    with pytest.raises(ValueError, match="cannot stand in a playlist"):
        MediaPlaylist(1, (Segment(uri, 1),)).text()
