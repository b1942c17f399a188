"""The course of a swarm: who was there when, and who had which chunk.

Folds over the event log into numbers at given times; it draws nothing. Times are seconds since
demand started.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.log import Event
from experiments.metrics import DELIVERED, DEMAND_STARTED, HOST_CRASHED
from experiments.swarm_metrics import (
    CHUNK_DUPLICATED,
    CHUNK_RECEIVED,
    presence,
)
from experiments.swarm_metrics import names as named

CONNECTED, LOST = "neighbour_connected", "neighbour_lost"


@dataclass(frozen=True, slots=True)
class Transfer:
    """`taker` received `chunk`, `size` bytes, from `giver`; `new` if it lacked it."""

    time: float
    taker: str
    giver: str
    chunk: int
    size: int
    new: bool


@dataclass(frozen=True, slots=True)
class Contact:
    """`host` gained or lost `neighbour`."""

    time: float
    host: str
    neighbour: str
    gained: bool


@dataclass(frozen=True)
class History:
    """One run of a swarm, with the hosts' names and times since demand started.

    `presence` says from when to when the server and each client that came was there, in the order
    of arrival; `completed` when each client was served; `end` is the last delivery, or the last
    chunk if nobody was served.
    """

    server: str
    chunk_count: int
    end: float
    presence: Mapping[str, tuple[float, float]]
    completed: Mapping[str, float]
    crashed: frozenset[str]
    transfers: Sequence[Transfer]
    contacts: Sequence[Contact]

    @property
    def clients(self) -> tuple[str, ...]:
        """The clients that came, in the order of arrival."""
        return tuple(host for host in self.presence if host != self.server)

    @property
    def half_way(self) -> float:
        """When half of all chunks had been received."""
        new = [each.time for each in self.transfers if each.new]
        return new[len(new) // 2] if new else 0.0

    def there(self, host: str, time: float) -> bool:
        """Whether `host` was there at `time`."""
        came, gone = self.presence.get(host, (math.inf, math.inf))
        return came <= time < gone

    def progress(self, times: Sequence[float]) -> dict[str, list[float | None]]:
        """Return each client's share of the chunks at `times` (ascending), None if not there."""
        rows: dict[str, list[float | None]] = {host: [] for host in self.clients}
        held, transfers = Counter[str](), iter(self.transfers)
        upcoming = next(transfers, None)
        for time in times:
            while upcoming is not None and upcoming.time <= time:
                held[upcoming.taker] += upcoming.new
                upcoming = next(transfers, None)
            for host, row in rows.items():
                row.append(held[host] / self.chunk_count if self.there(host, time) else None)
        return rows

    def copies(self, times: Sequence[float]) -> list[list[int]]:
        """Return how many hosts that were there had each chunk, for each of `times` (ascending)."""
        changes: list[tuple[float, int, int]] = []
        for each in self.transfers:
            if each.new and each.taker in self.presence:
                gone = self.presence[each.taker][1]
                changes += [(each.time, each.chunk, 1), (gone, each.chunk, -1)]
        changes.sort()
        counts, done, columns = [0] * self.chunk_count, 0, []
        for time in times:
            while done < len(changes) and changes[done][0] <= time:
                counts[changes[done][1]] += changes[done][2]
                done += 1
            seeds = int(self.there(self.server, time))
            columns.append([count + seeds for count in counts])
        return columns


def fold(events: Sequence[Event], *, server: str, chunk_count: int) -> History:
    """Return the history of the swarm that `events` record."""
    start = next((e.time for e in events if e.name == DEMAND_STARTED), 0.0)
    name_of = named(events)
    transfers, contacts, completed = [], [], {}
    for event in events:
        time, host, fields = event.time - start, event.host, event.fields
        if event.name in (CHUNK_RECEIVED, CHUNK_DUPLICATED):
            giver = name_of(str(fields["source"]))
            chunk, size = int(fields["chunk"] or 0), int(fields["bytes"] or 0)
            new = event.name == CHUNK_RECEIVED
            transfers.append(Transfer(time, host, giver, chunk, size, new))
        elif event.name in (CONNECTED, LOST):
            neighbour = name_of(str(fields["neighbour"]))
            contacts.append(Contact(time, host, neighbour, event.name == CONNECTED))
        elif event.name == DELIVERED:
            completed[host] = time
    last = max((each.time for each in transfers), default=0.0)
    return History(
        server=server,
        chunk_count=chunk_count,
        end=max(completed.values(), default=last),
        presence={
            host: (came - start, gone - start)
            for host, (came, gone) in presence(events, server).items()
        },
        completed=completed,
        crashed=frozenset(e.host for e in events if e.name == HOST_CRASHED),
        transfers=transfers,
        contacts=contacts,
    )
