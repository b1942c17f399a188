"""Spreading along trees: everybody gets what they want, and givers share the work."""

from __future__ import annotations

from collections import Counter

import pytest
import trio

from cdn.edge import Edge
from cdn.site import MemoryResource, MemorySite
from cdn.spread import ROOT, Station, Tree, k_ary, spread
from net.seam import Address
from tests.cdn.internet import Internet, Journal, wall

PATHS = [f"/{number}" for number in range(4)]
SITE = MemorySite({path: MemoryResource.of(path, path.encode() * 1000) for path in PATHS})


@pytest.mark.parametrize(
    ("edges", "arity", "tree"),
    [
        ("abc", 3, {ROOT: "abc"}),
        ("abcdef", 2, {ROOT: "ab", "a": "cd", "b": "ef"}),
        ("abc", 1, {ROOT: "a", "a": "b", "b": "c"}),
    ],
)
def test_k_ary_trees(edges: str, arity: int, tree: dict[str | None, str]) -> None:
    """Level by level, in order; an arity of one is a chain."""
    made = k_ary(tuple(edges), arity)
    assert {parent: "".join(children) for parent, children in made.items()} == tree


def test_a_tree_needs_children() -> None:
    """An arity of zero reaches nobody."""
    with pytest.raises(ValueError, match="at least 1"):
        k_ary(("a",), 0)


async def over(
    tree: Tree, wanted: dict[str, list[str]], *, again: bool = False
) -> tuple[dict[str, set[str]], Counter[str]]:
    """Spread over five edges; return what each holds and how many objects each host gave."""
    internet, given = Internet(), Counter[str]()
    stations, caches = {}, {}
    journals = {name: Journal() for name in ("origin", *"abcde")}
    async with trio.open_nursery() as nursery:
        for name in "abcde":
            host = internet.attach(name)
            edge = Edge(
                host,
                Address("origin", 80),
                capacity=1 << 20,
                wall=wall,
                placers=["origin", *"abcde"],
            )
            server = await nursery.start(edge.serve, await host.listen(80))
            door = await nursery.start(edge.serve_placement, await host.listen(81))
            stations[name] = Station(host, server, door, journals[name])
            caches[name] = edge.cache
        origin = internet.attach("origin")
        if again:
            await spread(origin, SITE, {"a": PATHS[:3]}, stations, tree)
        await spread(origin, SITE, wanted, stations, tree, spare=again, trace=journals["origin"])
        nursery.cancel_scope.cancel()
    for name, journal in journals.items():
        given[name] = journal.count("object_placed")
    return {name: {path for path in PATHS if path in caches[name]} for name in caches}, +given


@pytest.mark.trio
async def test_a_tree_shares_the_work() -> None:
    """The origin gives each object to its children only; they pass it on."""
    everything = dict.fromkeys("abcde", PATHS)
    held, given = await over(k_ary(tuple("abcde"), 2), everything)
    assert held == {name: set(PATHS) for name in "abcde"}
    assert given == {"origin": 8, "a": 8, "b": 4}


@pytest.mark.trio
async def test_a_star_is_a_tree_of_one_level() -> None:
    """The origin gives everything itself."""
    held, given = await over({ROOT: "abcde"}, {"a": PATHS[:1], "c": PATHS})
    assert (held["a"], held["b"], held["c"]) == ({"/0"}, set(), set(PATHS))
    assert given == {"origin": 5}


@pytest.mark.trio
async def test_what_a_parent_lacks_comes_from_the_origin() -> None:
    """A child is not held up by what its parent does not want."""
    held, given = await over(k_ary(tuple("abc"), 1), {"a": ["/0"], "b": ["/0", "/1"], "c": ["/1"]})
    assert (held["b"], held["c"]) == ({"/0", "/1"}, {"/1"})
    assert given == {"origin": 2, "a": 1, "b": 1}


@pytest.mark.trio
async def test_an_edge_is_spared_what_it_has() -> None:
    """Asked first, it is given the rest; and passes on what it had."""
    wanted = {"a": PATHS, "b": PATHS}
    held, given = await over(k_ary(tuple("ab"), 1), wanted, again=True)
    assert (held["a"], held["b"]) == (set(PATHS), set(PATHS))
    assert given == {"origin": 1, "a": 4}
