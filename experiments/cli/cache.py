"""`swarmbed cache`: a request trace through cache policies and sizes, without a network."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from experiments import units
from experiments.cli import show
from experiments.cli.compare import read_quantity
from experiments.cli.errors import CommandError
from experiments.cli.options import Json, Quiet

if TYPE_CHECKING:
    from experiments.replay import Replayed
    from experiments.traces import Trace, Zipf

_SIZES = "1%,10%"
_CURVE = "0.1%,0.3%,1%,3%,10%,30%"
_MOST = 100_000_000
_MANY = 0.5  # share of the requests that is worth a word
_SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%")


def cache(
    trace: Annotated[
        Path | None,
        Parameter(help="Trace to replay: lines of time,object,size, or oracleGeneral records."),
    ] = None,
    *,
    policy: Annotated[
        str, Parameter(help="Eviction policies, by name or as path/to/file.py:Class.")
    ] = "lru,sieve",
    size: Annotated[
        str,
        Parameter(
            help="Sizes of the cache: 1GiB, or 10% of the bytes of all objects. "
            f"[default: {_SIZES}; with --figure {_CURVE}]"
        ),
        Parameter(show_default=False),
    ] = "",
    admission: Annotated[
        str,
        Parameter(help="Who may enter: always, second-hit, size-limit=1MiB or probability=0.5."),
    ] = "always",
    zipf: Annotated[
        float | None, Parameter(help="No trace: draw requests by Zipf's law with this exponent.")
    ] = None,
    objects: Annotated[int, Parameter(help="With --zipf: how many objects there are.")] = 10_000,
    requests: Annotated[int, Parameter(help="With --zipf: how many requests come.")] = 200_000,
    object_size: Annotated[str, Parameter(help="With --zipf: mean size of an object.")] = "64KiB",
    spread: Annotated[
        float, Parameter(help="With --zipf: sigma of the lognormal sizes; 0: all are equal.")
    ] = 0.0,
    seed: Annotated[int, Parameter(help="Seed of all that is drawn.")] = 1,
    figure: Annotated[
        Path | None, Parameter(help="Draw miss ratio against size: a .png or .svg file.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Replay a request trace through eviction policies, and count the hits.

    Policies: fifo, lru, lfu, clock, 2q, arc, sieve, s3-fifo, w-tiny-lfu, gdsf, lru-k, random,
    and belady, which knows the future. For Zipf demand, Che's approximation stands beside LRU.
    """
    from cdn.eviction import PolicyError
    from experiments.replay import AdmissionError
    from experiments.traces import TraceError, Zipf, load

    if (trace is None) == (zipf is None):
        raise CommandError("give a TRACE, or --zipf 0.9 to draw one")
    if figure is not None and figure.suffix not in (".png", ".svg"):
        raise CommandError(f"--figure: {figure} must end in .png or .svg")
    law = None
    if zipf is not None:
        mean = read_quantity("--object-size", units.parse_size, object_size)
        law = Zipf(zipf, objects, requests, seed, mean, spread)
        _check(law)
    try:
        names = _policies(policy)
        replayed = law.trace() if law is not None else load(trace or Path())
        show.say(_about(replayed), quiet=quiet)
        sizes = _sizes(size or (_CURVE if figure else _SIZES), replayed.footprint)
        rows = _replays(replayed, names, sizes, admission, seed=seed, quiet=quiet)
    except PolicyError as error:
        raise CommandError(f"--policy: {error}") from error
    except AdmissionError as error:
        raise CommandError(f"--admission: {error}") from error
    except TraceError as error:
        raise CommandError(str(error)) from error
    che = [_che(row, law) for row in rows]
    if json:
        show.as_json([_row(*pair) for pair in zip(rows, che, strict=True)])
    else:
        _print(rows, che)
    _notes(rows, quiet=quiet)
    if figure is not None:
        _draw(figure, rows, caption=_about(replayed))
        show.say(f"figure   {figure}", quiet=quiet)
    return 0


def _policies(text: str) -> list[str]:
    """Return the names in `text`, all of which there are. Raises `PolicyError` if not."""
    from cdn.eviction import find

    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise CommandError("--policy: name at least one, such as lru")
    for name in names:
        find(name)
    return names


def _replays(
    trace: Trace, names: Sequence[str], sizes: Sequence[int], admission: str, *, seed: int,
    quiet: bool,
) -> list[Replayed]:  # fmt: skip
    from rich.console import Console
    from rich.progress import track

    from experiments.replay import replay

    pairs = track(
        [(name, capacity) for capacity in sizes for name in names],
        description="replaying",
        console=Console(stderr=True),
        transient=True,
        disable=quiet or not sys.stderr.isatty(),
    )
    return [replay(trace, name, capacity, admission, seed) for name, capacity in pairs]


