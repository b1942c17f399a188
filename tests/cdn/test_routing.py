"""Routing clients to edges: the papers' own examples, what moves when an edge leaves, balance."""

from __future__ import annotations

import math
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdn.routing import ROUTERS, Fleet, Nearest, Router, RouterError, find_router, jump
from cdn.routing.maglev import TABLE, populate

EDGES = tuple(f"edge-{number:02}" for number in range(10))
KEYS = tuple(f"/object-{number}" for number in range(5_000))
BY_KEY = ("hash-ring", "jump-hash", "rendezvous", "maglev")
SHARE = 1 / len(EDGES)


def fleet(
    edges: tuple[str, ...] = EDGES,
    load: dict[str, int] | None = None,
    delays: dict[tuple[str, str], float] | None = None,
) -> Fleet:
    """Return edges that are equally far unless `delays` says otherwise."""
    known = delays or {}
    return Fleet(
        edges, load or {}, lambda client, edge: known.get((client, edge), 0.01), random.Random(1)
    )


def shares(router: Router, edges: tuple[str, ...] = EDGES) -> dict[str, str | None]:
    """Return where `router` sends each key."""
    there = fleet(edges)
    return {key: router.route("client", key, there) for key in KEYS}


def test_the_nearest_edge_is_chosen() -> None:
    """Delay decides, whatever the load."""
    there = fleet(("far", "near"), {"near": 9}, {("c", "far"): 0.05, ("c", "near"): 0.01})
    assert Nearest().route("c", "/a", there) == "near"


@pytest.mark.parametrize("name", ["nearest", "least-loaded"])
def test_equal_delays_share_the_load(name: str) -> None:
    """Ties go to the least loaded, then to the first name."""
    router, load = find_router(name)(), Counter[str]()
    for _ in range(5):
        load[str(router.route("c", "/a", fleet(("a", "b", "c"), load)))] += 1
    assert load == {"a": 2, "b": 2, "c": 1}


def test_round_robin_takes_turns() -> None:
    """Every edge has its turn, and a missing one is passed over."""
    router = find_router("round-robin")()
    assert [router.route("c", "/", fleet(("a", "b"))) for _ in range(4)] == ["a", "b", "a", "b"]


def test_origin_only_is_no_edge() -> None:
    """None stands for the origin."""
    assert find_router("origin-only")().route("c", "/a", fleet()) is None


@pytest.mark.parametrize(
    ("key", "buckets", "bucket"),
    [
        (10863919174838991, 11, 6),
        (2016238256797177309, 11, 3),
        (1673758223894951030, 11, 5),
        (2, 100_001, 80_343),
        (2201, 100_001, 22_152),
        (2202, 100_001, 15_018),
        (0, 1_000_000, 0),
        (1, 1_000_000, 985_611),
        (0xDEADBEEF, 1_000_000, 479_362),
        (2**64 - 1, 1_000_000, 589_430),
        (2**64 - 1, 10, 9),
    ],
)
def test_jump_hash_gives_the_papers_buckets(key: int, buckets: int, bucket: int) -> None:
    """The published test values, and what the paper's C function gives when compiled."""
    assert jump(key, buckets) == bucket


@given(st.integers(0, 2**64 - 1), st.integers(1, 2_000))
def test_jump_hash_moves_keys_only_to_the_new_bucket(key: int, buckets: int) -> None:
    """With one more bucket a key stays where it is, or goes to the new one."""
    assert jump(key, buckets + 1) in (jump(key, buckets), buckets)


def test_jump_hash_needs_a_bucket() -> None:
    """No bucket is an error, not an endless loop."""
    with pytest.raises(ValueError, match="at least 1"):
        jump(1, 0)


def test_maglev_fills_the_papers_table() -> None:
    """Table 1 of the paper: M = 7, and the lookup table before and after B1 is removed."""
    starts = [(3, 4), (0, 2), (3, 1)]
    preferred = [[(offset + j * skip) % 7 for j in range(7)] for offset, skip in starts]
    assert preferred == [
        [3, 0, 4, 1, 5, 2, 6],
        [0, 2, 4, 6, 1, 3, 5],
        [3, 4, 5, 6, 0, 1, 2],
    ]
    assert populate(starts, 7) == [1, 0, 1, 0, 2, 2, 0]
    b0, b2 = 0, 1
    assert populate([starts[0], starts[2]], 7) == [b0, b0, b0, b0, b2, b2, b2]


@pytest.mark.parametrize("edges", [1, 3, 10, 50])
def test_maglev_shares_differ_by_one_entry(edges: int) -> None:
    """Turns make the table as even as whole numbers allow."""
    rng = random.Random(edges)
    starts = [(rng.randrange(TABLE), rng.randrange(1, TABLE)) for _ in range(edges)]
    counts = Counter(populate(starts, TABLE)).values()
    assert max(counts) - min(counts) <= 1


