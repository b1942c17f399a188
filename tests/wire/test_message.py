"""A bit field says which chunks, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.errors import ProtocolError
from wire.message import (
    Bitfield,
)


@given(st.integers(0, 70), st.data())
def test_a_bit_field_is_its_mask(count: int, data: st.DataObject) -> None:
    """A mask of any number of chunks survives."""
    have = data.draw(st.integers(0, (1 << count) - 1))
    assert Bitfield.of(have, count).mask(count) == have


@pytest.mark.parametrize(("bits", "count"), [(b"\x08", 3), (b"", 1), (b"\x01\x00", 8)])
def test_a_bit_field_of_another_length_is_refused(bits: bytes, count: int) -> None:
    """Missing bytes, spare bytes and spare bits are malformed."""
    with pytest.raises(ProtocolError, match=f"does not describe {count} chunks"):
        Bitfield(bits).mask(count)
