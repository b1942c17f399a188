"""`swarmbed demo`: the main experiment on a real file of this machine, emulated and on sockets."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from experiments.cli import show
from experiments.cli.compare import compare
from experiments.cli.errors import ENVIRONMENT, CommandError

_LARGE_ENOUGH = 5_000_000


def demo(
    *,
    file: Annotated[
        Path | None, Parameter(help="Deliver this file (default: a part of Python's own).")
    ] = None,
    out: Annotated[Path, Parameter(help="Results directory.")] = Path("results/demo"),
) -> int:
    """Deliver one real file to up to 50 emulated clients, then to 5 over real loopback TCP."""
    chosen = file if file is not None else real_file()
    size = chosen.stat().st_size / 1e6
    show.say(f"file     {chosen} ({size:.1f} MB)", quiet=False)
    show.say("1 of 2   up to 50 clients in virtual time", quiet=False)
    emulated = compare(file=chosen, clients="1,2,5,10,20,50", out=out / "virtual")
    show.say("2 of 2   5 clients over real loopback TCP, in real time", quiet=False)
    real = compare(file=chosen, clients="5", network="loopback", out=out / "loopback")
    return emulated or real


def real_file() -> Path:
    """Return a file of at least 5 MB that every machine with Python has: the smallest such.

    Raises:
        CommandError: there is none; name one with --file.
    """
    large = {path for path in _candidates() if path.stat().st_size >= _LARGE_ENOUGH}
    if not large:
        raise CommandError("Python's own files are all below 5 MB; give --file", ENVIRONMENT)
    return min(large, key=lambda path: (path.stat().st_size, path))


def _candidates() -> Iterator[Path]:
    """Yield the interpreter, its library, and the libraries installed with it."""
    yield Path(sys.executable).resolve()
    library = Path(
        sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("LDLIBRARY") or ""
    )
    if library.is_file():
        yield library.resolve()
    yield from Path(sysconfig.get_path("platlib")).rglob("*.so*")
