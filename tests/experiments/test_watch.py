"""Watching on real sockets: an origin, an edge and a player, each a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cdn.video.ladder import parse_ladder
from cdn.video.package import save
from cdn.video.synthetic import synthesize
from experiments import cli
from experiments.cli.errors import CommandError
from tests.experiments.test_processes import Process, address, running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A packaged video of three seconds."""
    video = synthesize(parse_ladder("240p:400k,480p:1M"), duration=3.0, segment=1.0)
    save(video.site(), tmp_path / "vid")
    return tmp_path / "vid"


def test_the_second_viewer_finds_everything_in_the_cache(folder: Path, tmp_path: Path) -> None:
    """Both play three seconds by the clock; the edge has fetched each segment once."""
    figure = tmp_path / "session.svg"
    with running("origin", str(folder), "--port", "0") as origin:
        upstream = f"http://{address(origin.said('origin at'))}"
        with running("edge", "--origin", upstream, "--listen", "127.0.0.1:0") as edge:
            url = f"http://{address(edge.said('edge at'))}/master.m3u8"
            sessions = []
            for more in ((), ("--figure", str(figure))):
                viewer = Process("watch", url, "--abr", "fixed:0", "--json", *more)
                code, out, err = viewer.end()
                assert code == 0, err
                sessions.append(json.loads(out))
            code, _, err = Process("watch", f"{url}x", "--quiet").end()
            assert (code, "nothing was played" in err) == (1, True)
    assert [each["hits"] for each in sessions] == [0, 1]
    assert all(each["segments"] == 3 and each["ended"] == "ended" for each in sessions)
    assert all(2.9 < each["played_s"] < 4 for each in sessions)
    assert b"<svg" in figure.read_bytes()[:500]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["http://127.0.0.1:9/m.m3u8", "--abr", "bolla"], "--abr: no ABR rule 'bolla'"),
        (["ftp://x/m.m3u8"], "not an http"),
        (["http://127.0.0.1:9/m.m3u8", "--ahead", "1s"], "what is kept ahead"),
        (["http://127.0.0.1:9/m.m3u8", "--figure", "x.gif"], "neither .png nor .svg"),
    ],
)
def test_what_cannot_be_watched_is_said(arguments: list[str], words: str) -> None:
    """The error names the flag or the URL."""
    with pytest.raises(CommandError) as caught:
        cli.app(["watch", *arguments])
    assert words in str(caught.value)
    assert caught.value.code == 2
