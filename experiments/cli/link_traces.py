"""`swarmbed links`: the link traces that ship, listed, described, and written for others."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from experiments.cli import show
from experiments.cli.errors import ENVIRONMENT, CommandError
from experiments.cli.options import Json, Quiet


def links(
    *names: Annotated[str, Parameter(help="Traces that ship, or files (default: all that ship).")],
    out: Annotated[Path | None, Parameter(help="Write them into this directory.")] = None,
    form: Annotated[
        Literal["csv", "mahimahi", "pensieve", "sabre"],
        Parameter(name="--format", help="What others read."),
    ] = "csv",
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """List link traces: mean, least and greatest rate, and how long until they begin anew.

    With --out they are written as files, for `swarmbed abr --traces`, a scenario, or another
    simulator. Files are read in any of the four formats.
    """
    from experiments.capacity import SHIPPED, LinkTraceError, find
    from experiments.capacity.formats import WRITERS

    try:
        traces = {name: find(name) for name in names or SHIPPED}
    except LinkTraceError as error:
        raise CommandError(str(error)) from error
    rows = [
        {
            "name": name,
            "mean_bps": trace.mean,
            "min_bps": min(trace.rates),
            "max_bps": max(trace.rates),
            "steps": len(trace.rates),
            "duration_s": trace.duration,
        }
        for name, trace in traces.items()
    ]
    if json:
        show.as_json(rows)
    else:
        sys.stdout.write(f"{'trace':14} {'mean':>7} {'least':>7} {'most':>7}  Mbit/s   round\n")
        for name, trace in traces.items():
            rates = [rate / 1e6 for rate in (trace.mean, min(trace.rates), max(trace.rates))]
            numbers = " ".join(f"{rate:7.2f}" for rate in rates)
            sys.stdout.write(f"{name:14} {numbers}          {trace.duration:.0f} s\n")
    if out is not None:
        ending, write = WRITERS[form]
        try:
            out.mkdir(parents=True, exist_ok=True)
            for name, trace in traces.items():
                (out / f"{Path(name).stem}.{ending}").write_text(write(trace), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{out}: {error.strerror}", ENVIRONMENT) from error
        show.say(f"{len(traces)} traces in {out}", quiet=quiet)
    return 0
