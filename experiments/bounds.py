"""The least time in which everyone can have the file: the limits a result stands beside.

Pure arithmetic; it knows no scenario, host or protocol. Sizes are bytes, rates bit/s, times
seconds. Each bound counts from the moment of demand and assumes fluid links: no handshake, no
slow start, no header. `setup_time` says what those cost. Derivations: docs/bounds.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

INITIAL_WINDOW = 10 * 1460
"""Bytes a fresh TCP connection may send before the first acknowledgement (RFC 6928)."""


def transfer_time(size: float, rate: float) -> float:
    """Return the time `size` bytes need at `rate`: F / R."""
    return 8 * size / rate


def client_server(size: float, clients: int, server_up: float, slowest_down: float) -> float:
    """Return max{ N F / u_s, F / d_min } (Kurose & Ross, chapter 2.5)."""
    return max(transfer_time(clients * size, server_up), transfer_time(size, slowest_down))


def p2p(
    size: float, clients: int, server_up: float, slowest_down: float, clients_up: float
) -> float:
    """Return max{ F / u_s, F / d_min, N F / (u_s + sum u_i) } (Kumar & Ross 2006).

    `clients_up` is the sum of the clients' uplinks. With several seeds `server_up` is the
    sum of theirs.
    """
    return max(
        transfer_time(size, server_up),
        transfer_time(size, slowest_down),
        transfer_time(clients * size, server_up + clients_up),
    )


def p2p_chunked(size: float, clients: int, up: float, chunks: int) -> float:
    """Return (F / u) (1 + floor(log2 N) / M) (Mundinger, Weber & Weiss 2008).

    Only where every uplink, the seed's included, is `up`, every downlink is at least that, and
    whole chunks are passed on: M + floor(log2 N) slots of one chunk each.
    """
    return transfer_time(size, up) * (1 + (clients.bit_length() - 1) / chunks)


@dataclass(frozen=True, slots=True)
class EdgeLoad:
    """One edge: how many clients it serves, and its uplink and downlink."""

    clients: int
    up: float
    down: float = math.inf


def cdn_warm(size: float, edges: Sequence[EdgeLoad], slowest_down: float) -> float:
    """Return max{ max_e n_e F / u_e, F / d_min }: the file is on every edge beforehand."""
    serving = (transfer_time(edge.clients * size, edge.up) for edge in edges)
    return max(*serving, transfer_time(size, slowest_down), 0.0)


def cdn_cold(
    size: float, edges: Sequence[EdgeLoad], slowest_down: float, origin_up: float
) -> float:
    """Return max{ K' F / u_o, max_e F / d_e, warm bound }: edges fetch once, and pass on at once.

    K' counts the edges that have clients; only they fetch.
    """
    fetching = [edge for edge in edges if edge.clients]
    filling = (transfer_time(size, edge.down) for edge in fetching)
    return max(
        transfer_time(len(fetching) * size, origin_up),
        *filling,
        cdn_warm(size, edges, slowest_down),
    )


def hybrid_warm(
    size: float, clients: int, edges_up: float, clients_up: float, slowest_down: float
) -> float:
    """Return max{ F / d_min, F / sum u_e, N F / (sum u_e + sum u_i) }.

    `edges_up` and `clients_up` are sums. Every byte leaves some edge at least once, which is
    the middle term; it decides when clients are few.
    """
    return p2p(size, clients, edges_up, slowest_down, clients_up)


def hybrid_cold(
    size: float,
    edges: Sequence[EdgeLoad],
    clients_up: float,
    slowest_down: float,
    origin_up: float,
) -> float:
    """Return max{ F / d_min, F / u_o, F / sum u_e, N F / (R + sum u_i) }: edges start empty.

    Edges without clients do not count. R is the most that all others together can send, each to
    its own clients: edge e sends what it has fetched at most n_e times, at most at u_e, fetches
    at most at d_e, and all fetch at most at u_o together:
    R = max sum n_e b_e where n_e b_e <= u_e, b_e <= d_e, sum b_e <= u_o.
    """
    busy = sorted((edge for edge in edges if edge.clients), key=lambda edge: -edge.clients)
    left, rate = origin_up, 0.0
    for edge in busy:
        fetched = min(left, edge.down, edge.up / edge.clients)
        left -= fetched
        rate += edge.clients * fetched
    return max(
        transfer_time(size, slowest_down),
        transfer_time(size, origin_up),
        transfer_time(size, sum(min(edge.up, edge.down) for edge in busy)),
        transfer_time(sum(edge.clients for edge in busy) * size, rate + clients_up),
    )


def http_persistent(objects: int, size: float, rate: float, rtt: float) -> float:
    """Return 2 RTT + F/R for the first object and RTT + F/R for each further one."""
    return rtt + objects * (rtt + transfer_time(size, rate))


def http_nonpersistent(objects: int, size: float, rate: float, rtt: float) -> float:
    """Return 2 RTT + F/R for each object: a connection of its own for every one."""
    return objects * (2 * rtt + transfer_time(size, rate))


def setup_time(rtt: float, rate: float, size: float) -> float:
    """Return what one download of `size` over TCP costs beyond F / R: 2 RTT + slow start.

    One RTT for the handshake, one for the request and the first byte's way back. Then the
    window is W = 10 x 1,460 B and doubles per RTT; while a window is sent faster than it is
    acknowledged, the sender stalls: sum over k of max(0, RTT - 2^k W / R), for as many windows
    as the file needs.
    """
    stalls, window, sent = 0.0, float(INITIAL_WINDOW), float(INITIAL_WINDOW)
    while sent < size and transfer_time(window, rate) < rtt:
        stalls += rtt - transfer_time(window, rate)
        window *= 2
        sent += window
    return 2 * rtt + stalls
