"""A response that can answer again: its head, its body or a part of it, and what decides its use.

Refuses to know where it is kept and who asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cdn.body import Body
from cdn.conditions import Validators, range_stands
from cdn.directives import of_response
from cdn.forwarding import end_to_end
from cdn.freshness import Exchange, Freshness, objection, updated
from cdn.vary import Selecting, chooses, selecting
from wire.http.dates import format_date, parse_date
from wire.http.headers import Headers
from wire.http.ranges import Span, UnsatisfiableError, parse_content_range, parse_range

SETTLED = 60
"""Seconds after which a date of modification tells one version from the next (RFC 9110 8.8.2.2)."""
OVERHEAD = 1024
"""Bytes that each response counts beside its fields and its body."""


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes at hand of a representation: `span` of `size`."""

    span: Span
    size: int

    @classmethod
    def of(cls, exchange: Exchange) -> Part | None:
        """Return the part a 206 brings, None for the whole."""
        if exchange.status != 206:
            return None
        found = parse_content_range(exchange.response.get("content-range") or "")
        if found is None or found[1] is None:
            raise ValueError("a 206 without a complete Content-Range is not for storing")
        span, size = found[0], found[1]
        return None if len(span) == size else cls(span, size)


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored response, whose body may still be arriving.

    `part` is None if `body` is the whole; `selecting` has the request fields that chose it.
    """

    status: int
    headers: Headers
    body: Body
    freshness: Freshness
    validators: Validators
    selecting: Selecting = ()
    part: Part | None = None

    @classmethod
    def of(cls, exchange: Exchange, body: Body) -> Stored:
        """Return the stored form of a response; its length and age are told anew each time."""
        kept = _dated(exchange)
        return cls(
            200 if exchange.status == 206 else exchange.status,
            kept,
            body,
            Freshness.of(exchange),
            Validators.of(kept),
            selecting(exchange.response, exchange.request),
            Part.of(exchange),
        )

    @property
    def size(self) -> int | None:
        """The whole representation's length in bytes, None while unknown."""
        return self.part.size if self.part is not None else self.body.length

    @property
    def variant(self) -> str:
        """What tells this response from others under the same key; empty for the plain one."""
        part = "" if self.part is None else f" {self.part.span.content_range(self.part.size)}"
        return "".join(f" {name}={value!r}" for name, value in self.selecting) + part

    @property
    def cost(self) -> int:
        """Bytes this response counts in a cache: body, fields, and a flat overhead."""
        fields = sum([len(name) + len(value) for name, value in self.headers])
        return self.body.size + fields + OVERHEAD

    def matches(self, request: Headers) -> bool:
        """Return whether Vary lets this response answer `request`, and its bytes suffice."""
        return chooses(request, self.selecting) and (self.part is None or self._suffices(request))

    def _suffices(self, request: Headers) -> bool:
        if self.part is None or not range_stands(request, self.validators):
            return False
        try:
            span = parse_range(request.get("range") or "", self.part.size)
        except UnsatisfiableError:
            return True
        held = self.part.span
        return span is not None and held.start <= span.start and span.stop <= held.stop

    def validated(self, exchange: Exchange) -> tuple[Stored, str | None]:
        """Return this response as a 304, or a HEAD's 200, updates it (RFC 9111 3.2, 4.3.4).

        With it goes why that must not be kept, None if it may.
        """
        headers = updated(self.headers, _dated(exchange))
        headers = headers.without(*of_response(headers).fields("private", "no-cache"))
        age = exchange.response.get("age")
        told = headers if age is None else headers.replace({"age": age})
        whole = replace(exchange, status=self.status, response=told)
        new = replace(
            self,
            headers=headers,
            freshness=Freshness.of(whole),
            selecting=selecting(headers, exchange.request),
        )
        return new, objection(whole)

    def expired(self, now: float) -> Stored:
        """Return this response, declared stale at `now`."""
        return replace(self, freshness=self.freshness.expired(now))


def of_one_version(one: Stored, other: Stored) -> bool:
    """Return whether the bytes of both may be put together: one strong validator (3.4)."""
    return one.size == other.size and _strong(one) is not None and _strong(one) == _strong(other)


def _strong(stored: Stored) -> Validators | None:
    """Return the strong validator (RFC 9110 8.8), None if there is none.

    A date is one if it is well before the Date of its response.
    """
    etag, modified = stored.validators.etag, stored.validators.last_modified
    if etag is not None:
        return None if etag.startswith("W/") else Validators(etag)
    date = parse_date(stored.headers.get("date") or "")
    settled = date is not None and modified is not None and date - modified >= SETTLED
    return Validators(None, modified) if settled else None


def confirms(news: Validators, stored: Validators) -> bool:
    """Return whether a 304 with validators `news` speaks of what has `stored` (RFC 9111 4.3.4)."""
    if news.etag is not None and stored.etag is not None:
        return news.etag.removeprefix("W/") == stored.etag.removeprefix("W/")
    if news.last_modified is not None and stored.last_modified is not None:
        return news.last_modified == stored.last_modified
    return True


def _dated(exchange: Exchange) -> Headers:
    """Return the fields to keep, with the time of receipt for a missing Date (RFC 9110 6.6.1).

    Left out are those for one connection, those that are told anew each time, and those that a
    qualified private or no-cache keeps from reuse.
    """
    control = of_response(exchange.response)
    moment = ("content-length", "age", *(["content-range"] if exchange.status == 206 else []))
    kept = end_to_end(exchange.response).without(*moment, *control.fields("private", "no-cache"))
    return kept if "date" in kept else kept.replace({"date": format_date(exchange.received)})
