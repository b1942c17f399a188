"""The director as a process, with curl behind it and edges that die."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from experiments import cli
from experiments.cli.errors import CommandError
from tests.experiments.test_processes import Process, address, running

CONTENT = bytes(range(256)) * 4000


def curl(*arguments: str) -> bytes:
    """Return what curl prints."""
    command = ["curl", "--silent", "--show-error", "--max-time", "20", *arguments]
    return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout


def until(process: Process, event: str) -> None:
    """Wait until a verbose process has said that `event` happened."""
    while json.loads(process.said('"event"')).get("event") != event:
        pass


@pytest.mark.judge("curl")
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_is_led_to_an_edge_that_is_up(tmp_path: Path) -> None:
    """A redirect is followed to the right bytes; when that edge is killed, to another's."""
    site, pages = tmp_path / "site", tmp_path / "pages"
    site.mkdir()
    pages.mkdir()
    (site / "a.bin").write_bytes(CONTENT)
    (pages / "index.html").write_text('<a href="/a.bin">here</a>')
    with running("origin", str(site), "--port", "0") as origin:
        upstream = f"http://{address(origin.said('origin at'))}"
        with (
            running("edge", "--origin", upstream, "--port", "0") as one,
            running("edge", "--origin", upstream, "--port", "0") as two,
        ):
            edges = {f"http://{address(each.said('edge at'))}": each for each in (one, two)}
            named = [part for url in edges for part in ("--edge", url)]
            with running(
                "director", "--origin", upstream, *named, "--port", "0", "--verbose",
                "--pages", str(pages),
            ) as director:  # fmt: skip
                base = f"http://{address(director.said('director at'))}"
                assert curl("--location", f"{base}/a.bin") == CONTENT
                first = curl("--write-out", "%{redirect_url}", "-o", "/dev/null", f"{base}/a.bin")
                chosen = first.decode().removesuffix("/a.bin")
                page = curl(f"{base}/index.html").decode()
                assert page == f'<a href="{chosen}/a.bin">here</a>'
                edges[chosen].stop()
                until(director, "edge_went_down")
                assert curl("--location", f"{base}/a.bin") == CONTENT
                other = curl("--write-out", "%{redirect_url}", "-o", "/dev/null", f"{base}/a.bin")
                assert other.decode().removesuffix("/a.bin") in set(edges) - {chosen}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--routing", "hash-rnig"], "--routing: no router 'hash-rnig'; did you mean 'hash-ring'"),
        (["--edge", "ftp://x"], "--edge: not an http:// URL"),
        (["--probe", "a"], "--probe: 'a' is no path"),
        (["--pages", "/absent"], "--pages: /absent is not a directory"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], says: str) -> None:
    """The error names the flag and the fix."""
    with pytest.raises(CommandError, match=says):
        cli.app(
            ["director", "--origin", "http://127.0.0.1:1", "--edge", "http://127.0.0.1:2",
             *arguments],
            exit_on_error=False,
        )  # fmt: skip
