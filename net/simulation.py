"""The one door into virtual time.

`simulate` runs an async function under a virtual clock with seeded scheduling; nothing else in
the project starts such a run. It knows no topology.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import trio
import trio._core._run as trio_run

from net.clock import StalledError, VirtualClock

T = TypeVar("T")


def simulate(main: Callable[[VirtualClock], Awaitable[T]], *, seed: int | str, horizon: float) -> T:
    """Run `main(clock)` in virtual time and return its result.

    Two calls with the same `main` and `seed` schedule tasks in the same order, in any process.

    Args:
        main: receives the clock, which is also the scheduler of the network's events.
        seed: decides the order in which tasks that are runnable together run.
        horizon: virtual seconds after which the run is given up.

    Raises:
        StalledError: every task is blocked for good (the message names them), or the
            horizon was reached.
    """
    clock = VirtualClock(horizon=horizon)

    async def guarded() -> T:
        with trio.CancelScope() as clock.watchdog:
            return await main(clock)
        raise StalledError(clock.stall)

    with _seeded_scheduling(seed), _rare_collection():
        return trio.run(guarded, clock=clock)


@contextmanager
def _rare_collection() -> Iterator[None]:
    """Collect cyclic garbage less often: a run makes many objects and few cycles."""
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


@contextmanager
def _seeded_scheduling(seed: int | str) -> Iterator[None]:
    """Make trio's scheduling order a function of `seed` (two private names; trio is pinned)."""
    if not hasattr(trio_run, "_ALLOW_DETERMINISTIC_SCHEDULING") or not isinstance(
        getattr(trio_run, "_r", None), random.Random
    ):
        raise RuntimeError(f"trio {trio.__version__} cannot be seeded; install trio 0.35")
    was_allowed = trio_run._ALLOW_DETERMINISTIC_SCHEDULING
    state = trio_run._r.getstate()
    vars(trio_run)["_ALLOW_DETERMINISTIC_SCHEDULING"] = True
    trio_run._r.seed(f"scheduling/{seed}")
    try:
        yield
    finally:
        vars(trio_run)["_ALLOW_DETERMINISTIC_SCHEDULING"] = was_allowed
        trio_run._r.setstate(state)
