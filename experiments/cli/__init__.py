"""The command line: data on stdout, talk on stderr, and exit codes that scripts can rely on.

Commands parse and print; what they do lives elsewhere and is imported when it is needed.

Exit codes: 0 ok, 1 the experiment failed, 2 usage or scenario error, 3 the environment lacks
something, 4 the measurement is invalid, 130 interrupted.
"""

from __future__ import annotations

import sys

from cyclopts import App

from experiments import __version__
from experiments.cli import compare, demo, doctor, processes, run
from experiments.cli.errors import INTERRUPTED, CommandError

app = App(
    name="swarmbed",
    version=__version__,
    help="Measure how one file gets to many: client-server, P2P and CDN, next to the limit.",
    help_epilogue="Example: swarmbed compare --clients 1,5,20 --out results/first",
    result_action="return_value",
)
app.command(compare.compare)
app.command(run.run)
app.command(demo.demo)
app.command(processes.tracker)
app.command(processes.seed)
app.command(processes.fetch)
app.command(processes.origin)
app.command(processes.edge)
app.command(processes.get)
app.command(doctor.doctor)


def main() -> int:
    """Run the command line; return the exit code."""
    try:
        return int(app() or 0)
    except CommandError as error:
        sys.stderr.write(f"swarmbed: {error}\n")
        return error.code
    except KeyboardInterrupt:
        sys.stderr.write("swarmbed: interrupted\n")
        return INTERRUPTED