def _notes(rows: Sequence[Replayed], *, quiet: bool) -> None:
    """Say where a policy itself, not admission, kept most of the objects out."""
    for row in rows:
        if row.admission == "always" and row.refused > _MANY * row.requests:
            show.say(
                f"note     {row.policy} refused {row.refused:,} requests at {row.capacity:,} "
                "bytes: objects too large for it, see docs/eviction.md",
                quiet=quiet,
            )


def _check(law: Zipf) -> None:
    for flag, number, least in (
        ("--zipf", law.alpha, 0),
        ("--objects", law.objects, 1),
        ("--requests", law.requests, 1),
        ("--spread", law.sigma, 0),
    ):
        if not least <= number <= _MOST:
            raise CommandError(f"{flag}: {number} is not from {least} to {_MOST:,}")


def _sizes(text: str, footprint: int) -> list[int]:
    """Return the sizes in bytes, the smallest first; shares are of `footprint`."""
    sizes = set()
    for each in (part.strip() for part in text.split(",") if part.strip()):
        share = _SHARE.fullmatch(each)
        if share:
            sizes.add(int(footprint * float(share[1]) / 100))
        elif each.isdecimal():
            sizes.add(int(each))
        else:
            sizes.add(read_quantity("--size", units.parse_size, each))
    if not sizes or min(sizes) < 1:
        raise CommandError(f"--size: {text!r} is no size such as 10% or 1GiB, or below one byte")
    return sorted(sizes)


def _about(trace: Trace) -> str:
    return (
        f"{len(trace):,} requests for {len(trace.objects):,} objects of "
        f"{trace.footprint / 1e6:,.1f} MB in all"
    )


def _che(row: Replayed, law: Zipf | None) -> float | None:
    """Return Che's hit ratio where it applies: LRU, Zipf demand, nothing refused."""
    if law is None or row.policy.lower() != "lru" or row.admission != "always":
        return None
    from experiments.che import lru_hit_ratios

    ratios = lru_hit_ratios(law.popularity(), law.sizes(), row.capacity, law.requests)
    return ratios.requests


def _row(row: Replayed, che: float | None) -> dict[str, Any]:
    return {
        "policy": row.policy,
        "admission": row.admission,
        "size": row.capacity,
        "requests": row.requests,
        "hits": row.hits,
        "hit_ratio": row.hit_ratio,
        "bytes": row.bytes,
        "hit_bytes": row.hit_bytes,
        "byte_hit_ratio": row.byte_hit_ratio,
        "evictions": row.evictions,
        "refused": row.refused,
        "requests_per_s": row.rate,
        "che_hit_ratio": che,
    }


def _print(rows: Sequence[Replayed], che: Sequence[float | None]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from experiments.cache_figures import short_size

    console = Console(width=None if sys.stdout.isatty() else 132, highlight=False)
    out = Table(box=box.SIMPLE_HEAD)
    with_che = any(each is not None for each in che)
    out.add_column("size", justify="right", no_wrap=True)
    out.add_column("policy", no_wrap=True)
    for heading in (
        "hit ratio", *(["by Che"] if with_che else []), "byte hit ratio", "hits", "evictions",
        "refused", "requests/s",
    ):  # fmt: skip
        out.add_column(heading, justify="right", no_wrap=True)
    before = rows[0].capacity
    for row, approximation in zip(rows, che, strict=True):
        if row.capacity != before:
            out.add_section()
            before = row.capacity
        beside = ["" if approximation is None else f"{approximation:.4f}"] if with_che else []
        out.add_row(
            short_size(row.capacity), row.policy, f"{row.hit_ratio:.4f}", *beside,
            f"{row.byte_hit_ratio:.4f}", f"{row.hits:,}", f"{row.evictions:,}",
            f"{row.refused:,}", f"{row.rate:,.0f}",
        )  # fmt: skip
    console.print(out)


def _draw(path: Path, rows: Sequence[Replayed], *, caption: str) -> None:
    from experiments.cache_figures import miss_ratios

    names = dict.fromkeys(row.policy for row in rows)
    curves = {
        name: [(row.capacity, 1 - row.hit_ratio) for row in rows if row.policy == name]
        for name in names
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(miss_ratios(curves, caption=caption)[path.suffix[1:]])
    except OSError as error:
        raise CommandError(f"--figure: {path}: {error.strerror}") from error
