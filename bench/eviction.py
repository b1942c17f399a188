"""How many requests per second each eviction policy replays, next to libcachesim.

Run: python -m bench.eviction [--requests N] [--json]

Zipf demand (exponent 0.9) for 20,000 objects of one size in a cache of 10 %; the best of five
replays of each. libcachesim, in C behind a Python call per request, runs in a process of its own
under a timeout; without it only our figures are printed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from bench import machine
from cdn.eviction import POLICIES
from experiments.replay import replay
from experiments.traces import Trace, Zipf

OBJECTS = 20_000
ROUNDS = 5
PATIENCE = 60  # seconds for one policy of the judge
JUDGE = {
    "fifo": "FIFO", "lru": "LRU", "lfu": "LFU", "clock": "Clock", "2q": "TwoQ", "arc": "ARC",
    "sieve": "Sieve", "s3-fifo": "S3FIFO", "w-tiny-lfu": "WTinyLFU", "gdsf": "GDSF",
    "lru-k": "LRUK", "random": "Random",
}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """Requests per second of one policy, here and in libcachesim."""

    policy: str
    rate: float
    judge: float | None

    @property
    def ratio(self) -> float | None:
        """Our rate as a share of the judge's."""
        return None if self.judge is None else self.rate / self.judge


def demand(requests: int) -> Trace:
    """Return the trace every policy replays."""
    return Zipf(0.9, OBJECTS, requests).trace()


def rate(policy: str, trace: Trace) -> float:
    """Return our requests per second."""
    return max(replay(trace, policy, OBJECTS // 10).rate for _ in range(ROUNDS))


def judged(policy: str, requests: int) -> float | None:
    """Return libcachesim's requests per second, None where it is absent or does not answer."""
    if policy not in JUDGE or importlib.util.find_spec("libcachesim") is None:
        return None
    command = [sys.executable, "-m", "bench.eviction", "--judge", policy]
    try:
        done = subprocess.run(
            [*command, "--requests", str(requests)],
            capture_output=True, text=True, check=True, timeout=PATIENCE,
        )  # fmt: skip
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None
    return float(done.stdout)


def judge_rate(policy: str, trace: Trace) -> float:
    """Return libcachesim's requests per second, in this process."""
    import libcachesim  # noqa: PLC0415 - only the process of the judge pays for it

    best = 0.0
    for _ in range(ROUNDS):
        cache = getattr(libcachesim, JUDGE[policy])(cache_size=OBJECTS // 10, hashpower=16)
        request, get = libcachesim.Request(), cache.get
        start = time.perf_counter()
        for key, size in zip(trace.keys, trace.sizes, strict=True):
            request.obj_id, request.obj_size = key, size
            get(request)
        best = max(best, len(trace) / (time.perf_counter() - start))
    return best


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--judge", choices=JUDGE, help=argparse.SUPPRESS)
    options = parser.parse_args()
    trace = demand(options.requests)
    if options.judge:
        print(judge_rate(options.judge, trace))
        return
    figures = [
        Figure(policy, rate(policy, trace), judged(policy, options.requests)) for policy in POLICIES
    ]
    if options.json:
        print(json.dumps([asdict(each) | {"ratio": each.ratio} for each in figures], indent=2))
        return
    print(f"{machine.describe()}\n{options.requests:,} requests, best of {ROUNDS}\n")
    print(f"{'policy':11} {'requests/s':>12} {'libcachesim':>12} {'ratio':>6}")
    for each in figures:
        judge = "-" if each.judge is None else f"{each.judge:,.0f}"
        ratio = "-" if each.ratio is None else f"{each.ratio:.2f}"
        print(f"{each.policy:11} {each.rate:12,.0f} {judge:>12} {ratio:>6}")


if __name__ == "__main__":
    main()
