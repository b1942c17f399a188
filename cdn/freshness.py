"""The decisions of a shared cache, as tables of pure functions (RFC 9111).

May a response be stored, how long is it fresh, may it answer a request, may it still answer when
the origin fails, and what does a 304 change. It refuses to know where responses are kept. Times
are wall-clock POSIX seconds, given; ages and lifetimes are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from http import HTTPStatus
from typing import Generic, TypeVar

from cdn.directives import FOREVER, NONE, Directives, delta_seconds, of_request, of_response
from wire.http.dates import parse_date
from wire.http.headers import Headers
from wire.http.ranges import parse_content_range

_HEURISTIC_SHARE = 0.1
_HEURISTIC_MOST = 86_400.0
_MOST_SELECTING = 64
HEURISTIC_STATUSES = frozenset({200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501})
UNDERSTOOD_STATUSES = frozenset(
    status.value
    for status in HTTPStatus
    if 200 <= status < 600 and status not in (207, 208, 226, 418, 423, 424, 425)
)

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Rule(Generic[F]):
    """One row of a table: its name, the clause it follows, what it says, and the function."""

    name: str
    clause: str
    says: str
    apply: F


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


# -- may it be stored -------------------------------------------------------------------------

Objection = Callable[[Exchange, Directives], bool]


def _partial_without_range(exchange: Exchange, _: Directives) -> bool:
    if exchange.status != 206:
        return False
    found = parse_content_range(exchange.response.get("content-range") or "")
    return found is None or found[1] is None


def _not_understood(exchange: Exchange, control: Directives) -> bool:
    return "must-understand" in control and exchange.status not in UNDERSTOOD_STATUSES


def _authorized(exchange: Exchange, control: Directives) -> bool:
    permits = any(name in control for name in ("public", "s-maxage", "must-revalidate"))
    return "authorization" in exchange.request and not permits


def _varies_too_much(exchange: Exchange, _: Directives) -> bool:
    names = exchange.response.items("vary")
    return "*" in names or len(names) > _MOST_SELECTING


def _unstated(exchange: Exchange, control: Directives) -> bool:
    stated = any(name in control for name in ("public", "max-age", "s-maxage"))
    expires = "expires" in exchange.response and not control.targeted
    return not (stated or expires or exchange.status in HEURISTIC_STATUSES)


def _never_of_use(exchange: Exchange, control: Directives) -> bool:
    validators = "etag" in exchange.response or "last-modified" in exchange.response
    windows = "stale-while-revalidate" in control or "stale-if-error" in control
    return not (validators or windows) and lifetime(exchange) <= initial_age(exchange)


OBJECTIONS: tuple[Rule[Objection], ...] = (
    Rule(
        "method", "RFC 9111 3", "Only answers to GET are stored.",
        lambda exchange, _: exchange.method != "GET",
    ),
    Rule(
        "not modified", "RFC 9111 3", "A 304 updates what is stored and is not stored itself.",
        lambda exchange, _: exchange.status == 304,
    ),
    Rule(
        "unclear range", "RFC 9111 3.3",
        "A 206 is stored only if it says which bytes of how many it has.",
        _partial_without_range,
    ),
    Rule(
        "no such range", "RFC 9110 15.5.17", "A 416 belongs to the Range it refuses.",
        lambda exchange, _: exchange.status == 416,
    ),
    Rule(
        "must-understand", "RFC 9111 5.2.2.3",
        "With must-understand, an unknown status is not stored.",
        _not_understood,
    ),
    Rule(
        "no-store", "RFC 9111 5.2.2.5",
        "no-store is obeyed, unless must-understand comes with a status known here.",
        lambda _, control: "no-store" in control and "must-understand" not in control,
    ),
    Rule(
        "request no-store", "RFC 9111 5.2.1.5",
        "The answer to a request with no-store is not stored.",
        lambda exchange, _: "no-store" in of_request(exchange.request),
    ),
    Rule(
        "private", "RFC 9111 5.2.2.7",
        "A private response is not stored; of a qualified one, the named fields are not.",
        lambda _, control: control.applies("private"),
    ),
    Rule(
        "authorization", "RFC 9111 3.5",
        "An answer to a request with Authorization needs public, s-maxage or must-revalidate.",
        _authorized,
    ),
    Rule(
        "vary", "RFC 9111 4.1", "Vary: * never matches, so it is not stored.", _varies_too_much
    ),
    Rule(
        "no freshness", "RFC 9111 3",
        "Without public, max-age, s-maxage or Expires, only some statuses are stored.",
        _unstated,
    ),
    Rule(
        "never of use", "RFC 9111 3",
        "What is stale at once, with neither validator nor stale window, is not worth storing.",
        _never_of_use,
    ),
)  # fmt: skip


def objection(exchange: Exchange) -> str | None:
    """Return why a shared cache must not, or need not, store this response; None if it may."""
    control = of_response(exchange.response)
    return next((rule.name for rule in OBJECTIONS if rule.apply(exchange, control)), None)


# -- how long is it fresh ---------------------------------------------------------------------

Lifetime = Callable[[Exchange, Directives], float | None]


def _expires(exchange: Exchange, control: Directives) -> float | None:
    if "expires" not in exchange.response or control.targeted:
        return None
    expires = parse_date(exchange.response.get("expires") or "")
    return 0.0 if expires is None else max(0.0, expires - exchange.date)


def _heuristic(exchange: Exchange, control: Directives) -> float | None:
    modified = parse_date(exchange.response.get("last-modified") or "")
    if "set-cookie" in exchange.response:
        return None  # what may be for one user is not shared on a guess (RFC 9111 7.3)
    if modified is None or not (exchange.status in HEURISTIC_STATUSES or "public" in control):
        return None
    return min(max(0.0, _HEURISTIC_SHARE * (exchange.date - modified)), _HEURISTIC_MOST)


LIFETIMES: tuple[Rule[Lifetime], ...] = (
    Rule(
        "s-maxage", "RFC 9111 5.2.2.10", "s-maxage stands before all others.",
        lambda _, control: control.seconds("s-maxage"),
    ),
    Rule(
        "max-age", "RFC 9111 5.2.2.1", "Then max-age; a value that is no number means stale.",
        lambda _, control: control.seconds("max-age"),
    ),
    Rule(
        "expires", "RFC 9111 5.3", "Then Expires less Date; an invalid date means stale.",
        _expires,
    ),
    Rule(
        "heuristic", "RFC 9111 4.2.2",
        "Else a tenth of the time since Last-Modified, at most a day; no guess with Set-Cookie.",
        _heuristic,
    ),
)  # fmt: skip


def lifetime(exchange: Exchange, *, guess: bool = True) -> float:
    """Return how long the response stays fresh, by the first rule that speaks (4.2.1).

    Without `guess` only what the origin states counts.
    """
    control = of_response(exchange.response)
    rules = LIFETIMES if guess else LIFETIMES[:-1]
    spoken = (rule.apply(exchange, control) for rule in rules)
    return next((value for value in spoken if value is not None), 0.0)


def initial_age(exchange: Exchange) -> float:
    """Return the age the response had when it arrived (4.2.3).

    Of a list in Age the first member counts; one that is no number is ignored (5.1).
    """
    stated = (exchange.response.get("age") or "").partition(",")[0].strip()
    apparent = max(0.0, exchange.received - exchange.date)
    delay = exchange.received - exchange.requested
    return max(apparent, (delta_seconds(stated) or 0) + delay)


# -- may it answer a request ------------------------------------------------------------------


class Verdict(Enum):
    """What to do with a stored response."""

    FRESH = "fresh"
    """It may answer."""
    STALE = "stale"
    """It may answer although it is stale."""
    REFRESH = "refresh"
    """It may answer although it is stale, and the origin is to be asked meanwhile."""
    ASK = "ask"
    """The origin must be asked before it answers."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long a stored response may be reused, and what it says of its use when stale.

    `always_ask` is no-cache; `never_stale` is must-revalidate and its like; `while_revalidate`
    and `if_error` are seconds beyond the lifetime, the latter None where nothing was said.
    """

    lifetime: float
    initial_age: float
    received: float
    always_ask: bool = False
    never_stale: bool = False
    while_revalidate: float = 0.0
    if_error: float | None = None

    @classmethod
    def of(cls, exchange: Exchange) -> Freshness:
        """Return the freshness of a response that was just received or validated."""
        control = of_response(exchange.response)
        strict = ("must-revalidate", "proxy-revalidate", "s-maxage")
        return cls(
            lifetime(exchange),
            initial_age(exchange),
            exchange.received,
            control.applies("no-cache"),
            any(name in control for name in strict),
            control.seconds("stale-while-revalidate") or 0.0,
            control.seconds("stale-if-error"),
        )

    def age(self, now: float) -> float:
        """Return the current age (4.2.3)."""
        return self.initial_age + max(0.0, now - self.received)

    def expired(self, now: float) -> Freshness:
        """Return this freshness as it is for a response that was declared stale at `now`."""
        return replace(self, lifetime=min(self.lifetime, self.age(now)))

    def judge(self, request: Headers, now: float) -> Verdict:
        """Return what to do with the stored response to answer `request`, by the first rule."""
        control = of_request(request)
        age = self.age(now)
        if control is NONE and age < self.lifetime and not self.always_ask:
            return Verdict.FRESH  # the common case, as the table would have it
        spoken = (rule.apply(self, control, age) for rule in REUSE)
        return next((verdict for verdict in spoken if verdict is not None), Verdict.ASK)

    def outlasts(self, failure: Failure, request: Headers, now: float) -> bool:
        """Return whether the stored response may answer `request` although the origin failed."""
        control = of_request(request)
        age = self.age(now)
        spoken = (rule.apply(self, control, age, failure) for rule in ON_FAILURE)
        return next((verdict for verdict in spoken if verdict is not None), False)


Reuse = Callable[[Freshness, Directives, float], Verdict | None]


def _too_old(_: Freshness, control: Directives, age: float) -> Verdict | None:
    most = control.seconds("max-age")
    return Verdict.ASK if most is not None and age > most else None


def _nearly_stale(freshness: Freshness, control: Directives, age: float) -> Verdict | None:
    spare = control.seconds("min-fresh")
    return Verdict.ASK if spare is not None and freshness.lifetime - age < spare else None


def _max_stale(freshness: Freshness, control: Directives, age: float) -> Verdict | None:
    if "max-stale" not in control:
        return None
    most = FOREVER if control.applies("max-stale") else control.seconds("max-stale") or 0
    return Verdict.STALE if age - freshness.lifetime <= most else None


def _while_revalidating(freshness: Freshness, _: Directives, age: float) -> Verdict | None:
    within = age - freshness.lifetime < freshness.while_revalidate
    return Verdict.REFRESH if within else None


REUSE: tuple[Rule[Reuse], ...] = (
    Rule(
        "no-cache", "RFC 9111 5.2.2.4", "A no-cache response is validated each time.",
        lambda freshness, _, __: Verdict.ASK if freshness.always_ask else None,
    ),
    Rule(
        "request no-cache", "RFC 9111 5.2.1.4", "A request with no-cache is forwarded.",
        lambda _, control, __: Verdict.ASK if "no-cache" in control else None,
    ),
    Rule(
        "request max-age", "RFC 9111 5.2.1.1", "A request may ask for a younger response.", _too_old
    ),
    Rule(
        "request min-fresh", "RFC 9111 5.2.1.3", "A request may ask for freshness to spare.",
        _nearly_stale,
    ),
    Rule(
        "fresh", "RFC 9111 4.2", "A response younger than its lifetime answers.",
        lambda freshness, _, age: Verdict.FRESH if age < freshness.lifetime else None,
    ),
    Rule(
        "never stale", "RFC 9111 5.2.2.2, 5.2.2.8, 5.2.2.10",
        "After must-revalidate, proxy-revalidate or s-maxage a stale response is validated.",
        lambda freshness, _, __: Verdict.ASK if freshness.never_stale else None,
    ),
    Rule(
        "request max-stale", "RFC 9111 5.2.1.2", "A request may take a stale response.", _max_stale
    ),
    Rule(
        "stale-while-revalidate", "RFC 5861 3",
        "Within the window the stale response answers and the origin is asked meanwhile.",
        _while_revalidating,
    ),
)  # fmt: skip


# -- may it answer when the origin fails ------------------------------------------------------


class Failure(Enum):
    """How an origin can fail a cache that asks it."""

    UNREACHABLE = "unreachable"
    SERVER_ERROR = "server error"


SERVER_ERRORS = frozenset({500, 502, 503, 504})
OnFailure = Callable[[Freshness, Directives, float, Failure], bool | None]


def _if_error(freshness: Freshness, _: Directives, age: float, __: Failure) -> bool | None:
    if freshness.if_error is None:
        return None
    return age - freshness.lifetime < freshness.if_error


def _request_if_error(
    freshness: Freshness, control: Directives, age: float, _: Failure
) -> bool | None:
    most = control.seconds("stale-if-error")
    return None if most is None else age - freshness.lifetime < most


ON_FAILURE: tuple[Rule[OnFailure], ...] = (
    Rule(
        "never stale", "RFC 9111 5.2.2.2, 5.2.2.4",
        "What must be validated never answers unvalidated: the client gets 504.",
        lambda freshness, *_: False if freshness.always_ask or freshness.never_stale else None,
    ),
    Rule(
        "request no-cache", "RFC 9111 5.2.1.4", "Nor does it answer a request with no-cache.",
        lambda _, control, *__: False if "no-cache" in control else None,
    ),
    Rule(
        "stale-if-error", "RFC 5861 4", "The response's window decides where there is one.",
        _if_error,
    ),
    Rule(
        "request stale-if-error", "RFC 5861 4", "Else the request's window.", _request_if_error
    ),
    Rule(
        "disconnected", "RFC 9111 4.2.4", "Else a stale response answers if nobody can be reached.",
        lambda _, __, ___, failure: failure is Failure.UNREACHABLE,
    ),
)  # fmt: skip


# -- what changes on 304 ----------------------------------------------------------------------

KEPT: dict[str, str] = {
    "content-length": "RFC 9111 3.2",
    "content-encoding": "RFC 9111 3.2",
    "content-range": "RFC 9111 3.2",
    "content-md5": "RFC 9111 3.2",
    "etag": "RFC 9111 4.3.4",
    "age": "RFC 9111 4.2.3",
}
"""The fields that a 304 leaves as they were stored: they tell of the stored body."""


def updated(stored: Headers, news: Headers) -> Headers:
    """Return stored response fields as the fields of a 304, or of a HEAD, update them (3.2)."""
    return stored.replace(news.without(*KEPT))
