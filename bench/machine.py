"""Which machine the figures come from: cores, Python, system, and its speed at SHA-256.

Run: python -m bench.machine
"""

from __future__ import annotations

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


def hashing_rate(size: int = 64 * 1024, seconds: float = 0.3) -> float:
    """Return bytes per second of one core at SHA-256, in pieces of `size` bytes."""
    data = os.urandom(size)
    done, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        hashlib.sha256(data).digest()
        done += size
    return done / elapsed


if __name__ == "__main__":
    print(f"{describe()}; SHA-256 at {hashing_rate() / 1e6:.0f} MB/s")
