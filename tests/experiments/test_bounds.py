"""The bounds against the textbook's numbers, against each other, and against their own limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import bounds
from experiments.bounds import EdgeLoad

F = 15e9 / 8  # the textbook's 15 Gb file, in bytes
U_S, DOWN = 30e6, 2e6

positive = st.floats(min_value=1e3, max_value=1e10)
counts = st.integers(1, 500)


@pytest.mark.parametrize(("clients", "seconds"), [(10, 7_500), (100, 50_000), (1000, 500_000)])
def test_client_server_matches_the_textbook(clients: int, seconds: float) -> None:
    """F = 15 Gb, u_s = 30 Mb/s, d = 2 Mb/s."""
    assert bounds.client_server(F, clients, U_S, DOWN) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("up", "clients", "seconds"),
    [
        (300e3, 10, 7_500),
        (300e3, 100, 25_000),
        (300e3, 1000, 45_455),
        (700e3, 10, 7_500),
        (700e3, 100, 15_000),
        (700e3, 1000, 20_548),
        (2e6, 10, 7_500),
        (2e6, 100, 7_500),
        (2e6, 1000, 7_500),
    ],
)
def test_p2p_matches_the_textbook(up: float, clients: int, seconds: float) -> None:
    """F = 15 Gb, u_s = 30 Mb/s, d = 2 Mb/s, three uplink rates."""
    assert bounds.p2p(F, clients, U_S, DOWN, clients * up) == pytest.approx(seconds, abs=0.5)


@pytest.mark.parametrize("clients", range(1, 36))
def test_the_textbook_curve(clients: int) -> None:
    """F/u = 1 h, u_s = 10 u, d_min >= u_s: D_cs = N/10 h and D_p2p = N/(N+10) h."""
    up, size, hour = 1e6, 3600e6 / 8, 3600
    client_server = bounds.client_server(size, clients, 10 * up, 10 * up)
    p2p = bounds.p2p(size, clients, 10 * up, 10 * up, clients * up)
    assert client_server == pytest.approx(clients / 10 * hour)
    assert p2p == pytest.approx(max(0.1, clients / (clients + 10)) * hour)


@pytest.mark.parametrize(
    ("clients", "chunks", "slots"),
    [(1, 1, 1), (2, 1, 2), (3, 1, 2), (4, 1, 3), (7, 4, 6), (8, 4, 7), (100, 256, 262)],
)
def test_p2p_in_chunks_counts_slots(clients: int, chunks: int, slots: int) -> None:
    """M + floor(log2 N) slots, each the time one chunk takes."""
    slot = bounds.transfer_time(65536, 1e6)
    assert bounds.p2p_chunked(65536 * chunks, clients, 1e6, chunks) == pytest.approx(slots * slot)


@given(positive, counts, positive, st.integers(1, 10_000))
def test_chunks_cost_more_than_fluid(size: float, clients: int, up: float, chunks: int) -> None:
    """With equal links the chunked optimum is never below the fluid bound."""
    fluid = bounds.p2p(size, clients, up, up, clients * up)
    assert bounds.p2p_chunked(size, clients, up, chunks) >= fluid * (1 - 1e-12)


@given(positive, counts, positive, positive)
def test_one_warm_edge_is_a_server(size: float, clients: int, up: float, down: float) -> None:
    """K = 1, u_e = u_s, warm: the CDN's bound is the client-server bound."""
    warm = bounds.cdn_warm(size, [EdgeLoad(clients, up)], down)
    assert warm == bounds.client_server(size, clients, up, down)


@given(
    positive,
    st.lists(st.builds(EdgeLoad, counts, positive, positive), min_size=1, max_size=8),
    positive,
    positive,
)
def test_the_cold_bound_is_reached_by_a_fluid_schedule(
    size: float, edges: list[EdgeLoad], down: float, origin_up: float
) -> None:
    """One common rate, relayed at once, fits every link and ends exactly at the cold bound."""
    rate = 8 * size / bounds.cdn_cold(size, edges, down, origin_up)
    slack = 1 + 1e-9
    assert len(edges) * rate <= origin_up * slack
    assert rate <= down * slack
    assert all(rate <= edge.down * slack for edge in edges)
    assert all(edge.clients * rate <= edge.up * slack for edge in edges)
    saturated = [len(edges) * rate / origin_up, rate / down]
    saturated += [rate / edge.down for edge in edges]
    saturated += [edge.clients * rate / edge.up for edge in edges]
    assert max(saturated) == pytest.approx(1)


