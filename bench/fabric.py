"""How fast bytes are emulated: segments and events per second, and a virtual HTTP download.

Run: python -m bench.fabric [--json]

Segments cross two links, each flow with its window and acknowledgements, without any task. The
yardstick of events is a bare heap that is popped and pushed; that of the download is SHA-256
over the same bytes, which the download computes as well.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from heapq import heapify, heapreplace
from math import inf
from typing import Any

import trio

from bench import machine
from cdn.client import download
from cdn.origin import Origin
from cdn.sink import HashSink
from cdn.site import MemoryResource, MemorySite
from net.clock import VirtualClock
from net.fabric import Fabric
from net.flow import Flow, Transport
from net.parking import Parking
from net.simulation import simulate
from net.topology import Access, star
from net.virtual import VirtualInternet

MIB = 2**20
SEGMENT = 16 * 1024
TRAFFIC = 512 * MIB
DOWNLOAD = 128 * MIB
HOSTS = {"a": Access(100e6, 100e6), "b": Access(100e6, 100e6)}


@dataclass(frozen=True)
class Figure:
    """One measurement; `of` says what `share` compares with."""

    name: str
    rate: float
    unit: str
    share: float
    of: str


class CountingClock:
    """A scheduler that counts the events of another."""

    def __init__(self, clock: VirtualClock) -> None:
        self.events = 0
        self.now, self.actual = clock.now, clock.actual
        self._clock = clock

    def call_at(self, when: float, callback: Callable[[Any], None], argument: Any) -> None:
        """Pass the event on."""
        self.events += 1
        self._clock.call_at(when, callback, argument)


def open_flow(fabric: Fabric, finish: Callable[[], None]) -> Flow:
    """Return a flow whose receiver reads whatever arrives at once."""
    flow = fabric.open_flow(
        "a", "b", deliver=lambda _, size: flow.read(size), finish=finish, room=lambda: None
    )
    return flow


def carry(flows: int, *, count: bool = False) -> int:
    """Let `flows` flows share two links until all traffic has arrived; return the events."""

    async def main(clock: VirtualClock) -> int:
        scheduler = CountingClock(clock)
        fabric = Fabric(
            star(HOSTS, rtt=0.04),
            scheduler if count else clock,
            seed=1,
            transport=Transport(segment=SEGMENT),
        )
        done, left = Parking(), flows

        def finish() -> None:
            nonlocal left
            left -= 1
            if not left:
                done.wake()

        for _ in range(flows):
            flow = open_flow(fabric, finish)
            flow.send(bytes(TRAFFIC // flows))
            flow.end()
        await done.wait()
        return scheduler.events

    return simulate(main, seed=1, horizon=inf)


def heap_rate(size: int = 1_000, events: int = 300_000) -> float:
    """Return events per second of a bare heap that holds `size`."""
    heap = [(float(number), number) for number in range(size)]
    heapify(heap)
    start = time.perf_counter()
    for number in range(events):
        when, _ = heap[0]
        heapreplace(heap, (when + size, number))
    return events / (time.perf_counter() - start)


def seconds_to_download(segment: int) -> float:
    """Return the wall time of one virtual HTTP download."""
    site = MemorySite({"/file": MemoryResource.of("/file", bytes(DOWNLOAD))})

    async def main(clock: VirtualClock) -> None:
        internet = VirtualInternet(star(HOSTS, rtt=0.04), clock=clock, seed=1, segment=segment)
        async with trio.open_nursery() as nursery:
            origin = Origin(site, wall=clock.now)
            address = await nursery.start(origin.serve, await internet.attach("a").listen(80))
            await download(internet.attach("b"), f"http://{address}/file", sink=HashSink())
            nursery.cancel_scope.cancel()

    start = time.perf_counter()
    simulate(main, seed=1, horizon=inf)
    return time.perf_counter() - start


def figures() -> list[Figure]:
    """Measure everything."""
    heap, hashing = heap_rate(), machine.hashing_rate()
    found = []
    for flows in (1, 50):
        start = time.perf_counter()
        carry(flows)
        seconds = time.perf_counter() - start
        events = carry(flows, count=True)
        name = f"{flows} flow{'s' * (flows > 1)} over two links"
        found += [
            Figure(name, TRAFFIC / SEGMENT / seconds, "segments/s", 0.0, ""),
            Figure(name, events / seconds, "events/s", events / seconds / heap, "a bare heap"),
        ]
    for segment in (SEGMENT, 4 * SEGMENT):
        rate = DOWNLOAD / seconds_to_download(segment)
        name = f"HTTP download, segments of {segment // 1024} KiB"
        found.append(Figure(name, rate / 1e6, "MB/s", rate / hashing, "SHA-256 alone"))
    return found


def main() -> None:
    """Print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    if parser.parse_args().json:
        print(json.dumps([asdict(figure) for figure in figures()]))
        return
    print(machine.describe())
    for figure in figures():
        compared = f"{figure.share:6.1%} of {figure.of}" if figure.of else ""
        print(f"{figure.name:35} {figure.rate:9.0f} {figure.unit:10} {compared}".rstrip())


if __name__ == "__main__":
    main()
