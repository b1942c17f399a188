"""Fetching as a process from web seeds: our own servers, and one that is not ours."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from experiments.cli import options
from peer.web_policy import WEB_POLICIES
from tests.experiments.test_processes import Process, address, help_of, running
from wire.manifest import Manifest, default_path

NOWHERE = ("--tracker", "127.0.0.1:1")


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """A directory with one file, whose manifest is beside it."""
    directory = tmp_path / "public"
    directory.mkdir()
    path = directory / "a file.bin"
    path.write_bytes(random.Random(5).randbytes(3_000_001))
    Manifest.of_file(path).save(default_path(path))
    return directory


def fetch(public: Path, out: Path, *arguments: str) -> dict[str, object]:
    """Fetch the file; return what was told of it, its bytes having been compared."""
    manifest = str(default_path(public / "a file.bin"))
    process = Process("fetch", manifest, "--out", str(out), "--json", *NOWHERE, *arguments)
    code, told, err = process.end()
    assert code == 0, err
    assert (out / "a file.bin").read_bytes() == (public / "a file.bin").read_bytes()
    got: dict[str, object] = json.loads(told)
    return got


@pytest.mark.parametrize("path", ["/", "/a%20file.bin"])
def test_a_file_comes_from_an_edge_without_any_swarm(
    public: Path, tmp_path: Path, path: str
) -> None:
    """Neither tracker nor peers: the directory's URL, or the file's, is enough."""
    with running("origin", str(public), "--port", "0") as origin:
        behind = f"http://{address(origin.said('origin at'))}/"
        with running("edge", "--origin", behind, "--port", "0") as edge:
            url = f"http://{address(edge.said('edge at'))}{path}"
            got = fetch(public, tmp_path / "out", "--web-seed", url)
            assert got["received_bytes"] == 3_000_001


def test_a_dead_web_seed_is_passed_over(public: Path, tmp_path: Path) -> None:
    """The next one named is asked."""
    with running("origin", str(public), "--port", "0") as origin:
        url = f"http://{address(origin.said('origin at'))}/"
        seeds = ("--web-seed", "http://127.0.0.1:1/", "--web-seed", url)
        fetch(public, tmp_path / "out", *seeds, "--web-policy", "always")


@pytest.mark.judge("nginx")
@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_nginx_is_a_web_seed(public: Path, tmp_path: Path) -> None:
    """A plain web server that knows nothing of swarms."""
    with running("tracker", "--port", "0") as tracker:
        free = address(tracker.said("tracker at"))
    as_us = "user root;" if os.geteuid() == 0 else ""  # else its workers may not read our files
    (tmp_path / "nginx.conf").write_text(
        f"{as_us} daemon off; pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}}\n"
        f"http {{ access_log off; server {{ listen {free}; root {public}; }} }}\n"
    )
    nginx = subprocess.Popen(
        ["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
        stderr=subprocess.DEVNULL,
    )
    try:
        fetch(public, tmp_path / "out", "--web-seed", f"http://{free}/")
    finally:
        nginx.terminate()
        nginx.wait(10)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--web-seed", "https://x/"), "--web-seed: not an http:// URL: 'https://x/"),
        (
            ("--web-seed", "http://x/", "--web-policy", "alway"),
            "--web-policy: no web seed policy 'alway'; did you mean 'always'?",
        ),
    ],
)
def test_wrong_web_seeds_are_refused_at_once(
    public: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    """Exit code 2, the flag that was meant, and no file begun."""
    manifest = str(default_path(public / "a file.bin"))
    out = tmp_path / "out"
    code, _, err = Process("fetch", manifest, "--out", str(out), *arguments).end()
    assert code == 2
    assert says in err
    assert not out.exists()


def test_help_names_every_policy() -> None:
    """The list in the help is that of the registry."""
    text = " ".join(help_of(options.WebPolicy))
    assert all(name in text for name in WEB_POLICIES)
