"""What a CDN's event log comes to, on logs small enough to count by hand."""

from __future__ import annotations

import pytest

from experiments.cdn_metrics import CdnMetrics, fold, jain, tier_of
from experiments.log import Event
from experiments.scenario.delivery import Price

SIZES = {"/a": 100, "/b": 300}


def event(time: float, host: str, name: str, **fields: str | float | None) -> Event:
    """Return one event."""
    return Event(time, host, name, fields)


def asked(time: float, host: str, path: str, *, hit: bool, client: str = "client-1") -> Event:
    """Return what a cache says of a request."""
    name = "cache_hit" if hit else "cache_missed"
    return event(time, host, name, path=path, client=f"{client}:50000")


def completed(time: float, path: str, seconds: float, *, resumed: int = 0) -> Event:
    """Return what a client says of a request."""
    return event(
        time, "client-1", "request_completed", path=path, bytes=SIZES[path], seconds=seconds,
        first_byte=seconds / 2, resumed=resumed, server="edge-1",
    )  # fmt: skip


def metrics(*events: Event, warm_up: float = 0.0, price: Price | None = None) -> CdnMetrics:
    """Fold events of a CDN of two edges, after demand has started at 10 s."""
    return fold(
        [event(10, "experiment", "demand_started"), *events],
        sizes=SIZES,
        clients=("client-1", "client-2"),
        edges=("edge-1", "edge-2"),
        warm_up=warm_up,
        price=price or Price(),
    )


BYTES = (
    event(10, "edge-1", "bytes_noted", up=50),
    event(10, "edge-2", "bytes_noted", up=0),
    event(10, "server", "bytes_noted", up=1000),
    event(99, "edge-1", "bytes_counted", up=850),
    event(99, "edge-2", "bytes_counted", up=200),
    event(99, "server", "bytes_counted", up=1500),
)


def test_hits_are_counted_in_requests_and_bytes() -> None:
    """Two of three requests, and 200 of 500 bytes."""
    found = metrics(
        asked(11, "edge-1", "/b", hit=False),
        asked(12, "edge-1", "/a", hit=True),
        asked(13, "edge-2", "/a", hit=True),
        *BYTES,
    )
    edge = found.tiers[0]
    assert (edge.name, edge.requests) == ("edge", 3)
    assert found.hit_ratio == pytest.approx(2 / 3)
    assert found.byte_hit_ratio == pytest.approx(0.4)
    assert [cache.requests for cache in found.caches] == [2, 1, 0]


def test_siblings_and_probers_are_no_clients() -> None:
    """What another edge or the director asks of an edge is no demand."""
    found = metrics(
        asked(11, "edge-1", "/a", hit=True, client="edge-2"),
        asked(11, "edge-1", "/a", hit=True, client="director"),
        asked(12, "edge-1", "/a", hit=False),
        *BYTES,
    )
    assert (found.tiers[0].requests, found.hit_ratio) == (1, 0.0)


def test_upper_caches_are_asked_by_edges() -> None:
    """A regional's requests are its edges'."""
    counted = event(99, "regional-1", "bytes_counted", up=10)
    found = metrics(asked(11, "regional-1", "/a", hit=True, client="edge-1"), *BYTES, counted)
    assert [(tier.name, tier.requests) for tier in found.tiers] == [
        ("edge", 0), ("regional", 1), ("origin", 0),
    ]  # fmt: skip


def test_the_best_hit_ratio_misses_only_first_requests() -> None:
    """A cache without limits hits what it was asked before, or given."""
    found = metrics(
        event(5, "edge-2", "object_pushed", path="/b"),
        asked(11, "edge-1", "/a", hit=False),
        asked(12, "edge-1", "/a", hit=False),
        asked(13, "edge-2", "/a", hit=False),
        asked(14, "edge-2", "/b", hit=False),
        *BYTES,
    )
    assert found.best_hit_ratio == pytest.approx(0.5)


def test_bytes_before_demand_are_placement() -> None:
    """Egress counts from the last note; what left before the first is placement; both cost."""
    later = event(20, "edge-1", "bytes_noted", up=350)
    found = metrics(completed(30, "/a", 1.0), *BYTES[:3], later, *BYTES[3:], warm_up=10.0)
    edge = found.tiers[0]
    assert (edge.egress_bytes, edge.placed_bytes) == (500 + 200, 50)
    assert found.offload == 1 - 500 / 100
    price = Price(edge=1e9, origin=2e9)
    costly = metrics(completed(30, "/a", 1.0), *BYTES, price=price)
    assert costly.cost == 1000 + 50 + 2 * 1500
    assert costly.cost_per_gb == pytest.approx(costly.cost / 100 * 1e9)


def test_waiting_is_of_completed_requests() -> None:
    """Nearest-rank quantiles over what came after the warm-up."""
    found = metrics(
        completed(11, "/a", 9.0),
        *(completed(20 + n, "/a", float(n)) for n in range(1, 101)),
        event(50, "client-1", "request_failed", path="/b", reason="gave up"),
        event(50, "client-1", "download_interrupted", held=5, reason="left"),
        completed(51, "/b", 1.0, resumed=2),
        *BYTES,
        warm_up=5.0,
    )
    assert (found.requests, found.failed, found.moved, found.resumed) == (101, 1, 1, 1)
    assert (found.last_byte.p50_s, found.last_byte.p99_s) == (50.0, 99.0)
    assert found.first_byte.p90_s == 45.0
    assert found.bytes == 100 * 100 + 300


def test_load_is_compared_over_all_edges() -> None:
    """One edge that has all: twice the mean, and Jain's index 1/n."""
    found = metrics(*(asked(11, "edge-1", "/a", hit=True) for _ in range(4)), *BYTES)
    assert (found.load_max_over_mean, found.load_jain) == (2.0, 0.5)
    assert (jain([3, 3, 3]), jain([0, 0])) == (1.0, None)


def test_nothing_is_no_number() -> None:
    """A run in which nobody came has no ratios."""
    found = metrics(*BYTES)
    assert (found.hit_ratio, found.best_hit_ratio, found.offload) == (None, None, None)
    assert (found.cost_per_gb, found.load_jain, found.first_byte.mean_s) == (None, None, None)


@pytest.mark.parametrize(
    ("host", "tier"),
    [("server", "origin"), ("edge-12", "edge"), ("shield-1", "shield"), ("client-1", "client")],
)
def test_a_host_tells_its_tier(host: str, tier: str) -> None:
    """By its name."""
    assert tier_of(host) == tier
