"""`swarmbed doctor`: what this machine has of what experiments and tests need."""

from __future__ import annotations

import importlib.metadata
import shutil
import socket
import sys
from collections.abc import Iterator

from experiments.cli.errors import ENVIRONMENT
from experiments.cli.options import Json

_LIBRARIES = ("trio", "msgpack", "msgspec", "networkx", "h11", "cyclopts", "rich", "matplotlib")
_JUDGES = {"curl": "curl", "dig": "bind9-dnsutils", "wrk": "wrk"}


def doctor(
    *,
    json: Json = False,
) -> int:
    """Check the environment: Python, libraries, loopback addresses, and the tests' judges.

    Exits with 3 if something that experiments need is missing.
    """
    found = list(_checks())
    if json:
        import msgspec

        rows = [{"check": name, "ok": ok, "detail": detail} for name, ok, _, detail in found]
        sys.stdout.write(msgspec.json.encode(rows).decode() + "\n")
    else:
        for name, ok, needed, detail in found:
            mark = "ok     " if ok else "MISSING" if needed else "absent "
            sys.stdout.write(f"{mark}  {name:<20} {detail}\n")
    return 0 if all(ok or not needed for _, ok, needed, _ in found) else ENVIRONMENT


def _checks() -> Iterator[tuple[str, bool, bool, str]]:
    """Yield name, whether it is there, whether experiments need it, and what to know."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield "python", sys.version_info >= (3, 11), True, f"{version}; 3.11 or newer is needed"
    for library in _LIBRARIES:
        try:
            yield library, True, True, importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            yield library, False, True, f"pip install {library}"
    yield _loopback()
    where = shutil.which("ffmpeg") if shutil.which("ffprobe") else None
    yield "ffmpeg", where is not None, False, where or "for `package`: apt install ffmpeg"
    for judge, package in _JUDGES.items():
        where = shutil.which(judge)
        yield judge, where is not None, False, where or f"tests only: apt install {package}"


def _loopback() -> tuple[str, bool, bool, str]:
    try:
        with socket.socket() as probe:
            probe.bind(("127.1.2.3", 0))
    except OSError:
        return "127.x.y.z", False, False, "hosts of loopback runs will share 127.0.0.1"
    return "127.x.y.z", True, False, "each host of a loopback run has its own address"
