"""Which machine the figures come from: cores, Python, system, and its speed at SHA-256.

Run: python -m bench.machine
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import time


def describe() -> str:
    """Return one line about this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cores} cores{load}, {python}, {platform.system()} {platform.machine()}"


def hashing_rate(size: int = 64 * 1024, rounds: int = 10) -> float:
    """Return bytes per second of CPU time at SHA-256, in pieces of `size` bytes: the best round."""
    data, pieces = os.urandom(size), 64 * 1024 * 1024 // size
    return pieces * size / min(_seconds_to_hash(data, pieces) for _ in range(rounds))


def _seconds_to_hash(data: bytes, times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        hashlib.sha256(data).digest()
    return time.process_time() - start


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    print(f"{describe()}; SHA-256 at {hashing_rate() / 1e6:.0f} MB/s")
