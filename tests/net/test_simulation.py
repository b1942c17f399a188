"""Virtual time: it jumps, it is deterministic, and it says when a run cannot go on."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest
import trio

from net.clock import StalledError, VirtualClock
from net.simulation import simulate

FOREVER = 1e9


def test_sleeping_costs_no_time_and_is_exact() -> None:
    """A day passes at once, to the microsecond."""

    async def main(clock: VirtualClock) -> float:
        await trio.sleep(86_400)
        return clock.now()

    assert simulate(main, seed=1, horizon=FOREVER) == 86_400


def test_events_run_in_order_of_time_then_of_call() -> None:
    """Events and deadlines interleave by time; equal times keep the order of the calls."""
    order: list[str] = []

    async def main(clock: VirtualClock) -> None:
        clock.call_at(2.0, order.append, "second")
        clock.call_at(2.0, order.append, "third")
        clock.call_at(1.0, order.append, "first")
        await trio.sleep(1.5)
        order.append("sleeper")
        await trio.sleep(1)

    simulate(main, seed=1, horizon=FOREVER)
    assert order == ["first", "sleeper", "second", "third"]


def test_a_deadlock_ends_the_run_and_names_who_is_blocked() -> None:
    """A task that waits for nothing is found out, with the place where it waits."""

    async def waits_for_nobody() -> None:
        await trio.Event().wait()

    async def main(_: VirtualClock) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits_for_nobody)

    with pytest.raises(StalledError, match=r"deadlock at 0 s: .*waits_for_nobody in test_sim"):
        simulate(main, seed=1, horizon=FOREVER)


def test_a_run_ends_at_its_horizon() -> None:
    """A run that would go on for ever stops, and says so."""

    async def main(_: VirtualClock) -> None:
        await trio.sleep(101)

    with pytest.raises(StalledError, match="within its horizon of 100 s"):
        simulate(main, seed=1, horizon=100)


@pytest.mark.parametrize("horizon", [100, FOREVER])
def test_a_run_given_up_still_cleans_up(horizon: float) -> None:
    """Shielded clean-up that takes time ends the run no differently, at a horizon or a deadlock."""
    cleaned: list[float] = []

    async def main(clock: VirtualClock) -> None:
        try:
            with trio.move_on_after(1000 if horizon == 100 else math.inf):
                await trio.Event().wait()
        finally:
            with trio.move_on_after(2, shield=True):
                await trio.sleep(1)
                cleaned.append(clock.now())

    with pytest.raises(StalledError, match=r"horizon|deadlock"):
        simulate(main, seed=1, horizon=horizon)
    assert len(cleaned) == 1


def test_waiting_for_idle_tasks_works_without_deadlines() -> None:
    """`wait_all_tasks_blocked` returns, more than once, and is no deadlock."""

    async def main(clock: VirtualClock) -> str:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            for _ in range(3):
                await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        return f"done at {clock.now():g} s"

    assert simulate(main, seed=1, horizon=FOREVER) == "done at 0 s"


def test_an_error_in_main_reaches_the_caller() -> None:
    """What main raises, simulate raises."""

    async def main(_: VirtualClock) -> None:
        await trio.lowlevel.checkpoint()
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        simulate(main, seed=1, horizon=FOREVER)


ORDER = """
import sys, trio
from net.simulation import simulate

async def main(clock):
    order = []
    async def racer(name):
        for _ in range(3):
            await trio.lowlevel.checkpoint()
            order.append(name)
    async with trio.open_nursery() as nursery:
        for name in "abcdefgh":
            nursery.start_soon(racer, name)
    return "".join(order)

print(simulate(main, seed=int(sys.argv[1]), horizon=1))
"""


def scheduling_order(seed: int, hash_seed: str) -> str:
    """The order in which eight tasks that race run, in a process without test plugins."""
    return subprocess.run(
        [sys.executable, "-c", ORDER, str(seed)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_the_seed_decides_the_order_of_tasks() -> None:
    """Same seed, same order in every process; another seed, another order."""
    first = scheduling_order(1, "0")
    assert scheduling_order(1, "1") == first
    assert scheduling_order(2, "0") != first
