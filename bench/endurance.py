"""Let wrk, ab and curl load an edge while its origin dies and returns and its store evicts.

Run: python -m bench.endurance [--seconds 30] [--connections 64] [--disk] [--json]

Each tool asks for hot objects: their lifetime is 1 s and `stale-if-error` lets the edge serve
them while the origin is dead. What they get must be right and without a single error. Beside
them one reader asks for all hot objects in turn, which keeps them in the cache, and a few ask for
cold objects, more than the cache holds: they make it evict. While the
origin is dead a cold object cannot be had, so 502, 504 or a body that breaks off is the honest
answer; a wrong body never is. The origin is killed with SIGKILL every 4 s and stays away for 2 s.

With --disk the edge keeps its objects in a directory instead of memory.
Exits with 1 if anything was wrong, with 3 where a tool is missing.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from bench import machine
from net.seam import Address, Connection
from net.sockets import SocketNetwork
from wire.http.client import HttpConnection
from wire.http.errors import HttpError
from wire.http.headers import Headers
from wire.http.message import Request, Response
from wire.http.server import serve_connection

_HOST = "127.0.0.1"
_HOT = [f"/hot/{number}/{1024 * 4 ** (number % 5)}" for number in range(20)]
_COLD = 1000
_COLD_SIZE = 300_000
_READERS = 4
_CAPACITY = "48MiB"
_EDGE = "from experiments.cli import main; raise SystemExit(main())"
_LUA = """
local paths = { %s }
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init() wrong = 0 end
function request() return wrk.format("GET", paths[math.random(#paths)]) end
function response(status, headers, body)
  local path, size = headers["x-path"] or "/", tonumber(headers["x-size"] or 0)
  local times = math.ceil(size / #path)
  if status ~= 200 or body ~= string.rep(path, times):sub(1, size) then wrong = wrong + 1 end
end
function done()
  local sum = 0
  for _, thread in ipairs(threads) do sum = sum + thread:get("wrong") end
  io.write("wrong ", sum, "\\n")
end
"""


@dataclass(frozen=True)
class Outcome:
    """What one tool saw."""

    tool: str
    requests: int
    wrong: int
    errors: int
    seconds: float


def content(path: str) -> bytes:
    """Return the object at `path`, whose last part is its size."""
    size = int(path.rpartition("/")[2])
    return (path.encode() * (size // len(path) + 1))[:size]


async def serve_origin(port: int) -> None:
    """Serve every path there is until killed."""

    async def answer(request: Request) -> Response:
        path = request.target.path
        size = path.rpartition("/")[2]
        hot = path.startswith("/hot/")
        control = "max-age=1, stale-if-error=600" if hot else "max-age=600"
        fields = Headers(
            {"cache-control": control, "etag": f'"{path}"', "x-path": path, "x-size": size}
        )
        if request.headers.get("if-none-match") == f'"{path}"':
            return Response(304, fields)
        return Response(200, fields, content(path))

    async def serve(stream: Connection) -> None:
        await serve_connection(stream, answer, wall=time.time, on_error=print)

    listener = await SocketNetwork(_HOST).listen(port)
    print(listener.address.port, flush=True)
    await trio.serve_listeners(serve, [listener])


class Origin:
    """An origin in a process of its own that dies and returns on the same port."""

    def __init__(self) -> None:
        self.deaths = 0
        self.port = 0
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-m", "bench.endurance", "--origin", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        with self._process.stdout as said:
            self.port = int(said.readline())

    def kill(self) -> None:
        """End it without warning."""
        self._process.kill()
        self._process.wait()

    async def die_and_return(self) -> None:
        """Die every 4 s for 2 s, until cancelled."""
        while True:
            await trio.sleep(4)
            self.kill()
            self.deaths += 1
            await trio.sleep(2)
            await trio.to_thread.run_sync(self._start)


@contextmanager
def edge(origin: int, store: Path | None) -> Iterator[int]:
    """Run `swarmbed edge` before the origin; yields its port."""
    where = () if store is None else ("--store", str(store))
    behind = f"http://{_HOST}:{origin}/"
    command = [sys.executable, "-c", _EDGE, "edge", "--origin", behind, "--port", "0"]
    with subprocess.Popen(
        [*command, "--capacity", _CAPACITY, *where], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            if said.startswith("store"):
                said = process.stderr.readline()
            found = re.search(r"edge at http://\S+:(\d+)/", said)
            if found is None:
                raise SystemExit(f"the edge did not start: {said}")
            yield int(found[1])
        finally:
            process.kill()


async def read(port: int, path: str) -> str:
    """Ask for `path` once; return what came: right, WRONG, broken off, or the status."""
    connection = HttpConnection(await SocketNetwork(_HOST).dial(Address(_HOST, port)), _HOST)
    try:
        async with connection.request("GET", path) as response:
            body = await response.read(2**20)
    except HttpError:
        return "broken off"
    if response.status != 200:
        return str(response.status)
    return "right" if body == content(path) else "WRONG"


async def read_cold(port: int, seen: Counter[str]) -> None:
    """Ask for cold objects at random, until cancelled, and note what came."""
    rng = random.Random()
    while True:
        seen[await read(port, f"/cold/{rng.randrange(_COLD)}/{_COLD_SIZE}")] += 1
        await trio.sleep(0.01)


async def read_hot(port: int, seen: Counter[str]) -> None:
    """Ask for the hot objects in turn, so that they stay hot whichever of them a tool wants."""
    for path in itertools.cycle(_HOT):
        seen[await read(port, path)] += 1
        await trio.sleep(0.02)


async def wrk(base: str, seconds: int, connections: int, directory: Path) -> Outcome:
    """Random hot objects; the script compares every body."""
    script = directory / "check.lua"
    script.write_text(_LUA % ", ".join(f'"{path}"' for path in _HOT))
    out = await output("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), base)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    errors = sum(map(int, broken.groups())) if broken else 0
    requests = number(r"(\d+) requests in", out)
    return Outcome("wrk", requests, number(r"wrong (\d+)", out), errors, seconds)


async def ab(base: str, seconds: int, connections: int, _: Path) -> Outcome:
    """One hot object, connections kept where the server does; ab compares lengths."""
    limits = ("-t", str(seconds), "-n", "2000000", "-c", str(connections), "-s", "10")
    out = await output("ab", "-k", *limits, base + _HOT[1])
    non_2xx = re.search(r"Non-2xx responses:\s+(\d+)", out)
    requests = number(r"Complete requests:\s+(\d+)", out)
    failed = number(r"Failed requests:\s+(\d+)", out)
    return Outcome("ab", requests, int(non_2xx[1]) if non_2xx else 0, failed, seconds)


async def curl(base: str, seconds: int, connections: int, directory: Path) -> Outcome:
    """All hot objects many times in parallel, each into a file that is compared."""
    paths = [path for path in _HOT for _ in range(10)]
    files = [directory / f"{index}" for index in range(len(paths))]
    config = directory / "curl.conf"
    config.write_text(
        "".join(
            f'url = "{base}{path}"\noutput = "{file}"\n'
            for path, file in zip(paths, files, strict=True)
        )
    )
    command = [
        "curl",
        "--no-progress-meter",
        "--parallel",
        "--parallel-immediate",
        "--parallel-max",
    ]
    command += [str(connections), "--fail", "--max-time", "10", "--config", str(config)]
    requests, wrong, errors = 0, 0, 0
    until = trio.current_time() + seconds
    while trio.current_time() < until:
        done = await trio.run_process(command, capture_stderr=True, check=False)
        errors += done.returncode != 0
        requests += len(paths)
        for path, file in zip(paths, files, strict=True):
            wrong += not file.exists() or file.read_bytes() != content(path)
            file.unlink(missing_ok=True)
    return Outcome("curl", requests, wrong, errors, seconds)


TOOLS = (wrk, ab, curl)


async def output(*command: str) -> str:
    """Return what `command` prints."""
    done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def number(pattern: str, text: str) -> int:
    """Return the number `pattern` finds."""
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"nothing like {pattern!r} in:\n{text}")
    return int(found[1])


async def endure(
    origin: Origin, port: int, seconds: int, connections: int
) -> tuple[list[Outcome], Counter[str], Counter[str]]:
    """Return what each tool saw, and what the readers of hot and of cold objects saw."""
    hot: Counter[str] = Counter()
    cold: Counter[str] = Counter()
    base = f"http://{_HOST}:{port}"
    with TemporaryDirectory(prefix="swarmbed-endurance-") as name:
        directory = Path(name)
        await curl(base, 1, connections, directory)  # warms the hot objects
        async with trio.open_nursery() as nursery:
            nursery.start_soon(origin.die_and_return)
            nursery.start_soon(read_hot, port, hot)
            for _ in range(_READERS):
                nursery.start_soon(read_cold, port, cold)
            outcomes = [await run(base, seconds, connections, directory) for run in TOOLS]
            nursery.cancel_scope.cancel()
    return outcomes, hot, cold


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=30, help="for each tool")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--disk", action="store_true", help="keep the objects on disk")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--origin", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.origin is not None:
        trio.run(serve_origin, options.origin)
    packages = {"wrk": "wrk", "ab": "apache2-utils", "curl": "curl"}
    for tool, package in packages.items():
        if shutil.which(tool) is None:
            print(f"endurance: {tool} is missing (Debian package {package})", file=sys.stderr)
            return 3
    origin = Origin()
    try:
        with (
            TemporaryDirectory(prefix="swarmbed-store-") as store,
            edge(origin.port, Path(store) if options.disk else None) as port,
        ):
            outcomes, hot, cold = trio.run(
                endure, origin, port, options.seconds, options.connections
            )
    finally:
        origin.kill()
    if options.json:
        told = {
            "tools": [vars(one) for one in outcomes],
            "hot": hot,
            "cold": cold,
            "origin_deaths": origin.deaths,
        }
        print(json.dumps(told))
    else:
        print(machine.describe())
        for one in outcomes:
            print(
                f"{one.tool:5} {one.requests:8} requests {one.requests / one.seconds:8.0f}/s"
                f"  wrong {one.wrong}  errors {one.errors}"
            )
        print(f"hot   {dict(sorted(hot.items()))}")
        print(f"cold  {dict(sorted(cold.items()))}; the origin died {origin.deaths} times")
    bad = sum(one.wrong + one.errors for one in outcomes) + cold["WRONG"]
    bad += hot.total() - hot["right"]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
