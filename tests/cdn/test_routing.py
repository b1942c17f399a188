"""Routing clients to edges."""

from __future__ import annotations

import pytest

from cdn.routing import Nearest


def test_the_nearest_edge_is_chosen() -> None:
    """Delay decides, whatever the load."""
    delays = {("c", "far"): 0.05, ("c", "near"): 0.01}
    router = Nearest(["far", "near"], lambda client, edge: delays[client, edge])
    assert [router.assign("c") for _ in range(3)] == ["near"] * 3


def test_equal_delays_share_the_load() -> None:
    """Ties go to the least loaded, then to the first name, in any order of naming."""
    router = Nearest(["b", "c", "a"], lambda client, edge: 0.01)
    assert [router.assign(f"client-{n}") for n in range(5)] == ["a", "b", "c", "a", "b"]
    assert router.load == {"a": 2, "b": 2, "c": 1}


def test_no_edges_is_an_error() -> None:
    """A router without edges cannot be built."""
    with pytest.raises(ValueError, match="no edges"):
        Nearest([], lambda client, edge: 0.0)
