"""How the cost of a swarm grows with it: wall time, memory and cost per chunk of two sizes.

Run: python -m bench.scale [--peers 100,1000] [--segment 64] [--json]

The swarms of `bench.swarm`: one seed and N peers share 256 chunks of 64 KiB in virtual time. Each
is measured in a process of its own. The cost of a chunk is compared with that of the first line.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from bench import machine
from bench.swarm import CHUNKS, Figure, measured_apart


def main() -> None:
    """Print one line per swarm."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", default="100,1000", help="numbers of peers (default 100,1000)")
    parser.add_argument("--segment", default=64, type=int, help="segments in KiB (default 64)")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    options = parser.parse_args()
    if not options.json:
        print(machine.describe())
        print("peers    wall    CPU   memory  chunks/s wall  CPU per chunk  makespan ÷ bound")
    figures: list[Figure] = []
    for peers in map(int, options.peers.split(",")):
        figures.append(measured_apart(peers, options.segment * 1024))
        if not options.json:
            print(line(figures[-1], figures[0]), flush=True)
    if options.json:
        print(json.dumps([asdict(figure) for figure in figures]))


def line(figure: Figure, first: Figure) -> str:
    """Return a figure as a line of the table, its cost per chunk compared with the first's."""
    chunks = figure.peers * CHUNKS
    growth = first.per_cpu_second / figure.per_cpu_second
    return (
        f"{figure.peers:5}  {chunks / figure.per_wall_second:4.0f} s"
        f" {chunks / figure.per_cpu_second:4.0f} s  {figure.memory:4.0f} MiB"
        f"  {figure.per_wall_second:13.0f}  {1e6 / figure.per_cpu_second:4.0f} µs = {growth:4.2f} x"
        f"  {figure.makespan:6.2f} s ÷ {figure.bound:.2f} s = {figure.makespan / figure.bound:.3f}"
    )


if __name__ == "__main__":
    main()
