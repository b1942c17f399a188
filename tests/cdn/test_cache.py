"""The cache's bound, and stored responses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdn.body import Body
from cdn.cache import MOST_JOINED, Cache
from cdn.eviction import Lru
from cdn.freshness import Exchange
from cdn.stored import Stored
from wire.http.dates import format_date
from wire.http.headers import Headers


def stored(
    size: int = 0, response: dict[str, str] | None = None, request: dict[str, str] | None = None
) -> Stored:
    """Return a complete stored response of `size` bytes."""
    body = Body(size, limit=size)
    body.append(bytes(size))
    body.finish()
    seen = Exchange("GET", Headers(request or {}), 200, Headers(response or {}), 0.0, 0.0)
    return Stored.of(seen, body)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 6000)), max_size=30))
def test_the_capacity_is_never_exceeded(puts: list[tuple[str, int]]) -> None:
    """Whatever is put, the costs of what is held stay within the capacity and add up."""
    cache = Cache(Lru(10_000))
    held: dict[str, Stored] = {}
    for key, size in puts:
        new = stored(size)
        evicted = cache.put(key, new)
        held.pop(key, None)
        if evicted is not None:
            for victim, gone in evicted:
                assert held.pop(victim) is gone
            held[key] = new
        assert cache.used == sum(value.cost + len(key) for key, value in held.items())
        assert cache.used <= cache.capacity
        assert {key for key in "abcdefgh" if key in cache} == set(held)


def test_what_cannot_fit_evicts_nothing() -> None:
    """An object larger than the cache leaves the others alone."""
    cache = Cache(Lru(5000))
    cache.put("small", stored(10))
    assert cache.put("large", stored(5000)) is None
    assert "small" in cache


def test_hop_by_hop_fields_length_and_age_are_not_stored() -> None:
    """What belongs to the connection or the moment is left out."""
    fields = {
        "connection": "x-hop",
        "x-hop": "1",
        "keep-alive": "1",
        "transfer-encoding": "chunked",
        "content-length": "0",
        "age": "5",
        "etag": '"a"',
        "date": format_date(0),
    }
    assert stored(0, fields).headers == Headers({"etag": '"a"', "date": format_date(0)})


def test_a_response_without_date_gets_the_time_it_came() -> None:
    """RFC 9110 6.6.1: who stores it dates it."""
    assert stored().headers.get("date") == format_date(0)


def test_a_304_updates_fields_but_not_the_bodys_own() -> None:
    """RFC 9111 3.2: new metadata, but for the length and the validator of the stored bytes."""
    old = stored(1, {"content-type": "a/b", "etag": '"a"', "cache-control": "max-age=1"})
    news = {"content-type": "x/y", "cache-control": "max-age=9", "content-length": "0"}
    seen = Exchange("GET", Headers(), 304, Headers(news), 50.0, 50.0)
    new, why_not = old.validated(seen)
    assert why_not is None
    assert new.headers == Headers(
        {
            "etag": '"a"',
            "content-type": "x/y",
            "cache-control": "max-age=9",
            "date": format_date(50),
        }
    )
    assert (new.freshness.lifetime, new.freshness.age(50.0)) == (9, 0)
    assert new.body is old.body


@pytest.mark.parametrize(
    ("request_", "matches"), [({"accept": "a"}, True), ({"accept": "b"}, False), ({}, False)]
)
def test_vary_selects(request_: dict[str, str], *, matches: bool) -> None:
    """A response that varies answers only requests with equal fields."""
    varying = stored(0, {"vary": "Accept"}, {"accept": "a"})
    assert varying.matches(Headers(request_)) is matches


def test_large_parts_stay_apart() -> None:
    """Joining copies; beyond a bound, parts that touch are kept side by side."""
    half = MOST_JOINED // 2 + 1
    cache = Cache(Lru(8 * half))
    for start in (0, half):
        span = {"content-range": f"bytes {start}-{start + half - 1}/{4 * half}", "etag": '"a"'}
        exchange = Exchange("GET", Headers(), 206, Headers(span), 0.0, 0.0)
        assert cache.put("/a", Stored.of(exchange, Body.of(bytes(half)))) == []
    assert [stored.body.size for stored in cache.variants("/a")] == [half, half]


def test_what_is_not_stored_but_in_memory_is_counted() -> None:
    """Bodies that arrive, and those that were dropped while they are read."""
    cache = Cache(Lru(10_000))
    body = cache.body(2000)
    body.append(bytes(2000))
    body.finish()
    assert cache.beside == 2000
    exchange = Exchange("GET", Headers(), 200, Headers({"etag": '"a"'}), 0.0, 0.0)
    cache.put("/a", Stored.of(exchange, body))
    assert cache.beside == 0
    cache.discard("/a")
    assert cache.beside == 2000
    del body
    assert cache.beside == 0
