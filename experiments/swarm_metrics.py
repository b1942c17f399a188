"""What a run comes to as a swarm: how busy uplinks were, who gave how much, and what was wasted.

Folds over the event log and the internet's byte counts; it never looks at a live peer. Times are
seconds, sizes bytes, rates bit/s.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from experiments.log import Event
from experiments.metrics import (
    BYTES_COUNTED,
    DELIVERED,
    DEMAND_STARTED,
    completions,
    quantile,
)

CHUNK_RECEIVED = "chunk_received"
CHUNK_DUPLICATED = "chunk_duplicated"
HOST_NAMED = "host_named"
"""A host's address differs from its name, as on real sockets."""


class SwarmMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a swarm in numbers.

    `uplink_utilisation` is N F / (T (u_s + sum u_i)) over those served, None where an uplink is
    unlimited. `seed_copies` are the bytes of chunks that came from the server, over F. `tail_s`
    is T100 - T95. A share ratio is uploaded over downloaded bytes of chunks, of each client that
    downloaded anything. `control_bytes` is all that left hosts and is not a chunk that arrived:
    messages, headers, announces, and chunks cut short.
    """

    uplink_utilisation: float | None
    seed_copies: float
    tail_s: float | None
    share_ratio_mean: float | None
    share_ratio_min: float | None
    share_ratio_max: float | None
    duplicate_bytes: int
    control_bytes: int


def fold(
    events: Sequence[Event], *, size: int, server: str, uplinks: Mapping[str, float]
) -> SwarmMetrics | None:
    """Return the metrics of a swarm that delivered `size` bytes, None if no chunk was received.

    `uplinks` are the rates of the server and of all clients.
    """
    names = {str(e.fields["address"]): e.host for e in events if e.name == HOST_NAMED}
    received, sent, duplicate = Counter[str](), Counter[str](), 0
    for event in events:
        if event.name in (CHUNK_RECEIVED, CHUNK_DUPLICATED):
            length = int(event.fields["bytes"] or 0)
            source = str(event.fields["source"])
            sent[names.get(source, source)] += length
            if event.name == CHUNK_RECEIVED:
                received[event.host] += length
            else:
                duplicate += length
    if not received:
        return None
    ratios = [sent[host] / bytes_in for host, bytes_in in received.items() if host != server]
    times = completions(events)
    last, p95 = (times[-1], quantile(times, 0.95)) if times else (None, None)
    return SwarmMetrics(
        uplink_utilisation=_utilisation(events, size, sum(uplinks.values())),
        seed_copies=sent[server] / size,
        tail_s=None if last is None or p95 is None else last - p95,
        share_ratio_mean=sum(ratios) / len(ratios) if ratios else None,
        share_ratio_min=min(ratios, default=None),
        share_ratio_max=max(ratios, default=None),
        duplicate_bytes=duplicate,
        control_bytes=_bytes_up(events) - sum(sent.values()),
    )


def _utilisation(events: Iterable[Event], size: int, uplinks: float) -> float | None:
    """Return N F / (T sum u) for N clients served in T seconds."""
    start, served = 0.0, []
    for event in events:
        if event.name == DEMAND_STARTED:
            start = event.time
        elif event.name == DELIVERED:
            served.append(event.time)
    if not served or math.isinf(uplinks):
        return None
    return 8 * size * len(served) / ((max(served) - start) * uplinks)


def _bytes_up(events: Iterable[Event]) -> int:
    return sum(int(e.fields["up"] or 0) for e in events if e.name == BYTES_COUNTED)
