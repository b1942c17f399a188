"""How each group of clients fared in one run: when it was served, and how much it gave.

Folds over the run's event log; groups and their order are the scenario's. Times are seconds
since each client's arrival.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Sequence

import msgspec

from experiments.metrics import CLIENT_ARRIVED, DELIVERED
from experiments.runner import Outcome
from experiments.swarm_metrics import CHUNK_DUPLICATED, CHUNK_RECEIVED, HOST_NAMED


class GroupMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """One group in numbers; times are means over those served, None if nobody was.

    The share ratio is what the group uploaded over what it downloaded, in bytes of chunks; one
    that came twice counts as uploaded only.
    """

    picker: str
    choker: str
    clients: int
    served: int
    mean_s: float | None
    last_s: float | None
    share_ratio: float | None


def fold(outcome: Outcome) -> list[GroupMetrics]:
    """Return the metrics of each group of clients, in the scenario's order."""
    arrived, times = dict[str, float](), dict[str, float]()
    received, sent = Counter[str](), Counter[str]()
    events = [msgspec.json.decode(line) for line in gzip.decompress(outcome.events).splitlines()]
    names = {event["address"]: event["host"] for event in events if event["event"] == HOST_NAMED}
    for event in events:
        if event["event"] == CLIENT_ARRIVED:
            arrived[event["host"]] = event["t"]
        elif event["event"] == DELIVERED:
            times[event["host"]] = event["t"] - arrived[event["host"]]
        elif event["event"] in (CHUNK_RECEIVED, CHUNK_DUPLICATED):
            sent[names.get(event["source"], event["source"])] += event["bytes"]
            received[event["host"]] += event["bytes"] if event["event"] == CHUNK_RECEIVED else 0
    metrics, first = [], 0
    for group in outcome.scenario.clients:
        hosts = outcome.scenario.client_names[first : first + group.count]
        first += group.count
        own = [times[host] for host in hosts if host in times]
        taken = sum(received[host] for host in hosts)
        metrics.append(
            GroupMetrics(
                picker=group.picker,
                choker=group.choker,
                clients=group.count,
                served=len(own),
                mean_s=_mean(own),
                last_s=max(own, default=None),
                share_ratio=sum(sent[host] for host in hosts) / taken if taken else None,
            )
        )
    return metrics


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
