"""How fast a seed and eight leechers share a file on loopback, beside libtorrent doing the same.

Run: python -m bench.leechers [--leechers 8] [--size 64] [--rounds 1] [--json]

Real TCP, unshaped, one process each, files in shared memory where the system has it. Ours are the
commands `swarmbed tracker`, `fetch` and `seed`. All leechers are up and know each other before the
seed comes; the time is from then until the last leecher has the file. The figures are what all
leechers received in that time, and the CPU time that it took all peers: a busy machine changes the
former much, the latter little. libtorrent runs with its default settings, but for TCP only and
many peers on one address, and with torrents of the same pieces and hash (v2).

Needs libtorrent (pip install 'swarmbed[bench]'); exits with 3 where it is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import machine
from wire.manifest import Manifest, default_path

_MEMORY = Path("/dev/shm")
_CHUNK = 64 * 1024
_NAME = "file.bin"
_HOST = "127.0.0.1"
_SETTLE = 3.0  # seconds for the leechers to find each other
_PATIENCE = 300.0  # seconds until a run is given up
SWARMBED = "from experiments.cli import main; raise SystemExit(main())"


@dataclass(frozen=True)
class Figure:
    """One swarm: seconds until the last leecher had the file, and CPU seconds of all peers.

    The CPU seconds are None where the system does not tell (it has no /proc).
    """

    system: str
    leechers: int
    size: int
    wall: float
    cpu: float | None

    @property
    def rate(self) -> float:
        """MiB per second that all leechers received together."""
        return self.leechers * self.size / self.wall / 2**20


@contextmanager
def running(*command: str, told_on: str = "stdout") -> Iterator[subprocess.Popen[str]]:
    """Run Python with these arguments beside us; what it tells can be read from one stream."""
    stdout, stderr = subprocess.PIPE, subprocess.DEVNULL
    if told_on == "stderr":
        stdout, stderr = stderr, stdout
    with subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def swarmbed(file: Path, copies: Sequence[Path]) -> tuple[float, float | None]:
    """Share `file` with our own commands; return wall and CPU seconds until all had it."""
    manifest = Manifest.of_file(file, _CHUNK)
    manifest.save(default_path(file))
    with ExitStack() as stack:

        def start(*arguments: str) -> subprocess.Popen[str]:
            return stack.enter_context(running("-c", SWARMBED, *arguments, told_on="stderr"))

        at = said(start("tracker", "--port", "0"), "tracker at").split()[-1]
        fetch = ("fetch", str(default_path(file)), "--tracker", at, "--stay", "--out")
        peers = [start(*fetch, str(copy)) for copy in copies]
        for copy in copies:
            until((copy / f"{_NAME}.part").exists)
        time.sleep(_SETTLE)
        seed = start("seed", str(file), "--tracker", at)
        said(seed, "seeding")
        begun, spent = time.time(), cpu_of([*peers, seed])
        ends = [finished(copy / _NAME) for copy in copies]
        return max(ends) - begun, since(spent, [*peers, seed])


def finished(path: Path) -> float:
    """Wait until `path` has taken its name; return when it did (POSIX seconds)."""
    until(path.exists)
    return path.stat().st_ctime


def said(process: subprocess.Popen[str], text: str) -> str:
    """Return the first line of a process of ours that holds `text`."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return line.strip()
    raise SystemExit(f"swarmbed ended without saying {text!r}")


def until(holds: Callable[[], bool]) -> None:
    """Wait for something to become true.

    Raises:
        SystemExit: it has not for too long.
    """
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"not done within {_PATIENCE:g} s")
        time.sleep(0.05)


def libtorrent(file: Path, copies: Sequence[Path]) -> tuple[float, float | None]:
    """Share `file` with libtorrent; return wall and CPU seconds until all had it."""
    torrent = file.with_suffix(".torrent")
    torrent.write_bytes(described(file))
    with ExitStack() as stack:

        def start(directory: Path) -> subprocess.Popen[str]:
            return stack.enter_context(
                running("-m", "bench.leechers", "--libtorrent", str(torrent), str(directory))
            )

        leechers = [start(copy) for copy in copies]
        ports = [line_of(each) for each in leechers]
        for place, each in enumerate(leechers):
            tell(each, ports[:place])
        time.sleep(_SETTLE)
        seed = start(file.parent)
        line_of(seed)
        begun, spent = time.time(), cpu_of([*leechers, seed])
        tell(seed, ports)
        ends = [float(line_of(each)) for each in leechers]
        cpu = since(spent, [*leechers, seed])
        for each in leechers:
            tell(each, ())
            each.wait()  # it writes what it still keeps in memory
    return max(ends) - begun, cpu


def cpu_of(processes: Sequence[subprocess.Popen[str]]) -> float | None:
    """Return the CPU seconds that these processes have taken so far, None without /proc."""
    if not Path("/proc/self/stat").exists():
        return None
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # in user mode, and in the kernel
    return ticks / os.sysconf("SC_CLK_TCK")


