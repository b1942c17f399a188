"""What a run's event log comes to: completion times, bytes per role, distance from the bound.

Folds over events; it never looks at a live node. Times are seconds since each client's arrival,
which is the start of demand unless the scenario says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from experiments.log import Event

DEMAND_STARTED = "demand_started"
DELIVERED = "delivery_completed"
FAILED = "delivery_failed"
HOST_CRASHED = "host_crashed"
HOST_LEFT = "host_left"
CLIENT_ARRIVED = "client_arrived"
BYTES_COUNTED = "bytes_counted"
BYTES_NOTED = "bytes_noted"
"""The same as `bytes_counted`, before the end."""


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """One run in numbers; the fields of `--json`. Times in seconds, sizes in bytes.

    Times are None where nobody finished. Bytes are those the role's hosts sent during the whole
    run, protocol and placement included. `offload` is the share of what was delivered that came
    from other clients.
    """

    model: str
    clients: int
    seed: int
    first_s: float | None
    median_s: float | None
    p95_s: float | None
    last_s: float | None
    server_bytes: int
    edge_bytes: int
    peer_bytes: int
    bound_s: float
    ratio: float | None
    valid: bool
    digest: str
    wall_s: float
    offload: float | None = None


def completions(events: Iterable[Event]) -> list[float]:
    """Return each client's delivery time, ascending."""
    return sorted(waits(events).values())


def waits(events: Iterable[Event]) -> dict[str, float]:
    """Return how long each client that was served had waited, in the order of arrival."""
    start, arrived, times = 0.0, dict[str, float](), dict[str, float]()
    for event in events:
        if event.name == DEMAND_STARTED:
            start = event.time
        elif event.name == CLIENT_ARRIVED:
            arrived[event.host] = event.time
        elif event.name == DELIVERED:
            times[event.host] = event.time - arrived.get(event.host, start)
    return {host: times[host] for host in (*arrived, *times) if host in times}


def failures(events: Iterable[Event]) -> list[str]:
    """Return, for each client that could not be served, its name and why."""
    return [f"{e.host}: {e.fields['reason']}" for e in events if e.name == FAILED]


def bytes_sent(events: Iterable[Event], role: str) -> int:
    """Return what all hosts named `role` or `role-...` sent, in bytes."""
    return sum(
        int(event.fields["up"] or 0)
        for event in events
        if event.name == BYTES_COUNTED and event.host.partition("-")[0] == role
    )


def quantile(ordered: Sequence[float], q: float) -> float | None:
    """Return the nearest-rank quantile: the least value that a share `q` does not exceed."""
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)] if ordered else None


def summarise(
    events: Sequence[Event],
    *,
    model: str,
    clients: int,
    seed: int,
    bound: float,
    valid: bool,
    digest: str,
    wall: float,
    offload: float | None = None,
) -> Metrics:
    """Return the metrics of the run that `events` record."""
    times = completions(events)
    last = times[-1] if times else None
    return Metrics(
        model=model,
        clients=clients,
        seed=seed,
        first_s=times[0] if times else None,
        median_s=quantile(times, 0.5),
        p95_s=quantile(times, 0.95),
        last_s=last,
        server_bytes=bytes_sent(events, "server"),
        edge_bytes=bytes_sent(events, "edge"),
        peer_bytes=bytes_sent(events, "client"),
        bound_s=bound,
        ratio=None if last is None else last / bound,
        valid=valid,
        digest=digest,
        wall_s=wall,
        offload=offload,
    )
