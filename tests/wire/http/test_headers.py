"""Headers: order, case, joined lines."""

from __future__ import annotations

import pytest

from wire.http.headers import Headers


def test_names_are_lower_case_and_order_is_kept() -> None:
    """Field names compare without case; lines stay in order."""
    headers = Headers([("B", "1"), ("a", "2")])
    assert list(headers) == [("b", "1"), ("a", "2")]


def test_equal_names_are_joined_by_commas() -> None:
    """Several lines of one field read as one list."""
    assert Headers([("via", "1.1 a"), ("Via", "1.1 b")]).get("via") == "1.1 a, 1.1 b"


def test_a_missing_field_is_none() -> None:
    """Looking up an absent field gives None, not an empty string."""
    headers = Headers({"a": ""})
    assert (headers.get("a"), headers.get("b"), "b" in headers) == ("", None, False)


@pytest.mark.parametrize(
    ("value", "members"),
    [("close", ("close",)), (" Keep-Alive , X ", ("keep-alive", "x")), (",,", ())],
)
def test_list_members_are_trimmed_and_lower_case(value: str, members: tuple[str, ...]) -> None:
    """A comma-separated field splits into its members."""
    assert Headers({"connection": value}).items("connection") == members


def test_replacing_drops_every_old_line_of_that_field() -> None:
    """Replace leaves one line where there were two, and all other fields."""
    headers = Headers([("x", "1"), ("y", "2"), ("x", "3")]).replace({"X": "4"})
    assert headers == Headers([("y", "2"), ("x", "4")])


def test_text_survives_the_wire_in_latin_1() -> None:
    """Bytes above 127 come back as they went."""
    raw = [(b"x", b"caf\xe9")]
    assert Headers.decode(raw).encode() == raw
