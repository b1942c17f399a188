"""Pickers and what they look at: masks, counts, and fair chances."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.decision import Picker
from peer.picker import Availability, Random, RarestFirst, bits, nth_bit
from peer.view import ChunksView

COUNT = 12
masks = st.integers(0, (1 << COUNT) - 1)
some_chunks = st.integers(1, (1 << COUNT) - 1)


class Begun:
    """A download that has asked for a chunk and has none."""

    missing = (1 << COUNT) - 1
    in_flight = 1


def seen_with(neighbours: list[int]) -> ChunksView:
    """Return what one sees whose neighbours have these masks."""
    availability = Availability(COUNT)
    for mask in neighbours:
        availability.add_all(mask)
    return ChunksView(COUNT, availability, Begun())


def naive_bits(mask: int) -> list[int]:
    """Return the positions of the set bits, one by one."""
    return [index for index in range(mask.bit_length()) if mask >> index & 1]


@given(mask=st.integers(0, 1 << 200))
def test_bits_are_the_set_positions(mask: int) -> None:
    """Ascending, each once; and the n-th is found without walking them."""
    expected = naive_bits(mask)
    assert list(bits(mask)) == expected
    assert [nth_bit(mask, n) for n in range(len(expected))] == expected


@given(st.lists(st.tuples(st.booleans(), masks)))
def test_availability_counts_who_comes_and_goes(steps: list[tuple[bool, int]]) -> None:
    """Each chunk is in exactly one level, that of its count, whatever the order of events."""
    availability = Availability(COUNT)
    present: list[int] = []
    for come, mask in steps:
        if come or not present:
            present.append(mask)
            availability.add_all(mask)
        else:
            availability.remove_all(present.pop(mask % len(present)))
    counts = [sum(mask >> index & 1 for mask in present) for index in range(COUNT)]
    assert [availability.count(index) for index in range(COUNT)] == counts
    for index, count in enumerate(counts):
        levels = [level for level, mask in enumerate(availability.levels) if mask >> index & 1]
        assert levels == [count]


@given(st.lists(st.integers(0, COUNT - 1)))
def test_one_chunk_more_is_one_count_more(indexes: list[int]) -> None:
    """Chunks announced one by one count as chunks announced together."""
    availability = Availability(COUNT)
    for index in indexes:
        availability.add(index)
    assert [availability.count(i) for i in range(COUNT)] == [indexes.count(i) for i in range(COUNT)]


@given(candidates=some_chunks, neighbours=st.lists(masks, max_size=6), seed=st.integers())
def test_the_rarest_candidate_is_picked(candidates: int, neighbours: list[int], seed: int) -> None:
    """Never outside the candidates, and never one that more neighbours have than another."""
    chunks = seen_with(neighbours)
    picked = RarestFirst().pick(candidates, chunks, random.Random(seed))
    assert candidates >> picked & 1
    assert chunks.copies(picked) == min(chunks.copies(i) for i in bits(candidates))


@pytest.mark.parametrize("picker", [RarestFirst(), Random()])
def test_ties_are_spread_evenly(picker: Picker) -> None:
    """Of equally rare chunks each is picked equally often."""
    candidates = 0b101101101
    chunks = seen_with([(1 << COUNT) - 1])
    rng = random.Random(1)
    picked = Counter(picker.pick(candidates, chunks, rng) for _ in range(6000))
    assert sorted(picked) == naive_bits(candidates)
    assert all(850 < times < 1150 for times in picked.values())


def test_nothing_to_pick_is_an_error() -> None:
    """A caller without candidates is told so."""
    with pytest.raises(ValueError, match="no chunk to pick"):
        RarestFirst().pick(0, seen_with([]), random.Random(1))
