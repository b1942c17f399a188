"""What an edge keeps: stored responses by key, within a number of bytes.

Refuses to know when they were asked for, and whether they are still fresh.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cdn.body import Body
from cdn.conditions import Validators
from cdn.eviction import Eviction
from cdn.forwarding import end_to_end
from cdn.freshness import Exchange, Freshness
from wire.http.dates import format_date
from wire.http.headers import Headers

_OVERHEAD = 1024
_OF_THE_STORED_BODY = ("content-length", "content-encoding", "content-type", "content-range")


@dataclass(frozen=True, slots=True)
class Stored:
    """A response that can answer again, while its body may still be arriving.

    `selecting` holds the request fields Vary names, with the values they had.
    """

    status: int
    headers: Headers
    body: Body
    freshness: Freshness
    validators: Validators
    selecting: tuple[tuple[str, str | None], ...] = ()

    @classmethod
    def of(cls, exchange: Exchange, body: Body) -> Stored:
        """Return the stored form of a response; its length and age are told anew each time."""
        kept = _dated(exchange).without("content-length", "age")
        varying = exchange.response.items("vary")
        return cls(
            exchange.status,
            kept,
            body,
            Freshness.of(exchange),
            Validators.of(kept),
            tuple((name, exchange.request.get(name)) for name in varying),
        )

    def validated(self, exchange: Exchange) -> Stored:
        """Return this response as a 304 updates it (RFC 9111 3.2)."""
        news = _dated(exchange).without(*_OF_THE_STORED_BODY, "age")
        headers = self.headers.replace(news)
        whole = replace(exchange, status=self.status, response=_with_age(headers, exchange))
        return replace(
            self,
            headers=headers,
            freshness=Freshness.of(whole),
            validators=Validators.of(headers),
        )

    def matches(self, request: Headers) -> bool:
        """Return whether Vary lets this response answer `request` (RFC 9111 4.1)."""
        return all(request.get(name) == value for name, value in self.selecting)

    @property
    def cost(self) -> int:
        """Bytes this response counts in a cache: body, fields, and a flat overhead."""
        fields = sum(len(name) + len(value) for name, value in self.headers)
        return self.body.size + fields + _OVERHEAD


def _dated(exchange: Exchange) -> Headers:
    """Return the fields to keep, with the time of receipt for a missing Date (RFC 9110 6.6.1)."""
    kept = end_to_end(exchange.response)
    return kept if "date" in kept else kept.replace({"date": format_date(exchange.received)})


def _with_age(headers: Headers, exchange: Exchange) -> Headers:
    age = exchange.response.get("age")
    return headers if age is None else headers.replace({"age": age})


class Cache:
    """Stored responses by key.

    Invariant: exactly the keys that the eviction policy holds have a response, so `used`, the sum
    of their costs, never exceeds `capacity` bytes.
    """

    def __init__(self, eviction: Eviction[str]) -> None:
        self._eviction = eviction
        self._stored: dict[str, Stored] = {}

    @property
    def capacity(self) -> int:
        """Bytes there are."""
        return self._eviction.capacity

    @property
    def used(self) -> int:
        """Bytes what is stored counts."""
        return self._eviction.used

    def get(self, key: str) -> Stored | None:
        """Return the response under `key`, None if there is none; counts as a use."""
        found = self._stored.get(key)
        if found is not None:
            self._eviction.touch(key)
        return found

    def put(self, key: str, stored: Stored) -> list[tuple[str, Stored]] | None:
        """Store a complete response and return what had to go for it; None if it cannot fit."""
        cost = stored.cost + len(key)
        self.discard(key)
        if cost > self.capacity:
            return None
        self._stored[key] = stored
        gone = self._eviction.insert(key, cost)
        return [(victim, self._stored.pop(victim)) for victim in gone]

    def discard(self, key: str) -> None:
        """Drop what is stored under `key`, if anything."""
        if self._stored.pop(key, None) is not None:
            self._eviction.discard(key)

    def __contains__(self, key: str) -> bool:
        return key in self._stored

    def __len__(self) -> int:
        return len(self._stored)
