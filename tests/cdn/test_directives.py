"""Reading Cache-Control and CDN-Cache-Control."""

from __future__ import annotations

import pytest

from cdn.directives import Directives, delta_seconds, of_response, parse
from wire.http.headers import Headers


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("max-age=5, no-store", {"max-age": "5", "no-store": None}),
        ("MAX-AGE=5", {"max-age": "5"}),
        ('private="a, max-age=9", max-age=1', {"private": "a, max-age=9", "max-age": "1"}),
        ('x="a\\"b, no-store", max-age=1', {"x": 'a\\"b, no-store', "max-age": "1"}),
        ("max-age=1, max-age=2", {"max-age": "1"}),
        (",, ,", {}),
    ],
)
def test_directives_are_read(value: str, found: dict[str, str | None]) -> None:
    """Names without case, quoted values whole, the first of equal ones (RFC 9111 5.2)."""
    assert parse(value) == Directives(found)


@pytest.mark.parametrize("noise", [",", " ", ', "', 'a="', '"\\', "a=\\"])
def test_long_noise_is_read_in_one_pass(noise: str) -> None:
    """No field of a stranger keeps a cache busy: twice the length takes twice the time."""
    value = noise * (2**17 // len(noise)) + ", max-age=5"
    assert len(parse(value).values) <= 2


def test_qualified_directives_name_fields() -> None:
    """With field names, private and no-cache speak of these alone (RFC 9111 5.2.2.4, 5.2.2.7)."""
    found = parse('private="A, b", no-cache=c')
    assert found.fields("private", "no-cache") == ("a", "b", "c")
    assert not found.applies("private")


@pytest.mark.parametrize(
    ("targeted", "found"),
    [
        ("max-age=10, no-store", Directives({"max-age": "10", "no-store": None}, targeted=True)),
        ("max-age=10;foo", Directives({"max-age": "10"}, targeted=True)),
        ("no-store=?0, max-age=1", Directives({"max-age": "1"}, targeted=True)),
        ('max-age="10"', Directives({"plain": None})),
        ("max-age=10, &&&", Directives({"plain": None})),
        ("", Directives({"plain": None})),
    ],
)
def test_the_targeted_field_stands_before_the_plain_one(targeted: str, found: Directives) -> None:
    """RFC 9213 2: a valid structured dictionary with anything in it, or it is not there."""
    fields = Headers({"cache-control": "plain", "cdn-cache-control": targeted})
    assert of_response(fields) == found


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("007", 7), ("1" * 40, 2**31), ("", None), ("-1", None), ("1.5", None), ("٣", None)],
)
def test_delta_seconds(text: str, seconds: int | None) -> None:
    """RFC 9111 1.2.2: digits, and no more of them than mean anything."""
    assert delta_seconds(text) == seconds
