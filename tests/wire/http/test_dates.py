"""HTTP dates in their three forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.http.dates import format_date, parse_date

MOMENT = 784111777  # RFC 9110 5.6.7's example


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ],
)
def test_all_three_forms_mean_the_same(text: str) -> None:
    """A recipient reads the preferred and both obsolete forms."""
    assert parse_date(text) == MOMENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-1",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "1994-11-06T08:49:37Z",
    ],
)
def test_anything_else_is_no_date(text: str) -> None:
    """Malformed dates are told apart, never guessed."""
    assert parse_date(text) is None


def test_a_leap_second_is_read() -> None:
    """Second 60 is the second after 59."""
    assert parse_date("Sat, 31 Dec 2016 23:59:60 GMT") == 1483228800


@given(st.integers(0, 253402300799))
def test_what_is_written_is_read_back(moment: int) -> None:
    """Formatting and parsing are inverse on whole seconds."""
    assert parse_date(format_date(moment + 0.5)) == moment


@given(st.text(max_size=40))
def test_no_text_raises(text: str) -> None:
    """Whatever a stranger sends, parsing gives a number or None."""
    parse_date(text)
