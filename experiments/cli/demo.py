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
from experiments.cli.errors import ENVIRONMENT, INVALID, CommandError

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
    if real == INVALID:
        show.say(
            "This machine was busy: take the second table with care, or try again.", quiet=False
        )
        return emulated
    return emulated or real


def real_file() -> Path:
    """Return a file of at least 5 MB that is there wherever Python is.

    The interpreter or its library if large enough, else the smallest such library beside it.

    Raises:
        CommandError: there is none; name one with --file.
    """
    for own in _interpreter():
        if _is_large(own):
            return own
    installed = filter(_is_large, Path(sysconfig.get_path("platlib")).rglob("*.so*"))
    smallest = min(installed, key=lambda path: (path.stat().st_size, path), default=None)
    if smallest is None:
        raise CommandError("Python's own files are all below 5 MB; give --file", ENVIRONMENT)
    return smallest


def _interpreter() -> Iterator[Path]:
    yield Path(sys.executable).resolve()
    directory, name = (sysconfig.get_config_var(key) or "" for key in ("LIBDIR", "LDLIBRARY"))
    yield Path(directory, name).resolve()


def _is_large(path: Path) -> bool:
    return path.is_file() and path.stat().st_size >= _LARGE_ENOUGH
