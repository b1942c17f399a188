"""A video in chunks: every byte once, and where each lies."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdn.video.ladder import parse_ladder
from cdn.video.synthetic import synthesize
from experiments.shared_video import Place, SharedVideo, UnevenManifest, cut
from peer.picker import bits
from peer.store import ChunkPool
from wire.errors import ProtocolError

VIDEO = synthesize(parse_ladder("240p:100k,480p:300k"), duration=18, segment=4, seed=3)
SHARED = SharedVideo(VIDEO, 16 * 1024)


@given(size=st.integers(1, 10**6), most=st.integers(1000, 10**5))
def test_cuts_are_equal_and_few(size: int, most: int) -> None:
    """Spans follow each other, differ by a byte at most, and fewer would not do."""
    spans = cut(size, most)
    lengths = [len(span) for span in spans]
    assert spans[0].start == 0
    assert spans[-1].stop == size
    assert all(a.stop == b.start for a, b in pairwise(spans))
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) <= most
    assert len(spans) == -(-size // most)


def test_every_byte_is_in_one_chunk() -> None:
    """The chunks of a segment, put together, are the segment; and no chunk is left over."""
    store, site, seen = SHARED.full_store(ChunkPool()), VIDEO.site(), 0
    for rung, each in enumerate(VIDEO.renditions):
        for number in range(len(each.sizes)):
            path = f"/{each.folder}/{each.file_name(number)}"
            place = SHARED.find(path)
            assert place == Place(rung, number)
            chunks = SHARED.chunks(Place(rung, number))
            assert b"".join(store.read(index) for index in chunks) == site.resources[path].content
            assert {SHARED.parts[index].target for index in chunks} == {path}
            assert not seen & SHARED.mask([Place(rung, number)])
            seen |= SHARED.mask([Place(rung, number)])
    assert seen == store.have


def test_a_segment_is_found_at_every_rung() -> None:
    """Its mask joins those of its rungs; beyond the end there is nothing."""
    both = SHARED.mask([Place(0, 2), Place(1, 2)])
    assert SHARED.mask_of_segment(2) == both
    assert list(bits(both)) == list(range(min(bits(both)), max(bits(both)) + 1))
    assert SHARED.mask([Place(0, 99)]) == 0
    assert SHARED.duration(99) == 0.0
    assert SHARED.duration(4) == 2.0
    assert SHARED.find("/master.m3u8") is None


def test_lengths_that_do_not_fit_are_refused() -> None:
    """A manifest's lengths must add up, keep to the chunk size, and be as many as hashes."""
    whole = UnevenManifest("video", 5, 3, (b"a" * 32, b"b" * 32), (2, 3))
    assert [whole.length(index) for index in range(2)] == [2, 3]
    for lengths in ((2, 2), (1, 4), (5,)):
        with pytest.raises(ProtocolError, match="lengths"):
            UnevenManifest("video", 5, 3, (b"a" * 32, b"b" * 32), lengths)
    with pytest.raises(IndexError, match="no chunk 2 of 2"):
        whole.length(2)