def test_an_edge_without_clients_fetches_nothing() -> None:
    """K' counts fetching edges only."""
    idle, busy = EdgeLoad(0, 1e6, 1e6), EdgeLoad(1, 1e6, 1e6)
    assert bounds.cdn_cold(1e6, [busy, idle], 1e6, 1e6) == pytest.approx(8)
    assert bounds.cdn_cold(1e6, [busy, busy], 1e6, 1e6) == pytest.approx(16)


def test_a_lone_client_waits_for_the_edges_uplink() -> None:
    """Few clients cannot help each other: the hybrid's middle term decides."""
    alone = bounds.hybrid_warm(1e6, 1, edges_up=1e6, clients_up=9e6, slowest_down=math.inf)
    assert alone == pytest.approx(8)


@pytest.mark.parametrize(
    ("clients", "origin_up", "seconds"),
    [
        ([1, 0], 10e6, 80 / 8),  # one edge's uplink alone serves the one client
        ([1, 1], 10e6, 160 / 12),  # the origin's 10 Mb/s, shared by the edges, and 2 of the clients
        ([2, 1, 1], 10e6, 320 / 18),  # 4 fetched and sent twice, 6 once, and 4 of the clients
        ([5, 5], 10e6, 800 / 26),  # both edges' uplinks full, each bit fetched sent five times
        ([5, 5], 2e6, 800 / 20),  # the origin's 2 Mb/s times five, and 10 of the clients
        ([1, 1], 1e6, 80),  # every bit leaves the origin once
    ],
)
def test_cold_edges_send_on_what_they_fetch(
    clients: list[int], origin_up: float, seconds: float
) -> None:
    """80 Mb, edges 8 Mb/s each way, clients 1 Mb/s up and 10 Mb/s down."""
    loads = [EdgeLoad(each, 8e6, 8e6) for each in clients]
    bound = bounds.hybrid_cold(10e6, loads, sum(clients) * 1e6, 10e6, origin_up)
    assert bound == pytest.approx(seconds)


@given(
    positive,
    st.lists(st.builds(EdgeLoad, counts, positive, positive), min_size=1, max_size=8),
    positive,
    positive,
    positive,
)
def test_cold_edges_are_never_faster_than_warm(
    size: float, edges: list[EdgeLoad], clients_up: float, down: float, origin_up: float
) -> None:
    """An origin and edge downlinks without limits leave the warm bound, and limits only add."""
    n, edges_up = sum(edge.clients for edge in edges), sum(edge.up for edge in edges)
    warm = bounds.hybrid_warm(size, n, edges_up, clients_up, down)
    cold = bounds.hybrid_cold(size, edges, clients_up, down, origin_up)
    free = [EdgeLoad(edge.clients, edge.up) for edge in edges]
    assert cold >= warm * (1 - 1e-9)
    assert bounds.hybrid_cold(size, free, clients_up, down, 1e15) == pytest.approx(warm)


def test_http_over_tcp() -> None:
    """Ten objects of 100 kB at 10 Mb/s, RTT 100 ms: 0.08 s of bits and 0.2 s of waiting each."""
    assert bounds.http_nonpersistent(10, 1e5, 10e6, 0.1) == pytest.approx(2.8)
    assert bounds.http_persistent(10, 1e5, 10e6, 0.1) == pytest.approx(1.9)


def test_setup_is_two_round_trips_on_a_slow_link() -> None:
    """Where the first window outlasts the round trip there is no slow start to see."""
    assert bounds.setup_time(rtt=0.04, rate=1e6, size=1e6) == pytest.approx(0.08)


def test_setup_adds_the_stalls_of_slow_start() -> None:
    """10 Mb/s, 40 ms: windows of 11.68 and 23.36 ms leave the link idle for 28.32 + 16.64 ms."""
    assert bounds.setup_time(rtt=0.04, rate=10e6, size=1e9) == pytest.approx(0.08 + 0.04496)


def test_a_file_of_one_window_never_stalls() -> None:
    """Slow start costs nothing to what fits the first window."""
    assert bounds.setup_time(rtt=0.04, rate=1e9, size=14_600) == pytest.approx(0.08)
