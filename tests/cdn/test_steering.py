"""Steering: loads over a window, edges that are down, and the origin as the last resort."""

from __future__ import annotations

import random

import pytest

from cdn.routing import Fleet, LeastLoaded, Nearest, OriginOnly, Router
from cdn.steering import WINDOW, Steering
from net.seam import Address

ORIGIN = Address("origin", 80)
EDGES = {name: Address(name, 80) for name in ("edge-1", "edge-2", "edge-3")}


def steering(router: Router) -> Steering:
    """Return three equally far edges behind `router`."""
    return Steering(router, EDGES, ORIGIN, delay=lambda c, e: 0.01, rng=random.Random(1))


def test_requests_count_as_load_for_a_while() -> None:
    """What was sent longer ago than the window is forgotten."""
    steers = steering(LeastLoaded())
    chosen = [steers.choose("c", "/a", 0.0)[0] for _ in range(4)]
    assert chosen == ["edge-1", "edge-2", "edge-3", "edge-1"]
    assert steers.choose("c", "/a", WINDOW) == ("edge-1", EDGES["edge-1"])
    assert dict(steers.load) == {"edge-1": 1, "edge-2": 0, "edge-3": 0}


def test_an_edge_that_is_down_gets_nothing() -> None:
    """Its clients go to the next; when it is back, they come back."""
    steers = steering(Nearest())
    steers.mark("edge-1", up=False)
    assert steers.choose("c", "/a", 0.0)[0] == "edge-2"
    steers.mark("edge-1", up=True)
    assert steers.choose("c", "/a", 0.0)[0] == "edge-1"


def test_the_origin_is_the_last_resort() -> None:
    """Without an edge that is up, and where the router says so, clients go to the origin."""
    steers = steering(Nearest())
    for edge in EDGES:
        steers.mark(edge, up=False)
    assert steers.choose("c", "/a", 0.0) == (None, ORIGIN)
    assert steering(OriginOnly()).choose("c", "/a", 0.0) == (None, ORIGIN)


def test_a_router_must_choose_what_is_up() -> None:
    """A router of one's own that names anything else is told so."""

    class Stubborn:
        def route(self, client: str, key: str, fleet: Fleet) -> str:
            return "edge-1"

    steers = steering(Stubborn())
    steers.mark("edge-1", up=False)
    with pytest.raises(ValueError, match="chose 'edge-1', which is no edge that is up"):
        steers.choose("c", "/a", 0.0)
