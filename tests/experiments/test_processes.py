"""Every role as a process of its own, on real sockets, with real files."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import pytest

from experiments.cli import options
from peer.strategy import CHOKERS, PICKERS

COMMAND = [sys.executable, "-c", "from experiments.cli import main; raise SystemExit(main())"]
SIZE = 48 * 2**20
CHUNKS = SIZE // 65536


class Process:
    """A command of ours that runs beside the test; its lines are read as they come."""

    def __init__(self, *arguments: str) -> None:
        self.popen = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def said(self, text: str) -> str:
        """Return the first line on stderr that holds `text`."""
        assert self.popen.stderr is not None
        for line in self.popen.stderr:
            if text in line:
                return line
        raise AssertionError(f"ended without saying {text!r}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.popen.send_signal(number)
        return self.end()[0]

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; return the exit code and what was said."""
        out, err = self.popen.communicate(timeout=90)
        return self.popen.returncode, out, err


@contextmanager
def running(*arguments: str) -> Iterator[Process]:
    """Run a command for as long as the block lasts."""
    process = Process(*arguments)
    try:
        yield process
    finally:
        if process.popen.poll() is None:
            process.popen.kill()
        process.popen.communicate()


def address(line: str) -> str:
    """Return the HOST:PORT at the end of what a server said."""
    return line.split(" at ")[1].split(maxsplit=1)[0].removeprefix("http://").rstrip("/")


@pytest.fixture
def big_file(tmp_path: Path) -> Path:
    """A file of 48 MiB that no chunk of which repeats."""
    path = tmp_path / "big.bin"
    path.write_bytes(random.Random(7).randbytes(SIZE))
    return path


def sha256(path: Path) -> str:
    """Return the file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_a_swarm_of_processes_shares_a_file_and_survives_a_kill(
    tmp_path: Path, big_file: Path
) -> None:
    """Tracker, seed and three fetchers; one is killed half-way and fetches only what it lacks."""
    wanted = sha256(big_file)
    with running("tracker", "--port", "0") as tracker:
        at = ("--tracker", address(tracker.said("tracker at")))
        with running("seed", str(big_file), *at) as seed:
            seed.said("seeding")
            fetch = ("fetch", f"{big_file}.manifest", *at, "--json", "--out")

            with running(*fetch, str(tmp_path / "c"), "--verbose") as doomed:
                for _ in range(CHUNKS // 4):  # the pipe holds it back: it cannot run far ahead
                    doomed.said('"chunk_received"')
                doomed.popen.kill()
            assert not (tmp_path / "c" / "big.bin").exists()

            fetchers = [Process(*fetch, str(tmp_path / name)) for name in "abc"]
            told = []
            for fetcher in fetchers:
                code, out, err = fetcher.end()
                assert code == 0, err
                told.append(json.loads(out))
            assert seed.stop() == 0
        assert tracker.stop() == 0

    assert [each["sha256"] for each in told] == [wanted] * 3
    assert [sha256(tmp_path / name / "big.bin") for name in "abc"] == [wanted] * 3
    assert [each["resumed_chunks"] for each in told[:2]] == [0, 0]
    resumed = told[2]["resumed_chunks"]
    assert CHUNKS // 4 <= resumed < CHUNKS
    assert told[2]["received_bytes"] == SIZE - 65536 * resumed


def test_a_swarm_with_strategies_of_its_own_and_a_tracker_that_is_gone(
    tmp_path: Path, big_file: Path
) -> None:
    """The second tracker is asked when the first is dead; names and a file choose strategies."""
    (tmp_path / "mine.py").write_text(
        "class Mine:\n"
        "    def choose(self, view):\n"
        "        return view.interested[: view.slots]\n"
        "class First:\n"
        "    def pick(self, candidates, chunks, rng):\n"
        "        return (candidates & -candidates).bit_length() - 1\n"
    )
    with running("tracker", "--port", "0") as first, running("tracker", "--port", "0") as second:
        dead = address(first.said("tracker at"))
        at = ("--tracker", dead, "--tracker", address(second.said("tracker at")))
        first.stop()
        with running("seed", str(big_file), *at, "--choker", "seed-linear") as seed:
            seed.said("seeding")
            fetch = ("fetch", f"{big_file}.manifest", *at, "--out")
            mine = (f"{tmp_path / 'mine.py'}:First", f"{tmp_path / 'mine.py'}:Mine")
            fetchers = [
                Process(*fetch, str(tmp_path / "a"), "--picker", mine[0], "--choker", mine[1]),
                Process(*fetch, str(tmp_path / "b"), "--picker", "random", "--choker", "BitTyrant"),
            ]
            for fetcher in fetchers:
                code, out, err = fetcher.end()
                assert code == 0, err
                assert out.split()[0] == sha256(big_file)


def test_a_strategy_that_fails_ends_the_fetch_with_a_sentence(
    tmp_path: Path, big_file: Path
) -> None:
    """Which class of which file, and what it did; what was fetched is kept."""
    (tmp_path / "bad.py").write_text(
        "class Bad:\n    def pick(self, candidates, chunks, rng):\n        return -1\n"
    )
    with running("tracker", "--port", "0") as tracker:
        at = ("--tracker", address(tracker.said("tracker at")))
        with running("seed", str(big_file), *at) as seed:
            seed.said("seeding")
            bad = ("--picker", f"{tmp_path / 'bad.py'}:Bad", "--out", str(tmp_path / "a"))
            code, _, err = Process("fetch", f"{big_file}.manifest", *at, *bad).end()
    assert code == 1
    assert "bad.py:Bad picked -1" in err
    assert "Traceback" not in err
    assert (tmp_path / "a" / "big.bin.part").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--tracker", "7000"), "--tracker: '7000' is not HOST:PORT"),
        (("--tracker", "a:1", "--tracker", "b:0"), "--tracker: 'b:0' is not HOST:PORT"),
        (("--picker", "rarest"), "--picker: no picker 'rarest'; did you mean 'rarest-first'?"),
        (("--choker", "absent.py:Mine"), "--choker: there is no file 'absent.py'"),
    ],
)
def test_wrong_trackers_and_strategies_are_refused_at_once(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    """Exit code 2, and the flag that was meant."""
    code, _, err = Process("fetch", str(tmp_path / "x.manifest"), *arguments).end()
    assert code == 2
    assert says in err


def test_help_names_every_strategy() -> None:
    """The lists in the help are those of the registry."""
    helps = [" ".join(help_of(kind)) for kind in (options.Picker, options.Choker)]
    assert all(name in helps[0] for name in PICKERS)
    assert all(name in helps[1] for name in CHOKERS)


def help_of(kind: object) -> list[str]:
    """Return the help texts of an option's type."""
    return [str(each.help) for each in get_args(kind)[1:]]


