"""What a run of a CDN comes to: hit ratios, egress, waiting, balance and cost.

Folds over the event log and the hosts' byte counts; it never looks at a live cache. Times are
seconds, sizes bytes. What happens before the end of the warm-up is not counted.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from experiments.log import Event
from experiments.metrics import BYTES_COUNTED, BYTES_NOTED, DEMAND_STARTED, quantile
from experiments.scenario.delivery import Price
from experiments.swarm_metrics import names as named

HIT, MISSED, PUSHED = "cache_hit", "cache_missed", "object_pushed"
STALE_SERVED, HANDLER_FAILED = "stale_served", "handler_failed"
COMPLETED, FAILED, INTERRUPTED = "request_completed", "request_failed", "download_interrupted"
SIBLING_ANSWERED, PLACED = "sibling_answered", "placement_finished"
TIERS = ("edge", "regional", "shield", "origin")
GB = 1e9


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """How long requests took, in seconds; None where there were none."""

    mean_s: float | None
    p50_s: float | None
    p90_s: float | None
    p95_s: float | None
    p99_s: float | None


class CacheMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """One cache, or all of a tier: what it was asked for, and what left it.

    Ratios are over requests and over the bytes of what they asked for; None without requests.
    At edges only clients' requests count. `egress_bytes` is all that left its hosts, headers
    included, and `placed_bytes` the same before demand began; both cost by their price per GB.
    """

    name: str
    requests: int
    hit_ratio: float | None
    byte_hit_ratio: float | None
    egress_bytes: int
    placed_bytes: int
    cost: float


class CdnMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a CDN in numbers.

    `best_hit_ratio` is what caches without limits would have had: only the first request for an
    object at an edge misses. `offload` is 1 - what left the origin / what clients received.
    `errors` counts answers that a fault in code prevented, such as a router's of your own.
    `moved` counts breaks after which a client asked elsewhere, `resumed` requests that went on
    in the middle of an object. `load_max_over_mean` and `load_jain` (1: even, 1/n: one has all)
    are over the requests that each edge was sent. `from_siblings` counts misses that another edge
    answered. `placement_s` is how long the first placement took, before demand began. `stale`
    counts answers with what was stale because the origin was out of reach. `cost` is in the unit of
    the prices, `cost_per_gb` by what clients received.
    """

    requests: int
    failed: int
    errors: int
    moved: int
    resumed: int
    bytes: int
    hit_ratio: float | None
    byte_hit_ratio: float | None
    best_hit_ratio: float | None
    stale: int
    from_siblings: int
    offload: float | None
    cost: float
    cost_per_gb: float | None
    first_byte: Waiting
    last_byte: Waiting
    placement_s: float | None
    load_max_over_mean: float | None
    load_jain: float | None
    tiers: list[CacheMetrics]
    caches: list[CacheMetrics]


def fold(
    events: Sequence[Event],
    *,
    sizes: Mapping[str, int],
    clients: Iterable[str],
    edges: Sequence[str],
    warm_up: float,
    price: Price,
) -> CdnMetrics:
    """Return the metrics of the run that `events` record; `sizes` are the objects' by path."""
    start = next((e.time for e in events if e.name == DEMAND_STARTED), 0.0)
    measured = [event for event in events if event.time >= start + warm_up]
    asked = list(_asked(events, frozenset(clients), named(events)))
    books = _books((event for event in asked if event.time >= start + warm_up), sizes)
    egress, placed = _egress(events), _placed(events)
    done = [event for event in measured if event.name == COMPLETED]
    delivered = sum(int(event.fields["bytes"] or 0) for event in done)
    hosts = [host for host in egress if tier_of(host) in TIERS]
    ledger = _Ledger(books, egress, placed, price)
    caches = [ledger.of(host, [host]) for host in hosts]
    tiers = [
        ledger.of(tier, own)
        for tier in TIERS
        if (own := [host for host in hosts if tier_of(host) == tier])
    ]
    placements = [event for event in events if event.name == PLACED]
    sent = [books[edge].requests for edge in edges]
    of = {tier.name: tier for tier in tiers}
    cost = sum(tier.cost for tier in tiers)
    origin = of["origin"].egress_bytes if "origin" in of else 0
    return CdnMetrics(
        requests=len(done),
        failed=_count(measured, FAILED),
        errors=_count(measured, HANDLER_FAILED),
        moved=_count(measured, INTERRUPTED),
        resumed=sum(bool(event.fields["resumed"]) for event in done),
        bytes=delivered,
        hit_ratio=of["edge"].hit_ratio,
        byte_hit_ratio=of["edge"].byte_hit_ratio,
        best_hit_ratio=_best(events, asked, start + warm_up, frozenset(edges)),
        stale=_count(measured, STALE_SERVED),
        from_siblings=_count(measured, SIBLING_ANSWERED),
        offload=1 - origin / delivered if delivered else None,
        cost=cost,
        cost_per_gb=cost / delivered * GB if delivered else None,
        first_byte=_waiting([float(event.fields["first_byte"] or 0) for event in done]),
        last_byte=_waiting([float(event.fields["seconds"] or 0) for event in done]),
        placement_s=next((float(e.fields["seconds"] or 0) for e in placements), None),
        load_max_over_mean=max(sent) * len(sent) / sum(sent) if sum(sent) else None,
        load_jain=jain(sent),
        tiers=tiers,
        caches=caches,
    )


