"""How fast real TCP carries chunks from one seed to one leecher, on loopback, unshaped.

Run: python -m bench.transfer [--size 256] [--json]

Tracker and seed are one process, the leecher another; both keep the file on disk (in shared
memory where the system has it). The yardstick is a bare copy of the same bytes between two trio
sockets in two processes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import trio

from bench import machine
from net.seam import Address
from net.sockets import SocketNetwork
from peer.node import Peer
from peer.store import FileStore
from tracker.node import Tracker
from wire.manifest import Manifest, default_path

_MEMORY = Path("/dev/shm")
_PIECE = 64 * 1024
_NAME = "file.bin"


@dataclass(frozen=True)
class Figure:
    """What one receiver took: bytes, wall and CPU seconds."""

    size: int
    wall: float
    cpu: float

    @property
    def rate(self) -> float:
        """MiB per second of wall time."""
        return self.size / self.wall / 2**20


async def serve_seed(directory: Path) -> None:
    """Track and seed until killed; the tracker's port is the first line of output."""
    network = SocketNetwork()
    manifest = Manifest.load(default_path(directory / _NAME))
    async with trio.open_nursery() as nursery:
        listener = await network.listen()
        tracker = Tracker(rng=random.Random(), wall=time.time)
        place = await nursery.start(tracker.serve, listener)
        with FileStore(manifest, directory / _NAME) as store:
            peer = Peer(network, store, place, rng=random.Random())
            await nursery.start(peer.run)
            await trio.sleep(0.2)  # the seed's first announce
            print(place.port, flush=True)
            await trio.sleep_forever()


async def leech(directory: Path, port: int) -> None:
    """Fetch the file from the swarm and print how long it took."""
    manifest = Manifest.load(default_path(directory / _NAME))
    with FileStore(manifest, directory / "copy" / _NAME) as store:
        place = Address("127.0.0.1", port)
        peer = Peer(SocketNetwork(), store, place, rng=random.Random())
        wall, cpu = time.perf_counter(), time.process_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.run)
            await peer.completed.wait()
            tell(manifest.size, wall, cpu)
            nursery.cancel_scope.cancel()


async def serve_bare(directory: Path) -> None:
    """Send the file to whoever connects, until killed."""
    data = memoryview((directory / _NAME).read_bytes())
    listener = await SocketNetwork().listen()
    print(listener.address.port, flush=True)
    async with await listener.accept() as connection:
        for at in range(0, len(data), _PIECE):
            await connection.send_all(data[at : at + _PIECE])


async def copy_bare(directory: Path, port: int) -> None:
    """Receive the file, keep nothing of it, and print how long that took."""
    wall, cpu, size = time.perf_counter(), time.process_time(), 0
    async with await SocketNetwork().dial(Address("127.0.0.1", port)) as connection:
        while data := await connection.receive_some():
            size += len(data)
    assert size == (directory / _NAME).stat().st_size
    tell(size, wall, cpu)


def tell(size: int, wall: float, cpu: float) -> None:
    """Print a figure, given when it began."""
    figure = Figure(size, time.perf_counter() - wall, time.process_time() - cpu)
    print(json.dumps(asdict(figure)), flush=True)


SERVERS = {"bare": serve_bare, "swarm": serve_seed}
RECEIVERS = {"bare": copy_bare, "swarm": leech}


def measure(way: str, directory: Path) -> Figure:
    """Return what a receiver measures, which runs in a process of its own, as its server does."""
    with running("--serve", way, str(directory)) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        with running("--receive", way, str(directory), port) as receiver:
            assert receiver.stdout is not None
            return Figure(**json.loads(receiver.stdout.readline()))


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run this module in a process of its own."""
    command = [sys.executable, "-m", "bench.transfer", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=256, help="size in MiB (default 256)")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--receive", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        way, directory = options.serve
        trio.run(SERVERS[way], Path(directory))
    elif options.receive:
        way, directory, port = options.receive
        trio.run(RECEIVERS[way], Path(directory), int(port))
    else:
        report(options.size * 2**20, as_json=options.json)


def report(size: int, *, as_json: bool) -> None:
    """Print what both ways reach with a file of `size` bytes."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as place:
        directory = Path(place)
        (directory / "copy").mkdir()
        (directory / _NAME).write_bytes(os.urandom(size))
        manifest = Manifest.of_file(directory / _NAME)
        manifest.save(default_path(directory / _NAME))
        bare, swarm = (measure(way, directory) for way in SERVERS)
    if as_json:
        print(json.dumps({"bare": asdict(bare), "swarm": asdict(swarm)}))
        return
    print(machine.describe())
    for name, figure in (("bare socket copy", bare), ("seed to leecher", swarm)):
        print(
            f"{name:18} {figure.rate:7.0f} MiB/s  {figure.rate / bare.rate:6.1%} of bare"
            f"  receiver's CPU {figure.cpu / figure.wall:4.0%}"
        )


if __name__ == "__main__":
    main()
