"""URLs of downloads."""

from __future__ import annotations

import pytest

from cdn.url import Url
from net.seam import Address


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://host/a?b=1", Url(Address("host", 80), "/a?b=1")),
        ("http://edge-1:8080", Url(Address("edge-1", 8080), "/")),
        ("http://[::1]:81/", Url(Address("::1", 81), "/")),
        ("http://host/a b%20c", Url(Address("host", 80), "/a%20b%20c")),
        ("http://host/#part", Url(Address("host", 80), "/")),
    ],
)
def test_urls_are_read(text: str, url: Url) -> None:
    """Host, port and target, with their defaults."""
    assert Url.parse(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host/a",
        "https://host/",
        "http://",
        "http://host:x/",
        "http://a b/",
        "http://h\u00f6st/",
    ],
)
def test_other_urls_are_refused(text: str) -> None:
    """Only http can be fetched."""
    with pytest.raises(ValueError, match=r"."):
        Url.parse(text)


@pytest.mark.parametrize(
    ("location", "target"),
    [("/x", "http://host:81/x"), ("b?c", "http://host:81/a/b?c"), ("http://o/y", "http://o:80/y")],
)
def test_locations_are_resolved(location: str, target: str) -> None:
    """Relative and absolute Location fields."""
    assert str(Url.parse("http://host:81/a/z").join(location)) == target
