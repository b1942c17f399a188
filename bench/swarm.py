"""How fast a swarm is emulated: chunks per second, memory, and the makespan beside its bound.

Run: python -m bench.swarm [--peers 10,100] [--segments 16,64] [--json]

One seed and N peers share 256 chunks of 64 KiB in virtual time, codec and verification on, with
10 Mbit/s up, 40 Mbit/s down and a round trip of 40 ms. Each line is measured in a process of
its own. The yardstick is the rate at which the same machine hashes chunks of that size.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

import trio

from bench import machine
from experiments.bounds import p2p
from net.clock import VirtualClock
from net.seam import Address
from net.simulation import simulate
from net.topology import Access, star
from net.virtual import VirtualInternet
from peer.node import Peer
from peer.store import ChunkPool, ChunkStore, MemoryStore
from tracker.node import Tracker
from wire.manifest import Manifest

CHUNKS, CHUNK = 256, 64 * 1024
UP, DOWN, RTT = 10e6, 40e6, 0.040
_KIB = 1024 if sys.platform != "darwin" else 1  # what ru_maxrss counts in


@dataclass(frozen=True)
class Figure:
    """One swarm; times in seconds, rates in chunks per second, memory in MiB."""

    peers: int
    segment: int
    per_wall_second: float
    per_cpu_second: float
    of_hashing: float
    memory: float
    makespan: float
    bound: float


def swarm(peers: int, segment: int) -> float:
    """Return the virtual seconds from demand until the last of `peers` has the file."""
    data = random.Random(1).randbytes(CHUNKS * CHUNK)
    manifest, pool = Manifest.of_bytes("file", data, CHUNK), ChunkPool()
    names = [f"peer-{number}" for number in range(peers)]
    hosts = dict.fromkeys(["seed", *names], Access(UP, DOWN)) | {"tracker": Access()}

    async def main(clock: VirtualClock) -> float:
        internet = VirtualInternet(star(hosts, rtt=RTT), clock=clock, seed=1, segment=segment)
        tracker = Tracker(rng=random.Random("tracker"), wall=clock.now)

        def peer(name: str, store: ChunkStore) -> Peer:
            place = Address("tracker", 7000)
            return Peer(internet.attach(name), store, place, rng=random.Random(name))

        async with trio.open_nursery() as nursery:
            await nursery.start(tracker.serve, await internet.attach("tracker").listen(7000))
            await nursery.start(peer("seed", MemoryStore.full(manifest, data, pool)).run)
            await trio.sleep(1)
            demand = trio.current_time()
            downloading = [peer(name, MemoryStore(manifest, pool)) for name in names]
            for each in downloading:
                nursery.start_soon(each.run)
            for each in downloading:
                await each.completed.wait()
            makespan = trio.current_time() - demand
            nursery.cancel_scope.cancel()
        return makespan

    return simulate(main, seed=1, horizon=10_000)


def measure(peers: int, segment: int) -> Figure:
    """Return the figure of one swarm, run in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    makespan = swarm(peers, segment)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    chunks = peers * CHUNKS
    return Figure(
        peers=peers,
        segment=segment,
        per_wall_second=chunks / wall,
        per_cpu_second=chunks / cpu,
        of_hashing=chunks / cpu / (machine.hashing_rate(CHUNK) / CHUNK),
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB / 2**20,
        makespan=makespan,
        bound=p2p(CHUNKS * CHUNK, peers, UP, DOWN, peers * UP),
    )


def measured_apart(peers: int, segment: int) -> Figure:
    """Return the figure of one swarm, run in a new process."""
    command = [sys.executable, "-m", "bench.swarm", "--one", f"{peers},{segment}"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Figure(**json.loads(done.stdout))


def main() -> None:
    """Print one line per swarm."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", default="10,100", help="numbers of peers (default 10,100)")
    parser.add_argument("--segments", default="16,64", help="segments in KiB (default 16,64)")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        peers, segment = map(int, options.one.split(","))
        print(json.dumps(asdict(measure(peers, segment))))
        return
    if not options.json:
        print(machine.describe())
        print("peers  segment  chunks/s wall  per CPU s  of SHA-256   memory  makespan ÷ bound")
    figures = []
    for peers in map(int, options.peers.split(",")):
        for segment in map(int, options.segments.split(",")):
            figures.append(measured_apart(peers, segment * 1024))
            if not options.json:
                print(line(figures[-1]), flush=True)
    if options.json:
        print(json.dumps([asdict(figure) for figure in figures]))


def line(figure: Figure) -> str:
    """Return a figure as a line of the table."""
    return (
        f"{figure.peers:5}  {figure.segment // 1024:3} KiB  {figure.per_wall_second:13.0f}"
        f"  {figure.per_cpu_second:9.0f}  {figure.of_hashing:10.1%}  {figure.memory:3.0f} MiB"
        f"  {figure.makespan:6.2f} s ÷ {figure.bound:.2f} s = {figure.makespan / figure.bound:.3f}"
    )


if __name__ == "__main__":
    main()
