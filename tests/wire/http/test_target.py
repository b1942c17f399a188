"""Request targets and Host."""

from __future__ import annotations

import pytest

from wire.http.errors import BadRequestError
from wire.http.headers import Headers
from wire.http.target import Target, check_host, parse_target


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("/", Target("/")),
        ("/a%20b?x=1&y", Target("/a%20b", "x=1&y")),
        ("//a/../b", Target("//a/../b")),
        ("http://host:80/a?b", Target("/a", "b", "http", "host:80")),
        ("HTTP://Host", Target("/", "", "http", "host")),
        ("https://[::1]?x", Target("/", "x", "https", "[::1]")),
    ],
)
def test_origin_and_absolute_form(target: str, parts: Target) -> None:
    """Both forms give the same parts; nothing is decoded."""
    assert parse_target("GET", target) == parts


def test_connect_names_an_authority() -> None:
    """The authority form belongs to CONNECT."""
    assert parse_target("CONNECT", "Host:443") == Target("", authority="host:443")


@pytest.mark.parametrize(
    "target",
    [
        "",
        "a",
        "*",
        "ftp://host/a",
        "host:80",
        "/a#b",
        "http://me@host/",
        "http://:80/",
        "http:///a",
    ],
)
def test_other_forms_are_bad_requests(target: str) -> None:
    """What a server cannot answer is a 400."""
    with pytest.raises(BadRequestError):
        parse_target("GET", target)


@pytest.mark.parametrize("target", ["", "/", "*", "http://host/", "me@host:443", ":443"])
def test_connect_to_anything_else_is_a_bad_request(target: str) -> None:
    """RFC 9112 3.2.3: only host and port."""
    with pytest.raises(BadRequestError):
        parse_target("CONNECT", target)


def test_options_may_ask_about_the_server() -> None:
    """The asterisk form belongs to OPTIONS."""
    assert parse_target("OPTIONS", "*") == Target("*")


def test_parameters_are_decoded() -> None:
    """Query parameters come decoded, the last of equal names."""
    assert Target("/", "a=1%20+2&b=&a=3").parameters() == {"a": "3", "b": ""}


@pytest.mark.parametrize("query", ["a=%ff", "&".join("a=1" for _ in range(65))])
def test_hostile_queries_are_bad_requests(query: str) -> None:
    """Bytes that are not UTF-8 and too many parameters are refused."""
    with pytest.raises(BadRequestError):
        Target("/", query).parameters()


@pytest.mark.parametrize("host", ["a", "a.b:80", "[::1]:8000", "", "10.0.0.1", "edge_1:"])
def test_hosts_that_stand(host: str) -> None:
    """Names, addresses and ports pass."""
    check_host(Headers({"host": host}))


@pytest.mark.parametrize("host", ["a b", "a/b", "user@host", "a:b", "[::1", "a, b"])
def test_malformed_hosts_are_bad_requests(host: str) -> None:
    """RFC 9112 3.2: an invalid Host value is a 400."""
    with pytest.raises(BadRequestError):
        check_host(Headers({"host": host}))
