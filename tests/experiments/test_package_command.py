"""`swarmbed package`, and `swarmbed origin` before what it makes."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import subprocess
from email.message import Message
from pathlib import Path

import pytest

from cdn.video.playlist import MasterPlaylist, MediaPlaylist, parse
from experiments.cli.errors import CommandError
from experiments.cli.package import package
from tests.experiments.test_processes import address, running

LADDER = "240p:400k,480p:1M"


@pytest.fixture
def video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A synthetic package of 20 s."""
    out = tmp_path / "video"
    package(synthetic=True, duration="20s", ladder=LADDER, out=out, quiet=True)
    assert capsys.readouterr() == (f"{out}/master.m3u8\n", "")
    return out


def get(at: str, path: str) -> tuple[Message, bytes]:
    """Return the fields and bytes of what a server has at `path`."""
    connection = http.client.HTTPConnection(at, timeout=10)
    connection.request("GET", path)
    with connection.getresponse() as response:
        assert response.status == 200
        found = response.headers, response.read()
    connection.close()
    return found


def test_a_synthetic_package_is_files(video: Path) -> None:
    """Playlists list files that exist, in every rung."""
    top = parse((video / "master.m3u8").read_text())
    assert isinstance(top, MasterPlaylist)
    assert [each.uri for each in top.variants] == ["240p/playlist.m3u8", "480p/playlist.m3u8"]
    for variant in top.variants:
        read = parse((video / variant.uri).read_text())
        assert isinstance(read, MediaPlaylist)
        assert read.duration == 20
        assert all(
            (video / variant.uri).parent.joinpath(each.uri).exists() for each in read.segments
        )
    assert (video / "manifest.mpd").exists()


def test_what_was_made_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line per rung on stderr, or all of it as JSON on stdout."""
    package(synthetic=True, ladder=LADDER, out=tmp_path / "a")
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in told] == ["240p", "480p"]
    assert "15 segments in 60 s" in told[0]
    package(synthetic=True, ladder=LADDER, out=tmp_path / "b", json=True)
    out, talk = capsys.readouterr()
    read = json.loads(out)
    assert (read["master"], talk) == (str(tmp_path / "b" / "master.m3u8"), "")
    assert [(each["name"], each["segments"]) for each in read["renditions"]] == [
        ("240p", 15), ("480p", 15),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "error"),
    [
        ({}, "name a video, or ask for --synthetic"),
        ({"ladder": "240"}, "--ladder: '240' is no rung"),
        ({"segment": "4"}, "--segment: '4' is not a duration"),
        ({"segment": "100ms"}, "--segment: 100ms is not from 0.5s to 60s"),
        ({"synthetic": True, "duration": "0s"}, "--duration: 0 s in segments of 4 s"),
        ({"synthetic": True, "ts": True}, "--synthetic takes neither a video nor --ts"),
        ({"video": Path("nowhere.mp4")}, "nowhere.mp4 is not a file"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, flags: dict[str, object], error: str) -> None:
    """With the flag and the fix; nothing is made."""
    video = flags.pop("video", None)
    with pytest.raises(CommandError) as caught:
        package(video, out=tmp_path / "out", **flags)  # type: ignore[arg-type]  # a table of flags
    assert (caught.value.code, str(caught.value).startswith(error)) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_package_is_not_written_over(video: Path) -> None:
    """The error says what to do."""
    with pytest.raises(CommandError, match="is there already: name another --out"):
        package(synthetic=True, out=video)


def test_without_ffmpeg_the_exit_code_is_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the message says what to install, and what does without."""
    (tmp_path / "clip.mp4").write_bytes(b"x")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="apt install ffmpeg; --synthetic does") as caught:
        package(tmp_path / "clip.mp4", out=tmp_path / "out")
    assert caught.value.code == 3


@pytest.mark.judge("ffmpeg")
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_an_unreadable_input_is_named(tmp_path: Path) -> None:
    """The experiment failed: exit code 1."""
    bad = tmp_path / "clip.mp4"
    bad.write_bytes(b"x")
    with pytest.raises(CommandError, match=f"^{bad}: ffmpeg cannot read it") as caught:
        package(bad, out=tmp_path / "out")
    assert caught.value.code == 1


@pytest.mark.judge("ffmpeg")
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a long video: exit code 130 and an empty directory."""
    clip = tmp_path / "clip.mkv"
    picture = "color=size=128x72:rate=5:duration=900"
    command = ["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", picture]
    subprocess.run([*command, "-preset", "ultrafast", str(clip)], check=True, timeout=60)
    out = tmp_path / "made"
    out.mkdir()
    with running("package", str(clip), "--out", str(out / "video")) as process:
        while not any(out.rglob("*.m4s*")):
            assert process.popen.poll() is None
        assert process.stop(signal.SIGINT) == 130
    assert list(out.iterdir()) == []


def test_an_origin_tells_caches_how_long(video: Path) -> None:
    """A packaged directory needs no flags; a flag holds for every file."""
    segment = next(video.glob("240p/*/00000.m4s")).relative_to(video)
    with running("origin", str(video), "--port", "0") as process:
        at = address(process.said("origin at"))
        assert get(at, "/master.m3u8")[0]["cache-control"] == "max-age=60"
        fields, content = get(at, f"/{segment}")
        assert fields["cache-control"] == "max-age=31536000, immutable"
        assert fields["content-type"] == "video/iso.segment"
        assert content == (video / segment).read_bytes()
    with running("origin", str(video), "--port", "0", "--cache-control", "no-cache") as process:
        at = address(process.said("origin at"))
        for path in ("master.m3u8", segment):
            assert get(at, f"/{path}")[0]["cache-control"] == "no-cache"


def test_an_origin_can_show_it_live(video: Path) -> None:
    """The playlist begins with one segment, and says so for half a target duration."""
    with running("origin", str(video), "--port", "0", "--live") as process:
        fields, text = get(address(process.said("origin at")), "/240p/playlist.m3u8")
        read = parse(text.decode())
        assert isinstance(read, MediaPlaylist)
        assert (len(read.segments), read.ended, fields["cache-control"]) == (1, False, "max-age=2")


def test_only_a_package_can_be_shown_live(tmp_path: Path) -> None:
    """The error names the playlist that is not there."""
    with running("origin", str(tmp_path), "--port", "0", "--live") as process:
        code, _, told = process.end()
    assert (code, "--live: there is no master.m3u8" in told) == (2, True)
