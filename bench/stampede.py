"""Measure a cold stampede: many clients ask an edge at once for what only a slow origin has.

Run: python -m bench.stampede [--clients 50] [--size 200000] [--delay 0.5] [--rounds 3] [--json]

Origin, edge and clients are three processes on this machine. Prints how often the origin was
asked and how long the slowest client waited for its last byte: the best round counts, for a busy
machine only adds. The bytes are compared.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import trio

from bench import machine
from cdn.edge import Edge
from net.seam import Address, Connection
from net.sockets import SocketNetwork
from wire.http.client import HttpConnection
from wire.http.headers import Headers
from wire.http.message import Request, Response
from wire.http.server import serve_connection

FETCHES, SLOWEST = 1, 0.60
_HOST = "127.0.0.1"
_COUNT = "/count"


@dataclass(frozen=True)
class Stampede:
    """What came of one: seconds are until the last byte."""

    fetches: int
    fastest: float
    slowest: float
    wrong: int


def content(path: str, size: int) -> bytes:
    """Return the object at `path`."""
    return (path.encode() * (size // len(path) + 1))[:size]


async def serve_origin(size: int, delay: float) -> None:
    """Answer everything after `delay` seconds, and tell under /count how often."""
    asked = 0

    async def answer(request: Request) -> Response:
        nonlocal asked
        if request.target.path == _COUNT:
            return Response(200, Headers({"cache-control": "no-store"}), str(asked).encode())
        asked += 1
        await trio.sleep(delay)
        fields = Headers({"cache-control": "max-age=60", "etag": '"1"'})
        return Response(200, fields, content(request.target.path, size))

    async def serve(stream: Connection) -> None:
        await serve_connection(stream, answer, wall=time.time, on_error=print)

    listener = await SocketNetwork(_HOST).listen()
    print(listener.address.port, flush=True)
    await trio.serve_listeners(serve, [listener])


async def serve_edge(origin: int) -> None:
    """Serve a cold edge."""
    network = SocketNetwork(_HOST)
    listener = await network.listen()
    print(listener.address.port, flush=True)
    edge = Edge(network, Address(_HOST, origin), capacity=64 * 2**20, wall=time.time)
    await edge.serve(listener)


@contextmanager
def serving(role: str, *arguments: str) -> Iterator[int]:
    """Run a server of ours in a process of its own; yields its port."""
    command = [sys.executable, "-m", "bench.stampede", "--serve", role, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


async def get(port: int, path: str) -> bytes:
    """Return the body found under `path`."""
    stream = await SocketNetwork(_HOST).dial(Address(_HOST, port))
    async with HttpConnection(stream, _HOST).request("GET", path) as response:
        return await response.read(2**30)


async def stampede(origin: int, edge: int, path: str, clients: int, size: int) -> Stampede:
    """Let `clients` ask for `path` at once."""
    seconds: list[float] = []
    wrong = 0

    async def ask() -> None:
        nonlocal wrong
        started = trio.current_time()
        wrong += await get(edge, path) != content(path, size)
        seconds.append(trio.current_time() - started)

    before = int(await get(origin, _COUNT))
    async with trio.open_nursery() as nursery:
        for _ in range(clients):
            nursery.start_soon(ask)
    fetches = int(await get(origin, _COUNT)) - before
    return Stampede(fetches, min(seconds), max(seconds), wrong)


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--size", type=int, default=200_000)
    parser.add_argument("--delay", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", choices=["origin", "edge"], help=argparse.SUPPRESS)
    parser.add_argument("--origin", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve == "origin":
        trio.run(serve_origin, options.size, options.delay)
    if options.serve == "edge":
        trio.run(serve_edge, options.origin)
    rounds = run(options)
    report(rounds, options)
    return 0 if all(one.wrong == 0 for one in rounds) else 1


def run(options: argparse.Namespace) -> list[Stampede]:
    """Return what each round gave; every round asks for another object."""
    settings = ("--size", str(options.size), "--delay", str(options.delay))
    with (
        serving("origin", *settings) as origin,
        serving("edge", "--origin", str(origin)) as edge,
    ):
        return [
            trio.run(stampede, origin, edge, f"/{number}", options.clients, options.size)
            for number in range(options.rounds)
        ]


def report(rounds: list[Stampede], options: argparse.Namespace) -> None:
    """Print the best round: fewest seconds; and the most fetches of any."""
    best = min(rounds, key=lambda one: one.slowest)
    fetches = max(one.fetches for one in rounds)
    wrong = sum(one.wrong for one in rounds)
    if options.json:
        print(json.dumps({"rounds": [vars(one) for one in rounds]}))
        return
    print(machine.describe())
    print(f"{options.clients} clients, {options.size} bytes, origin takes {options.delay} s")
    print(f"origin fetches {fetches} (aim {FETCHES}), wrong bodies {wrong}")
    print(f"slowest client {best.slowest:.3f} s (aim {SLOWEST}), fastest {best.fastest:.3f} s")


if __name__ == "__main__":
    sys.exit(main())
