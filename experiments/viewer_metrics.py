"""Who brought viewers their video: neighbours, edges or the server, and across which networks.

Folds over a run's event log; it never looks at a live peer. Sizes are bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from experiments.log import Event
from experiments.metrics import bytes_sent
from experiments.swarm_metrics import CHUNK_DUPLICATED, CHUNK_RECEIVED, names
from experiments.video_metrics import ABANDONED, RECEIVED


class ViewerMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """One run in numbers.

    `watched_bytes` are those of segments that players took in. `offload` is the share of them
    that did not come from edges or the server; what came twice, or for nothing, counts against
    it. `neighbour_bytes` came from other viewers, `across_bytes` of them from another access
    network, and `server_bytes` are all that the server sent: to edges, or as a seed.
    `duplicate_bytes` came twice, `most_kept_bytes` is the most that any viewer kept at a time.
    """

    offload: float
    watched_bytes: int
    edge_bytes: int
    server_bytes: int
    neighbour_bytes: int
    across_bytes: int
    duplicate_bytes: int
    most_kept_bytes: int


SHARED = "sharing_ended"


def fold(events: Sequence[Event], region: Callable[[str], str]) -> ViewerMetrics | None:
    """Return the metrics of a run, None if nothing was watched; `region` tells a host's network."""
    name_of = names(events)
    watched, whole = Counter[str](), Counter[str]()
    dear = neighbours = across = twice = 0
    sharing = {event.host for event in events if event.name == CHUNK_RECEIVED}
    for event in events:
        if event.name == RECEIVED:
            watched[event.host] += int(event.fields["bytes"] or 0)
        if event.name in (RECEIVED, ABANDONED):
            whole[event.host] += int(event.fields["bytes"] or 0)
        elif event.name in (CHUNK_RECEIVED, CHUNK_DUPLICATED):
            size, source = int(event.fields["bytes"] or 0), name_of(str(event.fields["source"]))
            twice += size if event.name == CHUNK_DUPLICATED else 0
            if source.startswith("client-"):
                neighbours += size
                across += size if region(source) != region(event.host) else 0
            else:
                dear += size
    total = watched.total()
    if not total:
        return None
    dear += sum(size for host, size in whole.items() if host not in sharing)
    return ViewerMetrics(
        offload=1 - dear / total,
        watched_bytes=total,
        edge_bytes=bytes_sent(events, "edge"),
        server_bytes=bytes_sent(events, "server"),
        neighbour_bytes=neighbours,
        across_bytes=across,
        duplicate_bytes=twice,
        most_kept_bytes=max(
            (int(event.fields["kept"] or 0) for event in events if event.name == SHARED), default=0
        ),
    )