def tier_of(host: str) -> str:
    """Return the tier of a host by its name."""
    return "origin" if host == "server" else host.partition("-")[0]


def jain(loads: Sequence[float]) -> float | None:
    """Return (sum x)^2 / (n sum x^2), None if there is no load (Jain, Chiu & Hawe 1984)."""
    squares = sum(load * load for load in loads)
    return sum(loads) ** 2 / (len(loads) * squares) if squares else None


@dataclass
class _Book:
    requests: int = 0
    hits: int = 0
    bytes: int = 0
    hit_bytes: int = 0


def _asked(
    events: Iterable[Event], clients: frozenset[str], name_of: Callable[[str], str]
) -> Iterator[Event]:
    """Yield what caches were asked for; at edges by clients only, not by siblings or probers."""
    for event in events:
        if event.name in (HIT, MISSED):
            asking = name_of(str(event.fields["client"]).rpartition(":")[0])
            if tier_of(event.host) != "edge" or asking in clients:
                yield event


def _books(asked: Iterable[Event], sizes: Mapping[str, int]) -> defaultdict[str, _Book]:
    books: defaultdict[str, _Book] = defaultdict(_Book)
    for event in asked:
        book, size = books[event.host], sizes.get(str(event.fields["path"]), 0)
        hit = event.name == HIT
        book.requests += 1
        book.bytes += size
        book.hits += hit
        book.hit_bytes += hit * size
    return books


@dataclass(frozen=True)
class _Ledger:
    books: Mapping[str, _Book]
    egress: Mapping[str, int]
    placed: Mapping[str, int]
    price: Price

    def of(self, name: str, hosts: Sequence[str]) -> CacheMetrics:
        """Return what `hosts`, all of one tier, come to together."""
        own = [self.books.get(host, _Book()) for host in hosts]
        requests, asked = sum(book.requests for book in own), sum(book.bytes for book in own)
        out = sum(self.egress[host] for host in hosts)
        before = sum(self.placed.get(host, 0) for host in hosts)
        return CacheMetrics(
            name=name,
            requests=requests,
            hit_ratio=sum(book.hits for book in own) / requests if requests else None,
            byte_hit_ratio=sum(book.hit_bytes for book in own) / asked if asked else None,
            egress_bytes=out,
            placed_bytes=before,
            cost=(out + before) / GB * float(getattr(self.price, tier_of(hosts[0]))),
        )


def _egress(events: Iterable[Event]) -> dict[str, int]:
    """Return what left each host since its bytes were last noted."""
    noted, counted = Counter[str](), dict[str, int]()
    for event in events:
        if event.name == BYTES_NOTED:
            noted[event.host] = int(event.fields["up"] or 0)
        elif event.name == BYTES_COUNTED:
            counted[event.host] = int(event.fields["up"] or 0)
    return {host: up - noted[host] for host, up in counted.items()}


def _placed(events: Iterable[Event]) -> dict[str, int]:
    """Return what had left each host when its bytes were first noted: before demand."""
    placed: dict[str, int] = {}
    for event in events:
        if event.name == BYTES_NOTED:
            placed.setdefault(event.host, int(event.fields["up"] or 0))
    return placed


def _best(
    events: Iterable[Event], asked: Iterable[Event], since: float, edges: frozenset[str]
) -> float | None:
    """Return the hit ratio of edges that forget nothing of what they were asked or given."""
    first = dict[tuple[str, str], float]()
    for event in events:
        if event.name == PUSHED:
            first.setdefault((event.host, str(event.fields["path"])), event.time)
    hits = requests = 0
    for event in asked:
        if event.host in edges:
            where = (event.host, str(event.fields["path"]))
            if event.time >= since:
                requests += 1
                hits += first.get(where, math.inf) <= event.time
            first.setdefault(where, event.time)
    return hits / requests if requests else None


def _waiting(times: Sequence[float]) -> Waiting:
    ordered = sorted(times)
    return Waiting(
        mean_s=sum(ordered) / len(ordered) if ordered else None,
        p50_s=quantile(ordered, 0.50),
        p90_s=quantile(ordered, 0.90),
        p95_s=quantile(ordered, 0.95),
        p99_s=quantile(ordered, 0.99),
    )


def _count(events: Iterable[Event], name: str) -> int:
    return sum(event.name == name for event in events)
