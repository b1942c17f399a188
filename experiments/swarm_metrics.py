"""What a run comes to as a swarm: how busy uplinks were, who gave how much, and what was wasted.

Folds over the event log and the internet's byte counts; it never looks at a live peer. Times are
seconds, sizes bytes, rates bit/s.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from experiments.log import Event
from experiments.metrics import (
    BYTES_COUNTED,
    CLIENT_ARRIVED,
    DELIVERED,
    DEMAND_STARTED,
    HOST_CRASHED,
    HOST_LEFT,
    completions,
    quantile,
)

CHUNK_RECEIVED = "chunk_received"
CHUNK_DUPLICATED = "chunk_duplicated"
SEED_LEFT = "seed_left"
HOST_NAMED = "host_named"
"""A host's address differs from its name, as on real sockets."""


class SwarmMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a swarm in numbers.

    `mean_s` is from each client's arrival, `makespan_s` from the start of demand to the last
    delivery. `uplink_utilisation` is what those served received over what all uplinks could have
    sent while their hosts were there: N F / (T (u_s + sum u_i)) in a flash crowd without
    departures; None where an uplink is unlimited. `seed_copies` are the bytes of chunks that came
    from the server, or in its stead from edges, over F. `tail_s` is T100 - T95. A share ratio is
    uploaded over downloaded bytes of chunks, of each client that downloaded anything.
    `control_bytes` is all that left hosts and is not a chunk that arrived: messages, headers,
    announces, and chunks cut short; not what an origin sent to edges.
    `fluid_s` is the mean download time by the fluid model, where it applies, and `steady_mean_s`
    what was measured after its warm-up.
    """

    mean_s: float | None
    makespan_s: float | None
    uplink_utilisation: float | None
    seed_copies: float
    tail_s: float | None
    share_ratio_mean: float | None
    share_ratio_min: float | None
    share_ratio_max: float | None
    duplicate_bytes: int
    control_bytes: int
    fluid_s: float | None = None
    steady_mean_s: float | None = None


def fold(
    events: Sequence[Event], *, size: int, server: str, uplinks: Mapping[str, float]
) -> SwarmMetrics | None:
    """Return the metrics of a swarm that delivered `size` bytes, None if no chunk was received.

    `uplinks` are the rates of the server, of the edges and of all clients.
    """
    name_of = names(events)
    received, sent, duplicate = Counter[str](), Counter[str](), 0
    for event in events:
        if event.name in (CHUNK_RECEIVED, CHUNK_DUPLICATED):
            length = int(event.fields["bytes"] or 0)
            sent[name_of(str(event.fields["source"]))] += length
            if event.name == CHUNK_RECEIVED:
                received[event.host] += length
            else:
                duplicate += length
    if not received:
        return None
    clients = presence(events)
    seeds = [host for host in sent if host in uplinks and host not in clients] or [server]
    ratios = [sent[host] / bytes_in for host, bytes_in in received.items() if host != server]
    times = completions(events)
    last, p95 = (times[-1], quantile(times, 0.95)) if times else (None, None)
    start, end = _span(events)
    return SwarmMetrics(
        mean_s=sum(times) / len(times) if times else None,
        makespan_s=end - start if times else None,
        uplink_utilisation=_utilisation(events, len(times) * size, seeds, uplinks),
        seed_copies=sum(sent[host] for host in seeds) / size,
        tail_s=None if last is None or p95 is None else last - p95,
        share_ratio_mean=sum(ratios) / len(ratios) if ratios else None,
        share_ratio_min=min(ratios, default=None),
        share_ratio_max=max(ratios, default=None),
        duplicate_bytes=duplicate,
        control_bytes=_bytes_up(events, seeds, server) - sum(sent.values()),
    )


def _span(events: Iterable[Event]) -> tuple[float, float]:
    """Return when demand started, and when the last delivery ended."""
    start = end = 0.0
    for event in events:
        if event.name == DEMAND_STARTED:
            start = end = event.time
        elif event.name == DELIVERED:
            end = event.time
    return start, end


def _utilisation(
    events: Sequence[Event], delivered: int, seeds: Sequence[str], uplinks: Mapping[str, float]
) -> float | None:
    """Return `delivered` bytes over what the uplinks of seeds and clients could send till then."""
    start, end = _span(events)
    possible = sum(
        uplinks[host] * max(0.0, min(gone, end) - max(came, start))
        for host, (came, gone) in presence(events, *seeds).items()
    )
    return 8 * delivered / possible if 0 < possible < math.inf else None


def names(events: Iterable[Event]) -> Callable[[str], str]:
    """Return what tells the host that has an address; names are their own."""
    known = {str(e.fields["address"]): e.host for e in events if e.name == HOST_NAMED}
    return lambda address: known.get(address, address)


def presence(events: Iterable[Event], *seeds: str) -> dict[str, tuple[float, float]]:
    """Return from when to when the seeds, and each client that came, were there."""
    there = dict.fromkeys(seeds, (0.0, math.inf))
    for event in events:
        if event.name == CLIENT_ARRIVED:
            there[event.host] = (event.time, math.inf)
        elif event.name in (HOST_CRASHED, HOST_LEFT, SEED_LEFT) and event.host in there:
            there[event.host] = (there[event.host][0], event.time)
    return there


def _bytes_up(events: Iterable[Event], seeds: Sequence[str], server: str) -> int:
    """Return what left all hosts; a server that fills edges and seeds nothing is left out."""
    return sum(
        int(event.fields["up"] or 0)
        for event in events
        if event.name == BYTES_COUNTED and (event.host != server or server in seeds)
    )