def since(before: float | None, processes: Sequence[subprocess.Popen[str]]) -> float | None:
    """Return the CPU seconds that these processes have taken since then."""
    now = cpu_of(processes)
    return None if now is None or before is None else now - before


def line_of(process: subprocess.Popen[str]) -> str:
    """Return the next line that a process tells."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise SystemExit("libtorrent's process ended early")
    return line


def tell(process: subprocess.Popen[str], ports: Sequence[str]) -> None:
    """Tell a process whom to connect to."""
    assert process.stdin is not None
    process.stdin.write(" ".join(ports) + "\n")
    process.stdin.flush()


def described(file: Path) -> bytes:
    """Return a torrent of `file` with SHA-256 and pieces as large as our chunks."""
    import libtorrent as lt  # noqa: PLC0415 - this module must load without it

    files = [lt.create_file_entry(file.name, file.stat().st_size)]
    torrent = lt.create_torrent(files, _CHUNK, lt.create_torrent.v2_only)
    lt.set_piece_hashes(torrent, str(file.parent))
    return bytes(lt.bencode(torrent.generate()))


def be_libtorrent(torrent: Path, directory: Path) -> None:
    """Be one peer: tell the port, hear whom to connect to, tell when complete, serve on."""
    import libtorrent as lt  # noqa: PLC0415 - this module must load without it

    session = lt.session(
        {
            "listen_interfaces": f"{_HOST}:0",
            "enable_dht": False,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "enable_incoming_utp": False,
            "enable_outgoing_utp": False,
            "allow_multiple_connections_per_ip": True,
            "alert_mask": lt.alert.category_t.status_notification,
        }
    )
    handle = session.add_torrent({"ti": lt.torrent_info(str(torrent)), "save_path": str(directory)})
    wait_for(session, handle, lambda status: status.state in (
        lt.torrent_status.seeding, lt.torrent_status.downloading,
    ))  # fmt: skip
    print(session.listen_port(), flush=True)
    for port in sys.stdin.readline().split():
        handle.connect_peer((_HOST, int(port)))
    wait_for(session, handle, lambda status: status.is_seeding)
    print(time.time(), flush=True)
    sys.stdin.readline()


def wait_for(session: Any, handle: Any, holds: Callable[[Any], bool]) -> None:
    """Wait until the torrent's status is as wanted."""
    while not holds(handle.status()):
        session.wait_for_alert(20)
        session.pop_alerts()


SYSTEMS = {"swarmbed": swarmbed, "libtorrent": libtorrent}


def measure(system: str, leechers: int, size: int) -> Figure:
    """Return the figure of one swarm; every copy is compared with the file."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as place:
        file = Path(place) / "seed" / _NAME
        file.parent.mkdir()
        file.write_bytes(os.urandom(size))
        copies = [Path(place) / f"leecher-{number}" for number in range(leechers)]
        for copy in copies:
            copy.mkdir()
        wall, cpu = SYSTEMS[system](file, copies)
        if len({digest(each) for each in (file, *(copy / _NAME for copy in copies))}) != 1:
            raise SystemExit(f"{system}: a copy differs from the file")
    return Figure(system, leechers, size, wall, cpu)


def digest(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def main() -> None:
    """Measure both systems in turn and print the better round of each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--leechers", type=int, default=8, help="how many (default 8)")
    parser.add_argument("--size", type=int, default=64, help="size in MiB (default 64)")
    parser.add_argument("--rounds", type=int, default=1, help="the best of so many (default 1)")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    parser.add_argument("--libtorrent", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if importlib.util.find_spec("libtorrent") is None:
        sys.stderr.write("libtorrent is missing: pip install 'swarmbed[bench]'\n")
        raise SystemExit(3)
    if options.libtorrent:
        torrent, directory = options.libtorrent
        be_libtorrent(Path(torrent), Path(directory))
        return
    if not options.json:
        print(machine.describe())
    figures: dict[str, Figure] = {}
    for _ in range(options.rounds):
        for system in SYSTEMS:
            figure = measure(system, options.leechers, options.size * 2**20)
            figures[system] = min(figures.get(system, figure), figure, key=lambda each: each.wall)
    report(figures, as_json=options.json)


def report(figures: dict[str, Figure], *, as_json: bool) -> None:
    """Print the figures and their ratio."""
    ratio = figures["swarmbed"].rate / figures["libtorrent"].rate
    if as_json:
        told = {name: asdict(figure) | {"rate": figure.rate} for name, figure in figures.items()}
        print(json.dumps(told | {"ratio": ratio}))
        return
    for figure in figures.values():
        print(
            f"{figure.system:10}  {figure.rate:6.0f} MiB/s to {figure.leechers} leechers"
            f"  in {figure.wall:.2f} s  CPU "
            + ("-" if figure.cpu is None else f"{figure.cpu:.2f} s")
        )
    print(f"ratio       {ratio:6.2f}")


if __name__ == "__main__":
    main()
