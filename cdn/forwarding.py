"""The fields a gateway adds, drops and keeps while it forwards (RFC 9110 7.6, RFC 9211).

Pure functions of fields; refuses to know connections and caches.
"""

from __future__ import annotations

from cdn.conditions import Validators
from wire.http.dates import format_date
from wire.http.headers import Headers

_HOP_BY_HOP = (
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
)
_OF_THE_BODY = ("content-encoding", "content-type", "content-range")
CONDITIONS = (
    "range",
    "if-range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
)


def end_to_end(headers: Headers) -> Headers:
    """Return `headers` without those meant for one connection only (RFC 9110 7.6.1).

    A length beside a transfer coding does not count, and goes as well (RFC 9112 6.3).
    """
    framing = ("content-length",) if "transfer-encoding" in headers else ()
    return headers.without(*_HOP_BY_HOP, *framing, *headers.items("connection"))


def trailing(fields: Headers) -> Headers:
    """Return what of a trailer section goes on: nothing that frames or routes (RFC 9110 6.5.1)."""
    return end_to_end(fields).without("content-length", "host", *_OF_THE_BODY)


def forwarded(headers: Headers, name: str) -> Headers:
    """Return the request fields that gateway `name` passes on as they came."""
    sent = end_to_end(headers).without("host", "content-length", "expect")
    return sent.replace({"via": _appended(headers, "via", f"1.1 {name}")})


def unconditional(headers: Headers, validators: Validators | None) -> Headers:
    """Return request fields that ask for the whole object, or whether `validators` still hold."""
    plain = headers.without(*CONDITIONS)
    if validators is None:
        return plain
    conditions = {}
    if validators.etag is not None:
        conditions["if-none-match"] = validators.etag
    if validators.last_modified is not None:
        conditions["if-modified-since"] = format_date(validators.last_modified)
    return plain.replace(conditions)


def marked(headers: Headers, name: str, status: str, age: float | None = None) -> Headers:
    """Return response fields with gateway `name`'s Via and Cache-Status (RFC 9211) appended.

    `age` (s), if given, is what the response has reached.
    """
    lines = [
        ("via", _appended(headers, "via", f"1.1 {name}")),
        ("cache-status", _appended(headers, "cache-status", f'"{name}"; {status}')),
    ]
    if age is not None:
        lines.append(("age", str(int(age))))
    return headers.replace(lines)


def _appended(headers: Headers, name: str, member: str) -> str:
    value = headers.get(name)
    return member if value is None else f"{value}, {member}"
