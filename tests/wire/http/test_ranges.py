"""Range and Content-Range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.http.ranges import Span, UnsatisfiableError, parse_content_range, parse_range


@pytest.mark.parametrize(
    ("field", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=2-", Span(2, 10)),
        ("bytes=2-99", Span(2, 10)),
        ("bytes=-3", Span(7, 10)),
        ("bytes=-99", Span(0, 10)),
        ("BYTES=1-2", Span(1, 3)),
        ("bytes= 1-2 ", Span(1, 3)),
    ],
)
def test_one_range_selects_a_span(field: str, span: Span) -> None:
    """First-last, open-ended and suffix ranges, clipped to the body."""
    assert parse_range(field, 10) == span


@pytest.mark.parametrize(
    "field", ["", "bytes", "bytes=", "bytes=-", "bytes=3-2", "bytes=a-b", "lines=0-1"]
)
def test_malformed_ranges_are_ignored(field: str) -> None:
    """What is not a byte range is as if it were not there."""
    assert parse_range(field, 10) is None


def test_several_ranges_at_once_are_ignored() -> None:
    """A server may answer a set of ranges with the whole."""
    assert parse_range("bytes=0-1,4-5", 10) is None


@pytest.mark.parametrize(("field", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=-5", 0)])
def test_ranges_past_the_end_cannot_be_satisfied(field: str, size: int) -> None:
    """A well-formed range without a byte of the body is an error of its own."""
    with pytest.raises(UnsatisfiableError):
        parse_range(field, size)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 40))
def test_a_span_never_leaves_the_body(first: int, last: int, size: int) -> None:
    """Every accepted range lies within the body and is what was asked for, clipped."""
    try:
        span = parse_range(f"bytes={first}-{last}", size)
    except UnsatisfiableError:
        assert first >= size
        return
    assert span == (Span(first, min(last + 1, size)) if first <= last else None)


@given(st.text(max_size=30), st.integers(0, 100))
def test_no_text_raises_anything_else(text: str, size: int) -> None:
    """Random fields are a span, ignored, or unsatisfiable."""
    try:
        parse_range(text, size)
    except UnsatisfiableError:
        return
    parse_content_range(text)


def test_content_range_round_trip() -> None:
    """What a server writes, a client reads."""
    assert parse_content_range(Span(2, 5).content_range(10)) == (Span(2, 5), 10)


@pytest.mark.parametrize("field", ["bytes */10", "bytes 5-2/10", "bytes 0-10/10", "x 0-1/2", ""])
def test_content_ranges_that_contradict_themselves_are_refused(field: str) -> None:
    """Unsatisfied, backward and overlong ranges carry no bytes."""
    assert parse_content_range(field) is None


def test_content_range_of_unknown_size() -> None:
    """An asterisk for the size is None."""
    assert parse_content_range("bytes 0-1/*") == (Span(0, 2), None)
