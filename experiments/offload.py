"""How much of what clients received did not come from servers or edges, but from other clients.

A fold over the event log; it knows no model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from experiments.log import Event
from experiments.metrics import CLIENT_ARRIVED, DELIVERED
from experiments.swarm_metrics import CHUNK_DUPLICATED, CHUNK_RECEIVED, names


def offload(events: Sequence[Event]) -> float | None:
    """Return 1 - (bytes from servers and edges) / (bytes delivered), None if nothing was.

    Only clients that were served count. What was sent twice counts against it; who received no
    chunks at all downloaded everything.
    """
    name_of = names(events)
    clients = {event.host for event in events if event.name == CLIENT_ARRIVED}
    served = {event.host for event in events if event.name == DELIVERED}
    delivered, dear, swarming = 0, Counter[str](), set[str]()
    for event in events:
        if event.name == DELIVERED:
            delivered += int(event.fields["bytes"] or 0)
        elif event.name in (CHUNK_RECEIVED, CHUNK_DUPLICATED) and event.host in served:
            swarming.add(event.host)
            if name_of(str(event.fields["source"])) not in clients:
                dear[event.host] += int(event.fields["bytes"] or 0)
    if not delivered:
        return None
    downloaded = delivered // len(served) * len(served - swarming)
    return 1 - (downloaded + sum(dear.values())) / delivered
