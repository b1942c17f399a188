"""Which request fields chose a response, and whether another request chooses the same.

Refuses to know where responses are kept (RFC 9111 4.1).
"""

from __future__ import annotations

from wire.http.headers import Headers

Selecting = tuple[tuple[str, str | None], ...]
"""The request fields that Vary names, in order, with their normal values; None where absent."""

_ALTERNATIVES = frozenset({"accept", "accept-charset", "accept-encoding", "accept-language"})


def selecting(response: Headers, request: Headers) -> Selecting:
    """Return what `response` says it was chosen by, with the values that `request` had."""
    names = sorted(set(response.items("vary")))
    return tuple((name, _normal(name, request.get(name))) for name in names)


def chooses(request: Headers, fields: Selecting) -> bool:
    """Return whether `request` has the values in `fields`."""
    return all(_normal(name, request.get(name)) == value for name, value in fields)


def _normal(name: str, value: str | None) -> str | None:
    """Return `value` without the differences that mean nothing.

    Members stand one blank apart; of alternatives neither case nor order counts, their weights do.
    """
    if value is None:
        return None
    members = [" ".join(member.split()) for member in value.split(",")]
    if name in _ALTERNATIVES:
        members = sorted(member.replace(" ", "").lower() for member in members)
    return ", ".join(member for member in members if member)
