"""The tables of the cache: every rule by its name, with examples on both sides of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdn.directives import NONE
from cdn.freshness import (
    KEPT,
    LIFETIMES,
    OBJECTIONS,
    ON_FAILURE,
    REUSE,
    Exchange,
    Failure,
    Freshness,
    Verdict,
    initial_age,
    lifetime,
    objection,
    updated,
)
from wire.http.dates import format_date
from wire.http.headers import Headers

NOW = 1_000_000.0
Fields = dict[str, str]


def exchange(
    response: Fields, request: Fields | None = None, status: int = 200, method: str = "GET"
) -> Exchange:
    """Return an exchange answered at once."""
    return Exchange(method, Headers(request or {}), status, Headers(response), NOW, NOW)


def at(offset: float) -> str:
    """Return the HTTP date `offset` seconds from now."""
    return format_date(NOW + offset)


def cc(value: str, **others: str) -> Fields:
    """Return a Cache-Control field and others."""
    return {"cache-control": value, **{name.replace("_", "-"): it for name, it in others.items()}}


STORING: dict[str, list[tuple[Exchange, str | None]]] = {
    "method": [
        (exchange(cc("max-age=5"), method="POST"), "method"),
        (exchange(cc("max-age=5"), method="GET"), None),
    ],
    "not modified": [(exchange(cc("max-age=5"), status=304), "not modified")],
    "unclear range": [
        (exchange(cc("max-age=5"), status=206), "unclear range"),
        (exchange(cc("max-age=5", content_range="bytes 0-4/*"), status=206), "unclear range"),
        (exchange(cc("max-age=5", content_range="bytes 0-4/9"), status=206), None),
    ],
    "no such range": [(exchange(cc("max-age=5"), status=416), "no such range")],
    "must-understand": [
        (exchange(cc("max-age=5, must-understand"), status=599), "must-understand"),
        (exchange(cc("max-age=5, must-understand"), status=404), None),
        (exchange(cc("max-age=5"), status=599), None),
    ],
    "no-store": [
        (exchange(cc("no-store")), "no-store"),
        (exchange(cc("No-StOrE, max-age=9")), "no-store"),
        (exchange(cc("no-store, must-understand, max-age=9")), None),
        (exchange(cc("max-age=9", **{"cdn-cache-control": "no-store"})), "no-store"),
        (exchange(cc("no-store", **{"cdn-cache-control": "max-age=9"})), None),
        (exchange(cc("no-store", **{"cdn-cache-control": 'max-age="9"'})), "no-store"),
    ],
    "request no-store": [
        (exchange(cc("max-age=5"), cc("no-store")), "request no-store"),
        (exchange(cc("max-age=5"), cc("no-cache")), None),
    ],
    "private": [
        (exchange(cc("private, max-age=5")), "private"),
        (exchange(cc('private="x-me", max-age=5')), None),
    ],
    "authorization": [
        (exchange(cc("max-age=5"), {"authorization": "x"}), "authorization"),
        (exchange(cc("public, max-age=5"), {"authorization": "x"}), None),
        (exchange(cc("s-maxage=5"), {"authorization": "x"}), None),
        (exchange(cc("must-revalidate, max-age=5"), {"authorization": "x"}), None),
    ],
    "vary": [
        (exchange(cc("max-age=5", vary="*")), "vary"),
        (exchange(cc("max-age=5", vary="accept, *")), "vary"),
        (exchange(cc("max-age=5", vary="accept")), None),
    ],
    "no freshness": [
        (exchange({"etag": '"x"'}, status=302), "no freshness"),
        (exchange({"etag": '"x"'}, status=599), "no freshness"),
        (exchange(cc("public", etag='"x"'), status=599), None),
        (exchange(cc("max-age=5"), status=302), None),
        (exchange({"expires": at(5), "date": at(0)}, status=503), None),
    ],
    "never of use": [
        (exchange({}), "never of use"),
        (exchange(cc("max-age=5", age="7")), "never of use"),
        (exchange({"etag": '"x"'}), None),
        (exchange({"last-modified": at(-100)}, status=404), None),
        (exchange(cc("no-cache", etag='"x"')), None),
        (exchange(cc("max-age=0, stale-while-revalidate=9")), None),
    ],
}


@pytest.mark.parametrize("rule", OBJECTIONS, ids=lambda rule: str(rule.name))
def test_storing(rule: object) -> None:
    """What may be stored (RFC 9111 3): the first objection of the table, or none."""
    name = getattr(rule, "name", "")
    for seen, why in STORING[name]:
        assert objection(seen) == why, seen


@pytest.mark.parametrize("status", [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])
def test_statuses_with_heuristic_freshness(status: int) -> None:
    """RFC 9110 15.1: these may be reused by a guess, and no others."""
    modified = {"last-modified": at(-1000), "date": at(0)}
    assert objection(exchange(modified, status=status)) is None
    assert lifetime(exchange(modified, status=status)) == 100


@pytest.mark.parametrize("status", [201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599])
def test_statuses_without_heuristic_freshness(status: int) -> None:
    """A date of modification alone makes none of these reusable; `public` does."""
    modified = {"last-modified": at(-1000), "date": at(0)}
    assert objection(exchange(modified, status=status)) == "no freshness"
    assert lifetime(exchange(cc("public", **modified), status=status)) == 100


LIFETIME: dict[str, list[tuple[Fields, float]]] = {
    "s-maxage": [(cc("s-maxage=7, max-age=5"), 7), (cc("s-maxage=x, max-age=5"), 0)],
    "max-age": [
        (cc("max-age=5", expires=at(100)), 5),
        (cc('max-age="5"'), 5),
        (cc("max-age=005"), 5),
        (cc("max-age=5, max-age=9"), 5),
        (cc("max-age=nonsense"), 0),
        (cc("max-age='5'"), 0),
        (cc("max-age=-1"), 0),
        (cc("max-age=5.5"), 0),
        (cc("max-age =5"), 0),
        (cc("max-age= 5"), 0),
        (cc('extension="max-age=100", max-age=5'), 5),
        (cc("max-age=99999999999999999999"), 2**31),
        (cc("max-age=5", **{"cdn-cache-control": "max-age=50"}), 50),
        (cc("max-age=5", set_cookie="a=b"), 5),
        (cc("max-age=5", **{"cdn-cache-control": "max-age=50, &&&"}), 5),
    ],
    "expires": [
        ({"date": at(-10), "expires": at(20)}, 30),
        ({"expires": at(20)}, 20),
        ({"date": at(0), "expires": at(-20)}, 0),
        ({"expires": "0"}, 0),
        ({"expires": at(20), "cdn-cache-control": "foo"}, 0),
    ],
    "heuristic": [
        ({"date": at(0), "last-modified": at(-1000)}, 100),
        ({"date": at(0), "last-modified": at(-(10**8))}, 86_400),
        ({"date": at(0), "last-modified": at(10)}, 0),
        ({"date": at(0), "last-modified": at(-1000), "set-cookie": "a=b"}, 0),
        ({}, 0),
    ],
}


@pytest.mark.parametrize("rule", LIFETIMES, ids=lambda rule: str(rule.name))
def test_lifetimes(rule: object) -> None:
    """How long a response is fresh (RFC 9111 4.2.1): the first rule that speaks."""
    for fields, seconds in LIFETIME[getattr(rule, "name", "")]:
        assert lifetime(exchange(fields)) == seconds, fields


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
        ({"age": "-7"}, 0, 0),
        ({"age": "7.5"}, 0, 0),
        ({"age": "7, 0"}, 0, 7),
        ({"age": "0, 7"}, 0, 0),
        ({"age": "99999999999999999"}, 0, 2**31),
    ],
)
def test_initial_age(response: Fields, delay: float, age: float) -> None:
    """RFC 9111 4.2.3: the larger of what Date and Age imply; of a list in Age the first."""
    seen = Exchange("GET", Headers(), 200, Headers(response), NOW - delay, NOW)
    assert initial_age(seen) == age


F, S, R, A = Verdict.FRESH, Verdict.STALE, Verdict.REFRESH, Verdict.ASK
REUSING: dict[str, list[tuple[str, Fields, float, Verdict]]] = {
    "no-cache": [("max-age=10, no-cache", {}, 0, A), ('max-age=10, no-cache="x"', {}, 0, F)],
    "request no-cache": [
        ("max-age=10", cc("no-cache"), 0, A),
        ("max-age=10", {"pragma": "no-cache"}, 0, A),
        ("max-age=10", cc("x", pragma="no-cache"), 0, F),
    ],
    "request max-age": [
        ("max-age=10", cc("max-age=3"), 3, F),
        ("max-age=10", cc("max-age=3"), 4, A),
        ("max-age=10", cc("max-age=0"), 1, A),
    ],
    "request min-fresh": [
        ("max-age=10", cc("min-fresh=5"), 5, F),
        ("max-age=10", cc("min-fresh=5"), 6, A),
    ],
    "fresh": [("max-age=10", {}, 9, F), ("max-age=10", {}, 10, A)],
    "never stale": [
        ("max-age=10, must-revalidate", cc("max-stale"), 11, A),
        ("max-age=10, proxy-revalidate", cc("max-stale"), 11, A),
        ("s-maxage=10", cc("max-stale"), 11, A),
        ("max-age=10, must-revalidate, stale-while-revalidate=9", {}, 11, A),
    ],
    "request max-stale": [
        ("max-age=10", cc("max-stale"), 999, S),
        ("max-age=10", cc("max-stale=5"), 15, S),
        ("max-age=10", cc("max-stale=5"), 16, A),
        ("max-age=10", cc("max-stale=x"), 11, A),
    ],
    "stale-while-revalidate": [
        ("max-age=10, stale-while-revalidate=5", {}, 14, R),
        ("max-age=10, stale-while-revalidate=5", {}, 15, A),
    ],
}


@pytest.mark.parametrize("rule", REUSE, ids=lambda rule: str(rule.name))
def test_reuse(rule: object) -> None:
    """Whether a stored response answers (RFC 9111 4, 5.2.1; RFC 5861 3)."""
    for response, request, later, verdict in REUSING[getattr(rule, "name", "")]:
        freshness = Freshness.of(exchange(cc(response)))
        assert freshness.judge(Headers(request), NOW + later) is verdict, (response, request)


@given(st.builds(Freshness, *[st.floats(0, 100)] * 2, st.just(NOW), st.booleans(), st.booleans()))
def test_the_short_cut_agrees_with_the_table(freshness: Freshness) -> None:
    """A request that asks nothing of a cache gets what the first rule that speaks gives."""
    age = freshness.age(NOW + 50)
    spoken = (rule.apply(freshness, NONE, age) for rule in REUSE)
    first = next((verdict for verdict in spoken if verdict is not None), Verdict.ASK)
    assert freshness.judge(Headers(), NOW + 50) is first


U, E = Failure.UNREACHABLE, Failure.SERVER_ERROR
FAILING: dict[str, list[tuple[str, Fields, float, Failure, bool]]] = {
    "never stale": [
        ("max-age=2, must-revalidate, stale-if-error=99", {}, 3, U, False),
        ("max-age=2, proxy-revalidate", {}, 3, U, False),
        ("max-age=2, s-maxage=2", {}, 3, U, False),
        ("max-age=2, no-cache", {}, 3, U, False),
    ],
    "request no-cache": [("max-age=2", cc("no-cache"), 1, U, False)],
    "stale-if-error": [
        ("max-age=2, stale-if-error=60", {}, 61, U, True),
        ("max-age=2, stale-if-error=60", {}, 61, E, True),
        ("max-age=2, stale-if-error=60", {}, 62, U, False),
        ("max-age=2, stale-if-error=60", cc("stale-if-error=999"), 62, E, False),
    ],
    "request stale-if-error": [
        ("max-age=2", cc("stale-if-error=60"), 61, E, True),
        ("max-age=2", cc("stale-if-error=60"), 62, E, False),
    ],
    "disconnected": [("max-age=2", {}, 999, U, True), ("max-age=2", {}, 3, E, False)],
}


@pytest.mark.parametrize("rule", ON_FAILURE, ids=lambda rule: str(rule.name))
def test_failing_origins(rule: object) -> None:
    """Whether a stale response answers for an origin that fails (RFC 9111 4.2.4, RFC 5861 4)."""
    for response, request, later, failure, answers in FAILING[getattr(rule, "name", "")]:
        freshness = Freshness.of(exchange(cc(response)))
        outlasts = freshness.outlasts(failure, Headers(request), NOW + later)
        assert outlasts is answers, (response, request, failure)


def test_what_was_declared_stale_is_stale() -> None:
    """A soft purge ends the lifetime now and leaves the stale window."""
    freshness = Freshness.of(exchange(cc("max-age=100, stale-while-revalidate=10")))
    purged = freshness.expired(NOW + 20)
    assert purged.judge(Headers(), NOW + 20) is Verdict.REFRESH
    assert purged.judge(Headers(), NOW + 30) is Verdict.ASK


@pytest.mark.parametrize("name", sorted(KEPT))
def test_a_304_leaves_what_tells_of_the_body(name: str) -> None:
    """RFC 9111 3.2: all fields are replaced but those about the stored bytes."""
    stored = Headers([(name, "old"), ("x-a", "1"), ("x-b", "2")])
    news = Headers([(name, "new"), ("x-a", "3"), ("x-c", "4")])
    assert updated(stored, news) == Headers(
        [(name, "old"), ("x-b", "2"), ("x-a", "3"), ("x-c", "4")]
    )


@given(st.text(max_size=60))
def test_no_field_raises(text: str) -> None:
    """Whatever an origin or a client writes, the rules give an answer."""
    names = ("cache-control", "cdn-cache-control", "expires", "date", "age", "last-modified")
    text = text.encode("latin-1", "replace").decode("latin-1")
    seen = exchange(dict.fromkeys(names, text))
    assert lifetime(seen) >= 0
    assert initial_age(seen) >= 0
    freshness = Freshness.of(seen)
    assert freshness.age(NOW + 1) >= 1
    assert freshness.judge(Headers({"cache-control": text}), NOW + 1) in Verdict
    assert objection(seen) in {None, *(rule.name for rule in OBJECTIONS)}
