"""When a shared cache may store a response, and until when it may reuse it (RFC 9111).

Pure functions in tables: `OBJECTIONS` to storing and `LIFETIMES` of what is stored. Times are
wall-clock POSIX seconds, given; ages and lifetimes are seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from wire.http.dates import parse_date
from wire.http.headers import Headers

Directives = dict[str, str | None]

_DIRECTIVE = re.compile(
    r'[\s,]*(?P<name>[!#$%&\'*+.^_`|~0-9A-Za-z-]+)(?:=(?:"(?P<quoted>[^"]*)"|(?P<token>[^\s,"]*)))?'
)
_FOREVER = 2**31  # RFC 9111 1.2.2: more seconds than this need not be told apart
_HEURISTIC_SHARE = 0.1
_HEURISTIC_MOST = 86_400.0
_HEURISTIC_STATUSES = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
_UNDERSTOOD_STATUSES = _HEURISTIC_STATUSES | {302, 303, 307, 400, 403, 500, 502, 503, 504}


def directives(headers: Headers) -> Directives:
    """Return the Cache-Control directives: lower-case names, the first of equal ones."""
    found: Directives = {}
    for match in _DIRECTIVE.finditer(headers.get("cache-control") or ""):
        value = match["quoted"] if match["quoted"] is not None else match["token"]
        found.setdefault(match["name"].lower(), value)
    return found


def seconds(control: Directives, name: str) -> int | None:
    """Return a directive's delta-seconds, None if absent; an invalid one counts as 0 (stale)."""
    if name not in control:
        return None
    value = control[name] or ""
    if not (value.isascii() and value.isdigit()):
        return 0
    return min(int(value[:12]), _FOREVER)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and the head of its response, with the times both happened."""

    method: str
    request: Headers
    status: int
    response: Headers
    requested: float
    received: float

    @property
    def date(self) -> float:
        """When the response says it was made, else when it came."""
        date = parse_date(self.response.get("date") or "")
        return self.received if date is None else date


# -- storing (RFC 9111 3) ---------------------------------------------------------------------

Objection = Callable[[Exchange, Directives], bool]


def _unstated(exchange: Exchange, control: Directives) -> bool:
    stated = {"public", "max-age", "s-maxage"} & control.keys() or "expires" in exchange.response
    return not stated and exchange.status not in _HEURISTIC_STATUSES


def _authorized(exchange: Exchange, control: Directives) -> bool:
    permits = {"public", "s-maxage", "must-revalidate"} & control.keys()
    return "authorization" in exchange.request and not permits


OBJECTIONS: tuple[tuple[str, Objection], ...] = (
    ("method", lambda exchange, _: exchange.method != "GET"),
    ("status", lambda exchange, _: exchange.status not in _UNDERSTOOD_STATUSES),
    ("no-store", lambda _, control: "no-store" in control),
    ("request no-store", lambda exchange, _: "no-store" in directives(exchange.request)),
    ("private", lambda _, control: "private" in control),
    ("authorization", _authorized),
    ("vary", lambda exchange, _: "*" in exchange.response.items("vary")),
    ("no freshness", _unstated),
)


def objection(exchange: Exchange) -> str | None:
    """Return why a shared cache must not store this response, None if it may."""
    control = directives(exchange.response)
    return next((why for why, holds in OBJECTIONS if holds(exchange, control)), None)


# -- reuse (RFC 9111 4.2) ---------------------------------------------------------------------

Lifetime = Callable[[Exchange, Directives], float | None]


def _expires(exchange: Exchange, _: Directives) -> float | None:
    if "expires" not in exchange.response:
        return None
    expires = parse_date(exchange.response.get("expires") or "")
    return 0.0 if expires is None else max(0.0, expires - exchange.date)


def _heuristic(exchange: Exchange, _: Directives) -> float | None:
    modified = parse_date(exchange.response.get("last-modified") or "")
    if modified is None or exchange.status not in _HEURISTIC_STATUSES:
        return None
    return min(max(0.0, _HEURISTIC_SHARE * (exchange.date - modified)), _HEURISTIC_MOST)


LIFETIMES: tuple[tuple[str, Lifetime], ...] = (
    ("s-maxage", lambda _, control: seconds(control, "s-maxage")),
    ("max-age", lambda _, control: seconds(control, "max-age")),
    ("expires", _expires),
    ("heuristic", _heuristic),
)


def lifetime(exchange: Exchange) -> float:
    """Return how long the response stays fresh, by the first rule that speaks (4.2.1)."""
    control = directives(exchange.response)
    spoken = (rule(exchange, control) for _, rule in LIFETIMES)
    return next((value for value in spoken if value is not None), 0.0)


def initial_age(exchange: Exchange) -> float:
    """Return the age the response had when it arrived (4.2.3)."""
    stated = (exchange.response.get("age") or "").partition(",")[0].strip()
    value = int(stated[:12]) if stated.isascii() and stated.isdigit() else 0
    apparent = max(0.0, exchange.received - exchange.date)
    return max(apparent, min(value, _FOREVER) + exchange.received - exchange.requested)


class Verdict(Enum):
    """What to do with a stored response."""

    FRESH = "fresh"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long a stored response may be reused; `always_ask` is the no-cache directive."""

    lifetime: float
    initial_age: float
    received: float
    always_ask: bool

    @classmethod
    def of(cls, exchange: Exchange) -> Freshness:
        """Return the freshness of a response that was just received or validated."""
        always = "no-cache" in directives(exchange.response)
        return cls(lifetime(exchange), initial_age(exchange), exchange.received, always)

    def age(self, now: float) -> float:
        """Return the current age (4.2.3)."""
        return self.initial_age + max(0.0, now - self.received)

    def judge(self, request: Headers, now: float) -> Verdict:
        """Return whether the stored response may answer `request` without asking (4.2, 5.2.1)."""
        age = self.age(now)
        if self.always_ask or age >= self.lifetime:
            return Verdict.STALE
        if "cache-control" not in request:
            return Verdict.FRESH
        control = directives(request)
        most = seconds(control, "max-age")
        spare = seconds(control, "min-fresh") or 0
        refused = "no-cache" in control or (most is not None and age > most)
        return Verdict.STALE if refused or self.lifetime - age < spare else Verdict.FRESH
