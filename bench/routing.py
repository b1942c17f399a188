"""What the routers that hash do when an edge leaves, how even they are, and how fast.

    python -m bench.routing

Ten edges, then nine; 100,000 keys. Theory: 1/10 of the keys must move, and 2/n (a half-width of
about 2 standard deviations) is what chance alone leaves between the fullest edge and the mean.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Mapping

from cdn.routing import Fleet, find_router

KEYS = [f"/object-{number}" for number in range(100_000)]
EDGES = tuple(f"edge-{number:02}" for number in range(10))
ROUTERS = ("hash-ring", "rendezvous", "maglev", "jump-hash", "bounded-load")


def routed(name: str, edges: tuple[str, ...], *, loaded: bool = False) -> Mapping[str, str | None]:
    """Return where each key goes; `loaded` counts every key as load of its edge."""
    load = Counter[str]()
    fleet = Fleet(edges, load, lambda client, edge: 0.0, random.Random(1))  # noqa: ARG005 - equal
    router, found = find_router(name)(), {}
    for key in KEYS:
        found[key] = edge = router.route("client", key, fleet)
        if loaded:
            load[str(edge)] += 1
    return found


def moved(name: str, leaver: int) -> float:
    """Return the share of all keys whose edge changes when `leaver` leaves."""
    loaded = name == "bounded-load"
    before = routed(name, EDGES, loaded=loaded)
    after = routed(name, (*EDGES[:leaver], *EDGES[leaver + 1 :]), loaded=loaded)
    return sum(before[key] != after[key] for key in KEYS) / len(KEYS)


def main() -> None:
    """Print one line per router."""
    print(f"{'router':14}{'last leaves':>12}{'5th leaves':>12}{'max ÷ mean':>12}{'keys/s':>12}")
    for name in ROUTERS:
        start = time.perf_counter()
        counts = Counter(routed(name, EDGES, loaded=name == "bounded-load").values())
        seconds = time.perf_counter() - start
        fullest = max(counts.values()) * len(EDGES) / len(KEYS)
        print(
            f"{name:14}{moved(name, 9):12.1%}{moved(name, 4):12.1%}{fullest:12.3f}"
            f"{len(KEYS) / seconds:12,.0f}"
        )


if __name__ == "__main__":
    main()
