"""What goes into one send."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wire.http.sending import JOINED, sends


@given(st.lists(st.binary(max_size=50)), st.integers(1, 60))
def test_nothing_is_lost_or_oversized(parts: list[bytes], piece: int) -> None:
    """The sends together are the parts, none longer than a piece."""
    sent = [bytes(part) for part in sends(parts, piece)]
    assert b"".join(sent) == b"".join(parts)
    assert all(0 < len(part) <= piece for part in sent)


def test_small_parts_leave_together() -> None:
    """A head and a small body are one send."""
    assert [bytes(part) for part in sends([b"head", b"body"], 1000)] == [b"headbody"]


def test_large_parts_are_not_copied() -> None:
    """A large body is sent from where it lies."""
    body = bytearray(JOINED + 1)
    _, sent = sends([b"head", body], 1 << 20)
    body[0] = 7
    assert sent[0] == 7
