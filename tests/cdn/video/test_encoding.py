"""What ffmpeg is told, and how its answers are read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cdn.video.encoding import (
    Encoded,
    PackageError,
    Source,
    encode,
    progress,
    read_encoded,
    read_source,
)
from cdn.video.ladder import Rung

SOURCE = Source(1080, 6.0, sound=False)
LADDER = (Rung(240, 400_000), Rung(480, 1_000_000))
VIDEO = {
    "codec_type": "video", "width": 426, "height": 240, "profile": "High", "level": 13,
    "avg_frame_rate": "30000/1001", "time_base": "1/15360", "start_pts": 1014,
}  # fmt: skip


def outputs(command: list[str]) -> list[list[str]]:
    """Return the options of each output of `command`."""
    starts = [place for place, each in enumerate(command) if each == "-map"]
    return [command[start:stop] for start, stop in zip(starts, [*starts[1:], None], strict=True)]


def option(options: list[str], name: str) -> str:
    """Return the value of one option."""
    return options[options.index(name) + 1]


@pytest.mark.parametrize("fragmented", [True, False])
def test_every_rung_is_cut_on_the_same_grid(fragmented: bool) -> None:
    """Keyframes a segment's length apart only, in closed groups of pictures."""
    command = encode("file:/a", SOURCE, LADDER, segment=4, fragmented=fragmented)
    made = outputs(command)
    assert [option(each, "-b:v") for each in made] == ["400000", "1000000"]
    for each in made:
        assert option(each, "-force_key_frames") == (
            "expr:if(isnan(prev_forced_t),1,gte(t,prev_forced_t+3.999999))"
        )
        assert option(each, "-sc_threshold") == "0"
        assert option(each, "-flags") == "+cgop"
        assert option(each, "-fps_mode") == "passthrough"
        assert option(each, "-hls_time") == "4"
        assert option(each, "-hls_segment_type") == ("fmp4" if fragmented else "mpegts")
    assert [each[-1] for each in made] == ["240p/pieces/index.m3u8", "480p/pieces/index.m3u8"]
    ending = "m4s" if fragmented else "ts"
    assert option(made[0], "-hls_segment_filename") == f"240p/pieces/%05d.{ending}"


def test_the_input_is_decoded_once_and_scaled_per_rung() -> None:
    """One filter graph feeds every output."""
    command = encode("file:/a", SOURCE, LADDER, segment=4, fragmented=True)
    assert command.count("-i") == 1
    graph = option(command, "-filter_complex")
    assert graph.startswith("[0:v:0]split=2[s0][s1];[s0]scale=-2:240")
    assert "[s1]scale=-2:480" in graph


def test_sound_is_made_once_beside_fragments_and_with_every_transport_stream() -> None:
    """And not at all where there is none."""
    heard = replace(SOURCE, sound=True)
    for source, fragmented, times in ((SOURCE, True, 0), (heard, True, 1), (heard, False, 2)):
        command = encode("file:/a", source, LADDER, segment=4, fragmented=fragmented)
        assert command.count("-c:a") == times
    command = encode("file:/a", heard, LADDER, segment=4, fragmented=True)
    assert command[-1] == "sound/pieces/index.m3u8"


def test_the_source_is_read_from_ffprobe() -> None:
    """Lines, seconds if known, and whether it has sound."""
    told = {"streams": [VIDEO, {"codec_type": "audio"}], "format": {"duration": "6.5"}}
    assert read_source("a", json.dumps(told).encode()) == Source(240, 6.5, sound=True)
    told = {"streams": [VIDEO], "format": {}}
    assert read_source("a", json.dumps(told).encode()) == Source(240, None, sound=False)


def test_an_input_without_pictures_is_refused() -> None:
    """The error names the file."""
    with pytest.raises(PackageError, match=r"^song\.mp3 has no video stream$"):
        read_source("song.mp3", json.dumps({"streams": [{"codec_type": "audio"}]}).encode())


def test_a_rung_is_read_from_ffprobe() -> None:
    """Codec strings by RFC 6381: profile, no constraints, level."""
    told = json.dumps({"streams": [{"codec_type": "audio"}, VIDEO]}).encode()
    expected = Encoded((426, 240), "avc1.64000d,mp4a.40.2", 30000 / 1001, 15360, 1014)
    assert read_encoded(told) == expected


def test_sound_alone_is_read_from_ffprobe() -> None:
    """It has no resolution and no frames."""
    told = json.dumps({"streams": [{"codec_type": "audio", "time_base": "1/44100"}]}).encode()
    assert read_encoded(told) == Encoded(None, "mp4a.40.2", None, 44100, 0)


def test_progress_is_read_line_by_line() -> None:
    """Microseconds become seconds; other lines and unknown times are passed over."""
    lines = ["frame=1", "out_time_us=1500000", "out_time_us=N/A", "out_time_us=-5", "progress=end"]
    assert list(progress(lines)) == [1.5, 0]