def test_ctrl_c_ends_a_server_with_130() -> None:
    """No traceback, and the code that says interrupted."""
    with running("tracker", "--port", "0") as tracker:
        tracker.said("tracker at")
        tracker.popen.send_signal(signal.SIGINT)
        code, _, err = tracker.end()
        assert code == 130
        assert "Traceback" not in err


def test_a_port_in_use_is_named() -> None:
    """The second server says which address, and exits with 3."""
    with running("tracker", "--port", "0") as tracker:
        port = address(tracker.said("tracker at")).rpartition(":")[2]
        second = Process("tracker", "--port", port)
        code, _, err = second.end()
        assert code == 3
        assert port in err
        assert "Traceback" not in err


def test_origin_edge_and_get(tmp_path: Path) -> None:
    """A file travels from a directory through a cache to a client, the second time from memory."""
    public = tmp_path / "public"
    public.mkdir()
    (public / "a file.bin").write_bytes(random.Random(3).randbytes(3_000_000))
    wanted = sha256(public / "a file.bin")
    with running("origin", str(public), "--port", "0") as origin:
        behind = f"http://{address(origin.said('origin at'))}/"
        with running("edge", "--origin", behind, "--port", "0", "--verbose") as edge:
            url = f"http://{address(edge.said('edge at'))}/a%20file.bin"
            for copy in ("one", "two"):
                get = Process("get", url, "--out", str(tmp_path / copy), "--sha256", wanted)
                code, out, err = get.end()
                assert code == 0, err
                assert out.split()[0] == wanted == sha256(tmp_path / copy)
            edge.said("cache_hit")
            assert edge.stop() == 0
        assert origin.stop() == 0


def test_get_says_why_it_failed(tmp_path: Path) -> None:
    """Not found is exit 1 and a sentence."""
    with running("origin", str(tmp_path), "--port", "0") as origin:
        url = f"http://{address(origin.said('origin at'))}/absent"
        code, out, err = Process("get", url, "--out", str(tmp_path / "x")).end()
        assert code == 1
        assert out == ""
        assert "404" in err
        assert "Traceback" not in err


@pytest.mark.judge("curl")
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_sees_status_headers_and_bytes(tmp_path: Path) -> None:
    """A stranger's client gets 200, 206, 304 and 404 from origin and edge processes."""
    (tmp_path / "x.bin").write_bytes(bytes(range(256)) * 40)

    def curl(*arguments: str) -> bytes:
        return subprocess.run(
            ["curl", "-sS", *arguments], capture_output=True, check=True, timeout=30
        ).stdout

    with running("origin", str(tmp_path), "--port", "0") as origin:
        behind = f"http://{address(origin.said('origin at'))}/"
        with running("edge", "--origin", behind, "--port", "0") as edge:
            before = f"http://{address(edge.said('edge at'))}/"
            for base in (behind, before):
                assert curl(f"{base}x.bin") == bytes(range(256)) * 40
                assert curl("--range", "10-19", f"{base}x.bin") == bytes(range(10, 20))
                status = ("-o", "/dev/null", "-w", "%{http_code} %header{etag}")
                code, tag = curl(*status, f"{base}x.bin").decode().split(" ")
                assert code == "200"
                match = ("-H", f"If-None-Match: {tag}")
                assert curl(*status, *match, f"{base}x.bin").startswith(b"304")
                assert curl(*status, f"{base}absent").startswith(b"404")
