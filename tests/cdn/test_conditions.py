"""Preconditions and ranges: which answer a GET deserves."""

from __future__ import annotations

import pytest

from cdn.conditions import Selection, Validators, select
from wire.http.dates import format_date
from wire.http.headers import Headers
from wire.http.ranges import Span

MODIFIED = 1_000_000
NOW = Validators('"v1"', MODIFIED)
SAME, EARLIER, LATER = (format_date(MODIFIED + delta) for delta in (0, -10, 10))


@pytest.mark.parametrize(
    ("fields", "selection"),
    [
        ({}, Selection(200)),
        ({"if-none-match": '"v1"'}, Selection(304)),
        ({"if-none-match": 'W/"v1"'}, Selection(304)),
        ({"if-none-match": '"v0", "v1"'}, Selection(304)),
        ({"if-none-match": '"a,b", "v1"'}, Selection(304)),
        ({"if-none-match": "*"}, Selection(304)),
        ({"if-none-match": '"v0"'}, Selection(200)),
        ({"if-none-match": "v1"}, Selection(200)),
        ({"if-modified-since": SAME}, Selection(304)),
        ({"if-modified-since": LATER}, Selection(304)),
        ({"if-modified-since": EARLIER}, Selection(200)),
        ({"if-modified-since": "yesterday"}, Selection(200)),
        ({"if-none-match": '"v0"', "if-modified-since": SAME}, Selection(200)),
        ({"if-match": '"v1"'}, Selection(200)),
        ({"if-match": "*"}, Selection(200)),
        ({"if-match": '"v0"'}, Selection(412)),
        ({"if-match": 'W/"v1"'}, Selection(412)),
        ({"if-unmodified-since": SAME}, Selection(200)),
        ({"if-unmodified-since": EARLIER}, Selection(412)),
        ({"if-match": '"v1"', "if-unmodified-since": EARLIER}, Selection(200)),
        ({"if-match": '"v0"', "if-none-match": '"v1"'}, Selection(412)),
        ({"range": "bytes=1-2"}, Selection(206, Span(1, 3))),
        ({"range": "bytes=100-"}, Selection(416)),
        ({"range": "bytes=0-1,3-4"}, Selection(200)),
        ({"range": "bytes=1-2", "if-range": '"v1"'}, Selection(206, Span(1, 3))),
        ({"range": "bytes=1-2", "if-range": '"v0"'}, Selection(200)),
        ({"range": "bytes=1-2", "if-range": 'W/"v1"'}, Selection(200)),
        ({"range": "bytes=1-2", "if-range": SAME}, Selection(206, Span(1, 3))),
        ({"range": "bytes=1-2", "if-range": LATER}, Selection(200)),
        ({"range": "bytes=100-", "if-range": '"v0"'}, Selection(200)),
        ({"range": "bytes=1-2", "if-none-match": '"v1"'}, Selection(304)),
    ],
)
def test_precedence(fields: dict[str, str], selection: Selection) -> None:
    """RFC 9110 13.2.2, case by case, on a representation of 10 bytes."""
    assert select(Headers(fields), NOW, 10, 200) == selection


def test_without_validators_nothing_is_known_to_be_unchanged() -> None:
    """A representation without tag or date is always sent."""
    fields = Headers({"if-none-match": '"v1"', "if-modified-since": SAME})
    assert select(fields, Validators(), 10, 200) == Selection(200)


def test_a_body_of_unknown_size_is_not_cut() -> None:
    """While the size is unknown a range is ignored."""
    assert select(Headers({"range": "bytes=1-2"}), NOW, None, 200) == Selection(200)


def test_conditions_apply_to_success_only() -> None:
    """A stored 404 stays a 404."""
    assert select(Headers({"if-none-match": "*"}), NOW, 10, 404) == Selection(404)


def test_the_date_stands_in_where_a_client_asks_for_changes() -> None:
    """RFC 9111 4.3.2; If-Unmodified-Since does not count without a date of modification."""
    for fields, status in (
        ({"if-modified-since": LATER}, 304),
        ({"if-unmodified-since": EARLIER}, 200),
    ):
        assert select(Headers(fields), Validators(), 10, 200, made=SAME) == Selection(status)
