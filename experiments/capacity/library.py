"""The link traces that ship: each a line of parameters and a seed, none of anybody's measuring.

It knows names and makes traces when they are asked for.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path

from experiments.capacity.formats import load
from experiments.capacity.generators import evenly, markov, mobile, step
from experiments.capacity.trace import LinkTrace, LinkTraceError

_DURATION = 320.0

SHIPPED: Mapping[str, Callable[[], LinkTrace]] = {
    "steady-1": partial(step, [1.2e6], _DURATION),
    "steady-2": partial(step, [3.2e6], _DURATION),
    "step-1": partial(step, [4e6, 1e6], 40.0),
    "step-2": partial(step, [2e6, 0.5e6, 3e6, 0.8e6], 30.0),
    "step-3": partial(step, [1e6, 2e6, 4e6, 6e6, 4e6, 2e6], 20.0),
    "step-4": partial(step, [5e6, 0.3e6, 5e6], 20.0),
    **{
        f"markov-{number}": partial(
            markov, evenly(low, high, 8), stay=stay, duration=_DURATION, seed=number
        )
        for number, (low, high, stay) in enumerate(
            (
                (0.3e6, 3e6, 0.8), (0.3e6, 3e6, 0.95), (0.5e6, 5e6, 0.8), (0.5e6, 5e6, 0.95),
                (0.8e6, 8e6, 0.8), (0.8e6, 8e6, 0.95), (0.4e6, 1.6e6, 0.7), (1e6, 4e6, 0.7),
                (0.2e6, 6e6, 0.85), (0.2e6, 6e6, 0.6),
            ),
            start=1,
        )
    },
    **{
        f"mobile-{number}": partial(mobile, mean, duration=_DURATION, seed=number)
        for number, mean in enumerate(
            (0.8e6, 1.2e6, 1.6e6, 2e6, 2.5e6, 3e6, 3.5e6, 4e6, 5e6, 6e6), start=1
        )
    },
}  # fmt: skip
"""Traces by name. Means range from 0.8 to 6 Mbit/s."""


@cache
def _made(name: str) -> LinkTrace:
    return SHIPPED[name]()


def find(name: str) -> LinkTrace:
    """Return the trace called `name`, or else the one in the file of that path.

    Raises:
        LinkTraceError: there is neither, or the file cannot be read.
    """
    if name in SHIPPED:
        return _made(name)
    path = Path(name)
    if not path.exists() and path.parent == Path():
        near = difflib.get_close_matches(name, SHIPPED, 1)
        fix = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(SHIPPED)}."
        raise LinkTraceError(f"no link trace {name!r}; {fix} Or a file: path/to/trace.csv")
    return load(path)