# What share of all keys moves when an edge leaves: theory says at least those it had, 1/n.
@pytest.mark.parametrize(
    ("name", "leaves", "least", "most"),
    [
        ("hash-ring", 4, SHARE * 0.8, SHARE * 1.2),
        ("rendezvous", 4, SHARE * 0.8, SHARE * 1.2),
        ("maglev", 4, SHARE * 0.8, SHARE * 1.6),
        ("jump-hash", 9, SHARE * 0.8, SHARE * 1.2),
        ("jump-hash", 4, 4 * SHARE, 6 * SHARE),
    ],
)
def test_what_moves_when_an_edge_leaves(name: str, leaves: int, least: float, most: float) -> None:
    """Consistent routers move 1/n of the keys; Maglev some more; jump hash those behind too."""
    router = find_router(name)()
    before = shares(router)
    left = (*EDGES[:leaves], *EDGES[leaves + 1 :])
    after = shares(router, left)
    moved = sum(before[key] != after[key] for key in KEYS) / len(KEYS)
    assert least <= moved <= most


@pytest.mark.parametrize("name", ["hash-ring", "rendezvous"])
def test_only_the_keys_of_the_leaver_move(name: str) -> None:
    """Who had an edge that stays keeps it."""
    router = find_router(name)()
    before, after = shares(router), shares(router, EDGES[1:])
    assert all(after[key] == edge for key, edge in before.items() if edge != EDGES[0])


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("random", 1.15),
        ("round-robin", 1.0),
        ("jump-hash", 1.15),
        ("rendezvous", 1.15),
        ("maglev", 1.15),
        ("hash-ring", 1.35),
    ],
)
def test_load_is_balanced(name: str, most: float) -> None:
    """The fullest edge over the mean: 1 + about 3 standard deviations of 500 keys per edge."""
    there, router = fleet(), find_router(name)()
    counts = Counter(router.route("client", key, there) for key in KEYS)
    assert max(counts.values()) / (len(KEYS) * SHARE) <= most


@given(st.lists(st.sampled_from([f"/{n}" for n in range(5)]), min_size=1, max_size=200))
def test_bounded_load_never_exceeds_its_cap(keys: list[str]) -> None:
    """Whatever is popular, no edge has more than ceil((1 + epsilon) m / n) of m requests."""
    router, load = find_router("bounded-load")(), Counter[str]()
    for count, key in enumerate(keys, start=1):
        load[str(router.route("c", key, fleet(EDGES[:4], load)))] += 1
        assert max(load.values()) <= math.ceil(1.25 * count / 4)


def test_bounded_load_is_the_ring_while_nobody_is_full() -> None:
    """With even loads a key goes where the plain ring sends it."""
    bounded, ring = find_router("bounded-load")(), find_router("hash-ring")()
    even = fleet(load=dict.fromkeys(EDGES, 100))
    assert all(bounded.route("c", k, even) == ring.route("c", k, even) for k in KEYS[:200])


@pytest.mark.parametrize("name", BY_KEY)
def test_equal_keys_go_to_equal_edges(name: str) -> None:
    """A second router, made elsewhere, agrees on every key."""
    assert shares(find_router(name)()) == shares(find_router(name)())


@pytest.mark.parametrize("name", ROUTERS)
def test_every_router_can_do_with_one_edge(name: str) -> None:
    """One edge is enough for all of them."""
    assert find_router(name)().route("c", "/a", fleet(("only",))) in ("only", None)


def test_a_router_is_found_in_a_file(tmp_path: Path) -> None:
    """`file.py:Class` needs nothing but the one method."""
    (tmp_path / "mine.py").write_text(
        "class Last:\n    def route(self, client, key, fleet):\n        return fleet.edges[-1]\n"
    )
    router = find_router(f"{tmp_path}/mine.py:Last")()
    assert router.route("c", "/a", fleet()) == EDGES[-1]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nearst", "did you mean 'nearest'?"),
        ("moon", "there are origin-only, random"),
        ("/absent.py:Last", "there is no file"),
        ("{}/mine.py:Absent", "has no class 'Absent'; it has Last"),
        ("{}/mine.py:Last", r"it has no route\(self, client, key, fleet\)"),
    ],
)
def test_what_is_no_router_is_refused(tmp_path: Path, name: str, says: str) -> None:
    """The refusal names the nearest, or what is missing."""
    (tmp_path / "mine.py").write_text("class Last:\n    pass\n")
    with pytest.raises(RouterError, match=says):
        find_router(name.format(tmp_path))
