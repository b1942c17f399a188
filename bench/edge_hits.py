"""Measure how fast one edge process answers hits, with wrk, over real sockets.

Run: python -m bench.edge_hits [--seconds 5] [--connections 16] [--json]

Prints requests/s and MB/s (10^6 bytes) for objects of 1 KiB and 1 MiB, and the ratio to a bare
trio loop that sends the same bytes without reading HTTP: what the machine could do at best.
Exits with 3 where wrk is missing.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import trio

from bench import machine
from cdn.client import download
from cdn.edge import Edge
from cdn.origin import Origin
from cdn.sink import HashSink
from cdn.site import MemoryResource, MemorySite
from net.seam import Connection
from net.sockets import SocketNetwork

OBJECTS = {"/1KiB.bin": 1024, "/1MiB.bin": 1024 * 1024}
_HOST = "127.0.0.1"
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_ERRORS = re.compile(r"Socket errors: .*|Non-2xx.*")


@dataclass(frozen=True)
class Figure:
    """One measurement of one server with one object."""

    server: str
    path: str
    requests_per_second: float
    megabytes_per_second: float
    errors: str


async def serve_edge() -> None:
    """Serve an edge with warm objects until killed; its port is the first line of output."""
    network = SocketNetwork(_HOST)
    content = {path: MemoryResource.of(path, bytes(size)) for path, size in OBJECTS.items()}
    origin = Origin(MemorySite(content), wall=time.time)
    async with trio.open_nursery() as nursery:
        upstream = await nursery.start(origin.serve, await network.listen())
        edge = Edge(network, upstream, capacity=64 * 1024 * 1024, wall=time.time)
        address = await nursery.start(edge.serve, await network.listen())
        for path in OBJECTS:
            await download(network, f"http://{address}{path}", sink=HashSink())
        print(address.port, flush=True)


async def serve_bare() -> None:
    """Send fixed bytes for each request head, unread, until killed."""
    listener = await SocketNetwork(_HOST).listen()
    answers = {
        path.encode(): b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (size, bytes(size))
        for path, size in OBJECTS.items()
    }

    async def answer(stream: Connection) -> None:
        async with stream:
            try:
                while head := await stream.receive_some(65536):
                    await stream.send_all(answers[bytes(head).split(b" ", 2)[1]])
            except trio.BrokenResourceError:
                return

    print(listener.address.port, flush=True)
    await trio.serve_listeners(answer, [listener])


SERVERS = {"bare trio loop": serve_bare, "edge": serve_edge}


@contextmanager
def running(server: str) -> Iterator[int]:
    """Run `server` in a process of its own; yields its port."""
    command = [sys.executable, "-m", "bench.edge_hits", "--serve", server]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def measure(server: str, port: int, path: str, seconds: int, connections: int) -> Figure:
    """Return what wrk measures."""
    url = f"http://{_HOST}:{port}{path}"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", url]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate = _RATE.search(out)
    if rate is None:
        raise SystemExit(f"wrk printed no rate:\n{out}")
    requests = float(rate[1])
    errors = _ERRORS.search(out)
    return Figure(
        server, path, requests, requests * OBJECTS[path] / 1e6, errors[0] if errors else ""
    )


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", choices=list(SERVERS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        trio.run(SERVERS[options.serve])
    if shutil.which("wrk") is None:
        print("edge_hits: wrk is not installed (Debian package wrk)", file=sys.stderr)
        return 3
    figures = []
    for server in SERVERS:
        with running(server) as port:
            figures += [
                measure(server, port, path, options.seconds, options.connections)
                for path in OBJECTS
            ]
    if options.json:
        print(json.dumps([vars(figure) for figure in figures]))
    else:
        print(machine.describe())
        report(figures)
    return 0


def report(figures: list[Figure]) -> None:
    """Print one line per figure."""
    best = {figure.path: figure.requests_per_second for figure in figures[: len(OBJECTS)]}
    for figure in figures:
        share = figure.requests_per_second / best[figure.path]
        print(
            f"{figure.server:15} {figure.path:10} {figure.requests_per_second:9.0f} req/s"
            f" {figure.megabytes_per_second:8.1f} MB/s  {share:5.2f} of bare  {figure.errors}"
        )


if __name__ == "__main__":
    sys.exit(main())
