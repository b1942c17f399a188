"""Heads of responses as files."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdn.freshness import Freshness
from cdn.store.head import BodyMark, Head, UnreadableError, pack, unpack
from cdn.stored import Part
from wire.http.ranges import Span

text = st.text(st.characters(max_codepoint=255), max_size=20)
fields = st.lists(st.tuples(text, text), max_size=4).map(tuple)
spans = st.tuples(st.integers(0, 10), st.integers(11, 20)).map(lambda ends: Span(*ends))
heads = st.builds(
    Head,
    name=text,
    key=text,
    status=st.integers(200, 599),
    headers=fields,
    freshness=st.builds(
        Freshness,
        st.floats(0, 1e9),
        st.floats(0, 1e9),
        st.floats(0, 2e9),
        always_ask=st.booleans(),
        never_stale=st.booleans(),
        while_revalidate=st.floats(0, 1e9),
        if_error=st.none() | st.floats(0, 1e9),
    ),
    selecting=st.lists(st.tuples(text, st.none() | text), max_size=3).map(tuple),
    part=st.none() | st.builds(Part, spans, st.integers(20, 30)),
    body=st.builds(BodyMark, *[st.integers(0, 2**32 - 1)] * 3, fields),
)


@given(heads)
def test_a_head_comes_back_as_it_was(head: Head) -> None:
    """Every field survives the file."""
    assert unpack(pack(head)) == head


@given(heads, st.data())
def test_a_damaged_head_is_never_believed(head: Head, data: st.DataObject) -> None:
    """A flipped bit or a missing end is noticed, wherever it is."""
    whole = bytearray(pack(head))
    at = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(UnreadableError):
        unpack(bytes(whole[:at]))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(UnreadableError):
        unpack(bytes(whole))


@given(st.binary(max_size=100))
def test_foreign_files_are_no_heads(noise: bytes) -> None:
    """Nothing but what `pack` made is read."""
    for data in (noise, b"swarmbed" + noise, b"swarmbed\0\1" + noise):
        with pytest.raises(UnreadableError):
            unpack(data)


def test_another_version_is_named() -> None:
    """The reason tells an upgrade from damage."""
    with pytest.raises(UnreadableError, match="version 2, not 1"):
        unpack(struct.pack(">8sHII", b"swarmbed", 2, 0, 0))
