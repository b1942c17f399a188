"""Which answer a GET or HEAD deserves: whole, part, 304, 412 or 416 (RFC 9110 13 and 14).

A pure function of the request's fields and the representation's validators; refuses to know
where the representation is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wire.http.dates import parse_date
from wire.http.headers import Headers
from wire.http.ranges import Span, UnsatisfiableError, parse_range

_CONDITIONAL = frozenset(
    {"range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"}
)
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one version of a representation from another; the date in POSIX seconds."""

    etag: str | None = None
    last_modified: int | None = None

    @classmethod
    def of(cls, headers: Headers) -> Validators:
        """Return the validators that stored or received `headers` carry."""
        modified = headers.get("last-modified")
        return cls(headers.get("etag"), parse_date(modified) if modified else None)


@dataclass(frozen=True, slots=True)
class Selection:
    """A status and, for 206, the span of the body that goes with it."""

    status: int
    span: Span | None = None


def select(
    request: Headers,
    validators: Validators,
    size: int | None,
    status: int,
    *,
    made: str | None = None,
) -> Selection:
    """Return what to send of a representation of `size` bytes whose plain answer is `status`.

    `made` is its Date, which stands in for a missing Last-Modified (RFC 9111 4.3.2).
    Conditions are judged in the order of RFC 9110 13.2.2, and only where the plain answer is a
    200; an unknown size (None) cannot be cut into ranges.
    """
    if status != 200 or _CONDITIONAL.isdisjoint(request.names()):
        return Selection(status)
    if (failed := _failed_condition(request, validators, made)) is not None:
        return Selection(failed)
    field = request.get("range")
    if field is None or size is None or not range_stands(request, validators):
        return Selection(200)
    try:
        span = parse_range(field, size)
    except UnsatisfiableError:
        return Selection(416)
    return Selection(206, span) if span else Selection(200)


def _failed_condition(request: Headers, validators: Validators, made: str | None) -> int | None:
    if not _precondition_holds(request, validators):
        return 412
    if (tags := request.get("if-none-match")) is not None:
        return 304 if _matches(tags, validators.etag, strong=False) else None
    if (since := request.get("if-modified-since")) is not None:
        modified = validators.last_modified
        modified = parse_date(made or "") if modified is None else modified
        return 304 if _unchanged_since(since, modified, unknown=False) else None
    return None


def _precondition_holds(request: Headers, validators: Validators) -> bool:
    if (tags := request.get("if-match")) is not None:
        return _matches(tags, validators.etag, strong=True)
    since = request.get("if-unmodified-since")
    return since is None or _unchanged_since(since, validators.last_modified, unknown=True)


def _unchanged_since(date: str, last_modified: int | None, *, unknown: bool) -> bool:
    since = parse_date(date)
    if since is None or last_modified is None:
        return unknown
    return last_modified <= since


def _matches(field: str, etag: str | None, *, strong: bool) -> bool:
    """Compare as RFC 9110 8.8.3.2 says: strongly, or weakly (the W/ set aside)."""
    if field.strip() == "*":
        return True
    if etag is None:
        return False
    tags = _TAG.findall(field)
    if strong:
        return not etag.startswith("W/") and etag in tags
    return etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in tags}


def range_stands(request: Headers, validators: Validators) -> bool:
    """Return whether If-Range, if any, lets the Range of `request` stand (RFC 9110 13.1.5)."""
    condition = request.get("if-range")
    if condition is None:
        return True
    if '"' in condition:
        return not condition.startswith("W/") and condition == validators.etag
    since = parse_date(condition)
    return since is not None and since == validators.last_modified
