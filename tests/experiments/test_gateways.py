"""Edge and proxy as processes of their own, with curl before them and a disk below."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.experiments.test_processes import Process, address, running

pytestmark = [
    pytest.mark.judge("curl"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]
BIG = os.urandom(3_000_000)


def curl(*arguments: str) -> bytes:
    """Return what curl prints."""
    command = ["curl", "--silent", "--show-error", "--max-time", "20", *arguments]
    return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout


class Counted(BaseHTTPRequestHandler):
    """A foreign origin that counts what it is asked."""

    asked: list[str]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(BIG)))
        self.send_header("Cache-Control", "max-age=600")
        self.send_header("Surrogate-Key", f"all {self.path[1:]}")
        self.end_headers()
        self.wfile.write(BIG)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@contextmanager
def origin() -> Iterator[tuple[str, list[str]]]:
    """Yield an origin's URL, and the list of what it is asked."""
    asked: list[str] = []
    handler = type("Handler", (Counted,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_a_store_survives_kill_and_restart(tmp_path: Path) -> None:
    """What was stored whole answers from the disk of the next process; nothing else is served."""
    store = ("--store", str(tmp_path / "store"), "--port", "0")
    with origin() as (url, asked):
        for life in range(3):
            with running("edge", "--origin", url, *store) as edge:
                base = f"http://{address(edge.said('edge at'))}"
                for path in ("/a", "/b", "/a"):
                    assert curl(f"{base}{path}") == BIG
                cut = subprocess.Popen(
                    ["curl", "--silent", "--limit-rate", "1M", f"{base}/cut{life}"],
                    stdout=subprocess.DEVNULL,
                )
                edge.stop(signal.SIGKILL)
                cut.wait()
        assert asked.count("/a") == asked.count("/b") == 1


def test_many_connections_at_once() -> None:
    """All are open before the first asks; a cold object comes to each, from one fetch."""
    with origin() as (url, asked), running("edge", "--origin", url, "--port", "0") as edge:
        host, _, port = address(edge.said("edge at")).rpartition(":")
        clients = [socket.create_connection((host, int(port)), timeout=30) for _ in range(150)]
        for client in clients:
            client.sendall(b"GET /a HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n")
        for client in clients:
            with client, client.makefile("rb") as answer:
                assert answer.read().endswith(b"\r\n\r\n" + BIG)
        assert asked == ["/a"]


def test_a_store_has_one_owner_and_no_strange_files(tmp_path: Path) -> None:
    """Both are said before anything is served."""
    store = ("--origin", "http://127.0.0.1:9/", "--port", "0", "--store", str(tmp_path))
    with running("edge", *store) as edge:
        edge.said("edge at")
        code, _, err = Process("edge", *store).end()
        assert code == 2
        assert "in use by another edge" in err
    (tmp_path / "swarmbed-store").unlink()
    code, _, err = Process("edge", *store).end()
    assert code == 2
    assert "holds other files" in err


def test_purging_and_numbers_by_curl() -> None:
    """The admin surface, on its own port."""
    with origin() as (url, asked):
        ports = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
        with running("edge", "--origin", url, *ports) as edge:
            admin = f"http://{address(edge.said('admin at'))}"
            base = f"http://{address(edge.said('edge at'))}"
            for _ in range(2):
                assert curl(f"{base}/a") == BIG
            assert json.loads(curl(f"{admin}/stats"))["hits"] == 1
            assert json.loads(curl("-X", "PURGE", f"{admin}/a"))["purged"] == 1
            curl(f"{base}/a")
            tagged = ("-X", "POST", "-H", "Surrogate-Key: x all")
            assert json.loads(curl(*tagged, f"{admin}/purge"))["purged"] == 1
            curl(f"{base}/a")
            assert asked == ["/a"] * 3


def test_curl_through_the_proxy() -> None:
    """Http is cached, CONNECT is tunnelled where its port is allowed."""
    with origin() as (url, asked):
        port = url.rpartition(":")[2]
        with running("proxy", "--port", "0", "--tunnel-ports", port) as proxy:
            way = ("--proxy", f"http://{address(proxy.said('proxy at'))}")
            for _ in range(2):
                assert curl(*way, f"{url}/a") == BIG
            assert asked == ["/a"]
            assert curl(*way, "--proxytunnel", f"{url}/b") == BIG
            assert asked == ["/a", "/b"]
            status = ("-o", os.devnull, "-w", "%{http_connect}")
            refused = subprocess.run(
                ["curl", "--silent", *way, *status, "--proxytunnel", "http://127.0.0.1:1/"],
                capture_output=True,
                check=False,
            )
            assert refused.stdout == b"403"
            assert proxy.stop() == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["edge", "--origin", "ftp://x"], "--origin: not an http:// URL"),
        (["edge", "--origin", "http://x", "--capacity", "1Mb"], "--capacity: '1Mb' is not"),
        (["edge", "--origin", "http://x", "--listen", "x"], "--listen: 'x' is not HOST:PORT"),
        (["edge", "--origin", "http://x", "--admin", "0.0.0.0:9001"], "--admin: 0.0.0.0 is not"),
        (["edge", "--origin", "http://x", "--placement", "x"], "--placement: 'x' is not"),
        (["proxy", "--policy", "lry"], "did you mean 'lru'?"),
        (["proxy", "--admission", "x"], "--admission: no admission 'x'"),
        (["proxy", "--tunnel-ports", "https"], "--tunnel-ports: 'https' is not a list of ports"),
    ],
)
def test_usage_errors_name_the_flag_and_the_fix(arguments: list[str], says: str) -> None:
    """Exit code 2, and nothing is served."""
    code, out, err = Process(*arguments).end()
    assert (code, out) == (2, "")
    assert says in " ".join(err.split())
