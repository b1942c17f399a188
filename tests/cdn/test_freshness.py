"""Storing and reuse, as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdn.freshness import (
    Exchange,
    Freshness,
    Verdict,
    directives,
    initial_age,
    lifetime,
    objection,
)
from wire.http.dates import format_date
from wire.http.headers import Headers

NOW = 1_000_000.0


def exchange(
    response: dict[str, str], request: dict[str, str] | None = None, status: int = 200
) -> Exchange:
    """Return a GET answered at once."""
    return Exchange("GET", Headers(request or {}), status, Headers(response), NOW, NOW)


def at(offset: float) -> str:
    """Return the HTTP date `offset` seconds from now."""
    return format_date(NOW + offset)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("max-age=5, no-store", {"max-age": "5", "no-store": None}),
        ("MAX-AGE=5", {"max-age": "5"}),
        ('private="a, max-age=9", max-age=1', {"private": "a, max-age=9", "max-age": "1"}),
        ("max-age=1, max-age=2", {"max-age": "1"}),
        (",, ,", {}),
    ],
)
def test_directives_are_read(value: str, found: dict[str, str | None]) -> None:
    """Names without case, quoted values whole, the first of equal ones."""
    assert directives(Headers({"cache-control": value})) == found


@pytest.mark.parametrize(
    ("response", "request_", "status", "why"),
    [
        ({}, {}, 200, None),
        ({"cache-control": "max-age=5"}, {}, 200, None),
        ({"cache-control": "no-cache"}, {}, 200, None),
        ({"cache-control": "no-store"}, {}, 200, "no-store"),
        ({"cache-control": "private"}, {}, 200, "private"),
        ({}, {"cache-control": "no-store"}, 200, "request no-store"),
        ({}, {"authorization": "x"}, 200, "authorization"),
        ({"cache-control": "public"}, {"authorization": "x"}, 200, None),
        ({"vary": "*"}, {}, 200, "vary"),
        ({"vary": "accept"}, {}, 200, None),
        ({}, {}, 404, None),
        ({}, {}, 302, "no freshness"),
        ({"cache-control": "max-age=5"}, {}, 302, None),
        ({"expires": at(5)}, {}, 503, None),
        ({"cache-control": "max-age=5"}, {}, 206, "status"),
        ({"cache-control": "max-age=5"}, {}, 304, "status"),
    ],
)
def test_what_may_be_stored(
    response: dict[str, str], request_: dict[str, str], status: int, why: str | None
) -> None:
    """RFC 9111 3, the first objection of the table."""
    assert objection(exchange(response, request_, status)) == why


@pytest.mark.parametrize(
    ("response", "seconds"),
    [
        ({}, 0),
        ({"cache-control": "max-age=5"}, 5),
        ({"cache-control": "s-maxage=7, max-age=5"}, 7),
        ({"cache-control": "max-age=5", "expires": at(100)}, 5),
        ({"cache-control": "max-age=nonsense"}, 0),
        ({"cache-control": "max-age=-1"}, 0),
        ({"cache-control": "max-age=99999999999999999999"}, 2**31),
        ({"date": at(-10), "expires": at(20)}, 30),
        ({"expires": at(20)}, 20),
        ({"expires": at(-20)}, 0),
        ({"expires": "0"}, 0),
        ({"last-modified": at(-1000)}, 100),
        ({"last-modified": at(-(10**8))}, 86_400),
        ({"last-modified": at(10)}, 0),
    ],
)
def test_lifetimes(response: dict[str, str], seconds: float) -> None:
    """RFC 9111 4.2.1: s-maxage, max-age, Expires, then a guess."""
    if "expires" in response and "date" not in response:
        response = {**response, "date": at(0)}
    if "last-modified" in response:
        response = {**response, "date": at(0)}
    assert lifetime(exchange(response)) == seconds


@pytest.mark.parametrize(
    ("response", "delay", "age"),
    [
        ({}, 0, 0),
        ({"age": "7"}, 0, 7),
        ({"age": "7"}, 2, 9),
        ({"date": at(-30)}, 0, 30),
        ({"date": at(-30), "age": "40"}, 1, 41),
        ({"date": at(30)}, 0, 0),
        ({"age": "x"}, 0, 0),
    ],
)
def test_initial_age(response: dict[str, str], delay: float, age: float) -> None:
    """RFC 9111 4.2.3: the larger of what Date and Age imply."""
    seen = Exchange("GET", Headers(), 200, Headers(response), NOW - delay, NOW)
    assert initial_age(seen) == age


@pytest.mark.parametrize(
    ("response", "request_", "later", "verdict"),
    [
        ("max-age=10", "", 9, Verdict.FRESH),
        ("max-age=10", "", 10, Verdict.STALE),
        ("max-age=10, no-cache", "", 0, Verdict.STALE),
        ("max-age=10", "no-cache", 0, Verdict.STALE),
        ("max-age=10", "max-age=3", 3, Verdict.FRESH),
        ("max-age=10", "max-age=3", 4, Verdict.STALE),
        ("max-age=10", "min-fresh=5", 5, Verdict.FRESH),
        ("max-age=10", "min-fresh=5", 6, Verdict.STALE),
        ("max-age=10", "max-stale", 11, Verdict.STALE),
    ],
)
def test_verdicts(response: str, request_: str, later: float, verdict: Verdict) -> None:
    """RFC 9111 4.2 and 5.2.1; a shared cache here never serves stale."""
    freshness = Freshness.of(exchange({"cache-control": response}))
    request = Headers({"cache-control": request_}) if request_ else Headers()
    assert freshness.judge(request, NOW + later) is verdict


@given(st.text(max_size=60))
def test_no_field_raises(text: str) -> None:
    """Whatever an origin writes, the rules give numbers."""
    fields = dict.fromkeys(("cache-control", "expires", "date", "age", "last-modified"), text)
    seen = exchange(fields)
    assert lifetime(seen) >= 0
    assert initial_age(seen) >= 0
    assert Freshness.of(seen).age(NOW + 1) >= 1
