"""What an event log comes to."""

from __future__ import annotations

import gzip
import json

import pytest

from experiments import metrics
from experiments.log import Event, EventLog

EVENTS = [
    Event(2.0, "experiment", "demand_started", {}),
    Event(5.0, "client-2", "delivery_completed", {"bytes": 7}),
    Event(4.0, "client-1", "delivery_completed", {"bytes": 7}),
    Event(6.0, "client-3", "delivery_failed", {"reason": "gave up"}),
    Event(6.0, "server", "bytes_counted", {"up": 10, "down": 1}),
    Event(6.0, "edge-1", "bytes_counted", {"up": 20, "down": 1}),
    Event(6.0, "edge-2", "bytes_counted", {"up": 30, "down": 1}),
    Event(6.0, "client-1", "bytes_counted", {"up": 3, "down": 7}),
]


def test_times_count_from_demand() -> None:
    """Placement before demand is not waiting time."""
    assert metrics.completions(EVENTS) == [2.0, 3.0]


def test_who_comes_later_waits_from_then() -> None:
    """Times count from each client's own arrival, in the order of arrival."""
    late = Event(3.5, "client-1", "client_arrived", {})
    assert metrics.waits([EVENTS[0], late, *EVENTS[1:]]) == {"client-1": 0.5, "client-2": 3.0}


def test_bytes_are_summed_by_role() -> None:
    """A role is the host's name up to its number."""
    assert [metrics.bytes_sent(EVENTS, role) for role in ("server", "edge", "client")] == [
        10, 50, 3,
    ]  # fmt: skip


def test_failures_name_client_and_reason() -> None:
    """Who was not served, and why."""
    assert metrics.failures(EVENTS) == ["client-3: gave up"]


@pytest.mark.parametrize(
    ("q", "value"), [(0.0, 1), (0.5, 5), (0.51, 6), (0.95, 10), (0.9, 9), (1.0, 10)]
)
def test_quantiles_are_nearest_rank(q: float, value: float) -> None:
    """Each quantile is one of the values."""
    assert metrics.quantile(list(range(1, 11)), q) == value


def test_nobody_served_has_no_times() -> None:
    """Absent times are None, not zero."""
    got = metrics.summarise(
        [], model="p2p", clients=3, seed=1, bound=2.0, valid=True, digest="", wall=0.1
    )
    assert (got.first_s, got.last_s, got.ratio) == (None, None, None)


def test_the_ratio_is_last_over_bound() -> None:
    """3 s against a bound of 2 s."""
    got = metrics.summarise(
        EVENTS, model="p2p", clients=3, seed=1, bound=2.0, valid=True, digest="", wall=0.1
    )
    assert (got.first_s, got.median_s, got.last_s, got.ratio) == (2.0, 2.0, 3.0, 1.5)


def test_the_log_is_canonical_json() -> None:
    """Lines are sorted by key, and stamped with the time of the call."""
    times = iter([0.25, 1.5])
    log = EventLog(lambda: next(times))
    log.trace("b")("chunk_received", source="a", chunk=3)
    log.trace("a")("peer_left")
    lines = gzip.decompress(log.compressed()).decode().splitlines()
    assert lines[0] == '{"chunk":3,"event":"chunk_received","host":"b","source":"a","t":0.25}'
    assert json.loads(lines[1]) == {"event": "peer_left", "host": "a", "t": 1.5}


def test_a_closed_log_records_nothing_more() -> None:
    """What nodes do while the stage is cleared is not the experiment."""
    log = EventLog(lambda: 1.0)
    log.trace("a")("peer_joined")
    log.close()
    log.trace("a")("peer_left")
    assert [event.name for event in log] == ["peer_joined"]


def test_equal_logs_have_equal_digests_and_files() -> None:
    """The digest depends on the events alone, and so do the bytes on disk."""
    logs = [EventLog(lambda: 1.0) for _ in range(3)]
    for log, chunk in zip(logs, (1, 1, 2), strict=True):
        log.trace("a")("chunk_received", chunk=chunk)
    assert logs[0].digest() == logs[1].digest() != logs[2].digest()
    assert logs[0].compressed() == logs[1].compressed()
