"""curl, which no one here wrote, judges origin and edge over real sockets."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from cdn.client import download
from cdn.edge import Edge
from cdn.origin import Origin
from cdn.sink import FileSink
from cdn.site import DirectorySite
from net.seam import Address
from net.sockets import SocketNetwork
from wire.http.dates import format_date

pytestmark = [
    pytest.mark.judge("curl"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
    pytest.mark.trio,
]

MODIFIED = 1_600_000_000
BIG = os.urandom(3_000_000)


@dataclass(frozen=True)
class Servers:
    """A directory, its origin and an edge, on this machine."""

    root: Path
    origin: Address
    edge: Address

    def url(self, server: str, path: str) -> str:
        """Return the URL of `path` at "origin" or "edge"."""
        return f"http://{getattr(self, server)}{path}"


@asynccontextmanager
async def serving(tmp_path: Path) -> AsyncIterator[Servers]:
    """Yield running servers."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "index.html").write_text("<p>index</p>")
    (root / "a.txt").write_bytes(b"0123456789")
    (root / "big.bin").write_bytes(BIG)
    (tmp_path / "secret").write_text("secret")
    os.utime(root / "a.txt", (MODIFIED, MODIFIED))
    network = SocketNetwork("127.0.0.1")
    site = DirectorySite(root, {"/old": "/a.txt"})
    async with trio.open_nursery() as nursery:
        origin = await nursery.start(Origin(site, wall=time.time).serve, await network.listen())
        edge = Edge(network, origin, capacity=1 << 24, wall=time.time)
        yield Servers(root, origin, await nursery.start(edge.serve, await network.listen()))
        nursery.cancel_scope.cancel()


async def curl(*arguments: str, stdin: bytes = b"") -> str:
    """Run curl and return what it prints."""
    command = ["curl", "--silent", "--max-time", "10", *arguments]
    done = await trio.run_process(
        command, stdin=stdin, capture_stdout=True, stderr=subprocess.DEVNULL, check=False
    )
    return done.stdout.decode("latin-1")


STATUS = ("--output", os.devnull, "--write-out", "%{http_code}")


@pytest.mark.parametrize("server", ["origin", "edge"])
async def test_statuses(tmp_path: Path, server: str) -> None:
    """Each status the issue names, as curl sees it."""
    async with serving(tmp_path) as servers:
        etag = re.search(r'etag: (".*")', await curl("-I", servers.url(server, "/a.txt")))
        assert etag is not None
        cases: list[tuple[str, tuple[str, ...], str]] = [
            ("200", (), "/a.txt"),
            ("200", (), "/sub/"),
            ("200", ("--head",), "/a.txt"),
            ("206", ("--range", "2-4"), "/a.txt"),
            ("301", (), "/old"),
            ("301", (), "/sub"),
            ("304", ("--header", f"If-None-Match: {etag[1]}"), "/a.txt"),
            ("304", ("--time-cond", format_date(MODIFIED)), "/a.txt"),
            ("200", ("--time-cond", format_date(MODIFIED - 9)), "/a.txt"),
            ("400", ("--header", "Host: a b"), "/a.txt"),
            ("400", (), "/%00"),
            ("404", (), "/none"),
            ("404", ("--path-as-is",), "/../secret"),
            ("404", ("--path-as-is",), "/%2e%2e/secret"),
            ("405", ("--request", "DELETE"), "/a.txt"),
            ("405", ("--data", "x=1"), "/a.txt"),
            ("416", ("--range", "10-"), "/a.txt"),
        ]
        for status, options, path in cases:
            seen = await curl(*STATUS, *options, servers.url(server, path))
            assert (seen, options, path) == (status, options, path)


@pytest.mark.parametrize("server", ["origin", "edge"])
async def test_other_versions_are_505(tmp_path: Path, server: str) -> None:
    """A raw request line with another major version, sent through curl's telnet."""
    async with serving(tmp_path) as servers:
        address = getattr(servers, server)
        raw = b"GET / HTTP/2.0\r\nHost: x\r\n\r\n"
        answer = await curl(f"telnet://{address}", stdin=raw)
        assert answer.startswith("HTTP/1.1 505 ")


@pytest.mark.parametrize("server", ["origin", "edge"])
async def test_connections_are_kept(tmp_path: Path, server: str) -> None:
    """Three requests of one curl need one connection."""
    async with serving(tmp_path) as servers:
        urls = [servers.url(server, path) for path in ("/a.txt", "/none", "/sub/")]
        discard = ["--output", os.devnull] * len(urls)
        seen = await curl("--write-out", "%{num_connects}", *discard, *urls)
        assert seen == "100"


@pytest.mark.parametrize("server", ["origin", "edge"])
async def test_bytes_are_right(tmp_path: Path, server: str) -> None:
    """A file larger than a piece arrives unchanged, and in parts put together again."""
    out = tmp_path / "out"
    async with serving(tmp_path) as servers:
        url = servers.url(server, "/big.bin")
        await curl("--output", str(out), url)
        assert out.read_bytes() == BIG
        out.write_bytes(BIG[:1_000_001])
        await curl("--continue-at", "-", "--output", str(out), url)
        assert out.read_bytes() == BIG


async def test_the_edge_tells_hit_from_miss(tmp_path: Path) -> None:
    """Cache-Status and Age in curl's view."""
    async with serving(tmp_path) as servers:
        url = servers.url("edge", "/a.txt")
        show = ("--output", os.devnull, "--write-out", "%header{cache-status}|%header{age}")
        missed = '"127.0.0.1"; fwd=uri-miss; fwd-status=200; ttl=3599; stored; key="/a.txt"|'
        assert await curl(*show, url) == missed
        hit, _, age = (await curl(*show, url)).partition("|")
        assert (hit.startswith('"127.0.0.1"; hit; ttl='), age.isdigit()) == (True, True)


async def test_our_client_downloads_from_our_edge(tmp_path: Path) -> None:
    """The file appears whole under its name, redirect included."""
    async with serving(tmp_path) as servers:
        network = SocketNetwork("127.0.0.1")
        out = tmp_path / "copy"
        done = await download(network, servers.url("edge", "/old"), sink=FileSink(out))
        assert (out.read_bytes(), done.status) == (b"0123456789", 200)
