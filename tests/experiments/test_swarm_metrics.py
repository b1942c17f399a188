"""What an event log says about a swarm: shares, copies, waste."""

from __future__ import annotations

import math

import pytest

from experiments import swarm_metrics
from experiments.log import Event

MIB = 2**20


def chunk(host: str, source: str, name: str = "chunk_received") -> Event:
    """Return the event of one MiB of chunk coming from `source` to `host`."""
    return Event(2.0, host, name, {"chunk": 0, "source": source, "bytes": MIB})


EVENTS = [
    Event(1.0, "experiment", "demand_started", {}),
    Event(1.0, "client-1", "client_arrived", {}),
    Event(1.0, "client-2", "client_arrived", {}),
    chunk("client-1", "server"),
    chunk("client-2", "server"),
    chunk("client-1", "client-2"),
    chunk("client-2", "client-1"),
    chunk("client-2", "client-1", "chunk_duplicated"),
    Event(3.0, "client-1", "delivery_completed", {}),
    Event(5.0, "client-2", "delivery_completed", {}),
    Event(6.0, "server", "bytes_counted", {"up": 2 * MIB + 10, "down": 0}),
    Event(6.0, "client-1", "bytes_counted", {"up": 2 * MIB + 20, "down": 0}),
    Event(6.0, "client-2", "bytes_counted", {"up": MIB + 30, "down": 0}),
]


def fold(events: list[Event], up: float = 8e6) -> swarm_metrics.SwarmMetrics | None:
    """Fold with a file of two MiB and three equal uplinks."""
    hosts = ("server", "client-1", "client-2")
    return swarm_metrics.fold(
        events, size=2 * MIB, server="server", uplinks=dict.fromkeys(hosts, up)
    )


def test_chunks_are_counted_by_giver_and_taker() -> None:
    """Two MiB from the seed make one copy; duplicates were sent, but are nobody's gain."""
    got = fold(EVENTS)
    assert got is not None
    assert (got.seed_copies, got.duplicate_bytes, got.control_bytes) == (1.0, MIB, 60)
    assert (got.share_ratio_min, got.share_ratio_mean, got.share_ratio_max) == (0.5, 0.75, 1.0)
    assert got.tail_s == 0.0


def test_utilisation_is_what_was_delivered_over_what_could_be() -> None:
    """Two files of 2 MiB in four seconds through 24 Mb/s."""
    got = fold(EVENTS)
    assert got is not None
    assert got.uplink_utilisation == pytest.approx(2 * 2 * MIB * 8 / (4 * 24e6))


def test_who_was_not_there_could_not_send() -> None:
    """One client comes two seconds late, and the server leaves after one second."""
    late = Event(3.0, "client-2", "client_arrived", {})
    gone = Event(2.0, "server", "seed_left", {})
    got = fold([*EVENTS[:2], *EVENTS[3:-5], late, gone, *EVENTS[-5:]])
    assert got is not None
    assert got.uplink_utilisation == pytest.approx(2 * 2 * MIB * 8 / ((1 + 4 + 2) * 8e6))
    assert (got.mean_s, got.makespan_s) == (2.0, 4.0)


def test_an_unlimited_uplink_has_no_utilisation() -> None:
    """A share of infinity says nothing."""
    got = fold(EVENTS, up=math.inf)
    assert got is not None
    assert got.uplink_utilisation is None


def test_without_chunks_there_is_no_swarm() -> None:
    """A delivery over HTTP has no such metrics."""
    assert fold([event for event in EVENTS if not event.name.startswith("chunk")]) is None


def test_addresses_are_read_as_the_hosts_they_belong_to() -> None:
    """On real sockets neighbours are known by address; the log says whose it is."""
    named = Event(0.0, "server", "host_named", {"address": "127.0.0.9"})
    moved = [
        Event(e.time, e.host, e.name, {**e.fields, "source": "127.0.0.9"})
        if e.fields.get("source") == "server"
        else e
        for e in EVENTS
    ]
    assert fold([named, *moved]) == fold(EVENTS)
