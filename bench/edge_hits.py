"""Measure how fast one edge process answers hits, with wrk, beside nginx on the same machine.

Run: python -m bench.edge_hits [--seconds 3] [--rounds 3] [--connections 16] [--json]

Prints requests/s and MB/s (10^6 bytes) for objects of 1 KiB and 1 MiB, and two ratios: to nginx
as a cache of the same origin (`proxy_cache`, one worker process), and to a bare trio loop that
sends the same bytes without reading HTTP. The servers take turns; the best round of each counts.
Exits with 3 where wrk or nginx is missing.
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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import trio

from bench import machine
from cdn.client import download
from cdn.edge import Edge
from cdn.origin import Origin
from cdn.sink import HashSink
from cdn.site import MemoryResource, MemorySite
from net.seam import Address, Connection
from net.sockets import SocketNetwork

OBJECTS = {"/1KiB.bin": 1024, "/1MiB.bin": 1024 * 1024}
AIMS = {"/1KiB.bin": 0.15, "/1MiB.bin": 0.4}
_HOST = "127.0.0.1"
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_ERRORS = re.compile(r"Socket errors: .*|Non-2xx.*")
_NGINX = """
daemon off;
worker_processes 1;
pid {home}/pid;
error_log {home}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    proxy_cache_path {home}/cache keys_zone=objects:1m max_size=64m;
    server {{
        listen {host}:{port};
        location / {{
            proxy_pass http://{origin};
            proxy_cache objects;
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Figure:
    """One measurement of one server with one object."""

    server: str
    path: str
    requests_per_second: float
    megabytes_per_second: float
    errors: str


async def serve_origin() -> None:
    """Serve the objects until killed; the port is the first line of output, as below."""
    content = {path: MemoryResource.of(path, bytes(size)) for path, size in OBJECTS.items()}
    origin = Origin(MemorySite(content), wall=time.time)
    listener = await SocketNetwork(_HOST).listen()
    print(listener.address.port, flush=True)
    await origin.serve(listener)


async def serve_edge(origin: int) -> None:
    """Serve an edge with warm objects until killed."""
    network = SocketNetwork(_HOST)
    async with trio.open_nursery() as nursery:
        behind = Address(_HOST, origin)
        edge = Edge(network, behind, capacity=64 * 1024 * 1024, wall=time.time)
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


@contextmanager
def ours(role: str, *arguments: str) -> Iterator[int]:
    """Run one of the servers above in a process of its own; yields its port."""
    command = [sys.executable, "-m", "bench.edge_hits", "--serve", role, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


@contextmanager
def nginx(origin: int) -> Iterator[int]:
    """Run nginx as a cache of `origin` out of a directory of its own; yields its port."""
    with TemporaryDirectory(prefix="swarmbed-nginx-") as directory:
        home = Path(directory)
        home.chmod(0o755)  # started by root, its worker is somebody else
        port = free_port()
        settings = _NGINX.format(home=home, host=_HOST, port=port, origin=f"{_HOST}:{origin}")
        (home / "nginx.conf").write_text(settings)
        command = ["nginx", "-e", str(home / "error.log"), "-c", str(home / "nginx.conf")]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                warm(port)
                yield port
            finally:
                process.terminate()


def free_port() -> int:
    """Return a port nobody listens on."""

    async def ask() -> int:
        async with await SocketNetwork(_HOST).listen() as listener:
            return listener.address.port

    return trio.run(ask)


def warm(port: int) -> None:
    """Ask twice for each object, once the server answers at all."""
    for attempt in range(50):
        try:
            for path in [*OBJECTS, *OBJECTS]:
                urlopen(f"http://{_HOST}:{port}{path}").read()
        except OSError as error:
            if attempt == 49:
                raise SystemExit(f"edge_hits: nginx does not answer: {error}") from error
            time.sleep(0.1)
        else:
            return


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
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", choices=["origin", "edge", "bare"], help=argparse.SUPPRESS)
    parser.add_argument("--origin", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve, options.origin)
    for tool in ("wrk", "nginx"):
        if shutil.which(tool) is None:
            print(f"edge_hits: {tool} is not installed (Debian package {tool})", file=sys.stderr)
            return 3
    report(run(options), as_json=options.json)
    return 0


def serve(role: str, origin: int) -> int:
    """Be one of the servers until killed."""
    if role == "edge":
        trio.run(serve_edge, origin)
    else:
        trio.run(serve_bare if role == "bare" else serve_origin)
    return 0


def run(options: argparse.Namespace) -> list[Figure]:
    """Return the best round of each server with each object."""
    with ExitStack() as stack:
        origin = stack.enter_context(ours("origin"))
        servers = {
            "nginx": stack.enter_context(nginx(origin)),
            "edge": stack.enter_context(ours("edge", "--origin", str(origin))),
            "bare trio loop": stack.enter_context(ours("bare")),
        }
        figures = [
            measure(server, port, path, options.seconds, options.connections)
            for _ in range(options.rounds)
            for server, port in servers.items()
            for path in OBJECTS
        ]
    best: dict[tuple[str, str], Figure] = {}
    for figure in sorted(figures, key=lambda figure: figure.requests_per_second):
        best[figure.server, figure.path] = figure
    return [best[server, path] for path in OBJECTS for server in servers]


def report(figures: list[Figure], *, as_json: bool) -> None:
    """Print one line per figure, and the edge's ratio to nginx beside its aim."""
    rates = {(figure.server, figure.path): figure.requests_per_second for figure in figures}
    ratios = {path: rates["edge", path] / rates["nginx", path] for path in OBJECTS}
    if as_json:
        print(json.dumps({"figures": [vars(f) for f in figures], "edge_to_nginx": ratios}))
        return
    print(machine.describe())
    for figure in figures:
        share = figure.requests_per_second / rates["bare trio loop", figure.path]
        print(
            f"{figure.path:10} {figure.server:15} {figure.requests_per_second:9.0f} req/s"
            f" {figure.megabytes_per_second:8.1f} MB/s  {share:5.2f} of bare  {figure.errors}"
        )
    for path, ratio in ratios.items():
        print(f"{path:10} edge to nginx {ratio:.3f} (aim {AIMS[path]})")


if __name__ == "__main__":
    sys.exit(main())
