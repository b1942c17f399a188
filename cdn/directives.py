"""What Cache-Control and its targeted form ask of a cache: directives by name.

It reads fields and refuses to know what any directive means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import http_sf

from wire.http.headers import Headers

TARGETED = "cdn-cache-control"
FOREVER = 2**31
"""Seconds; RFC 9111 1.2.2: longer times need not be told apart."""

_SHORT = 200
_DIRECTIVE = re.compile(
    r"""(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)
        (?:=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<token>[^\s,"]*)))?""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Directives:
    """Directives with their values: lower-case names, the first of equal ones.

    `targeted` says that they were meant for CDNs alone, and stand before Expires too (RFC 9213).
    """

    values: dict[str, str | None]
    targeted: bool = False

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def seconds(self, name: str) -> int | None:
        """Return a directive's seconds, None if absent; an invalid one is 0 (RFC 9111 4.2.1)."""
        if name not in self.values:
            return None
        return delta_seconds(self.values[name] or "") or 0

    def applies(self, name: str) -> bool:
        """Return whether `name` is there without field names, that is, for the whole response."""
        return name in self.values and self.values[name] is None

    def fields(self, *names: str) -> tuple[str, ...]:
        """Return the lower-case field names that the qualified forms of `names` list."""
        lists = (self.values.get(name) or "" for name in names)
        return tuple(
            field for text in lists for part in text.split(",") if (field := part.strip().lower())
        )


NONE = Directives({})


def delta_seconds(text: str) -> int | None:
    """Return the seconds `text` says, at most `FOREVER`; None if it is not a whole number."""
    if not (text.isascii() and text.isdigit()):
        return None
    return min(int(text.lstrip("0")[:12] or "0"), FOREVER)


def of_request(headers: Headers) -> Directives:
    """Return what a request asks; Pragma: no-cache counts where Cache-Control is absent."""
    value = headers.get("cache-control")
    if value is not None:
        return parse(value)
    if "no-cache" in headers.items("pragma"):
        return Directives({"no-cache": None})
    return NONE


def of_response(headers: Headers) -> Directives:
    """Return what a response asks of a CDN's cache: the targeted field if it is valid."""
    targeted = headers.get(TARGETED)
    if targeted is not None and (found := _parse_targeted(targeted)) is not None:
        return found
    value = headers.get("cache-control")
    return NONE if value is None else parse(value)


def parse(value: str) -> Directives:
    """Return the directives of a Cache-Control value (RFC 9111 5.2); short ones are remembered."""
    return _parse(value) if len(value) > _SHORT else _parse_short(value)


def _parse(value: str) -> Directives:
    found: dict[str, str | None] = {}
    for match in _DIRECTIVE.finditer(value):
        text = match["quoted"] if match["quoted"] is not None else match["token"]
        found.setdefault(match["name"].lower(), text)
    return Directives(found)


_parse_short = lru_cache(maxsize=1024)(_parse)


def _parse_targeted(value: str) -> Directives | None:
    """Return a targeted field's directives; None where it is to be ignored (RFC 9213 2.1, 2.2).

    It is a structured dictionary; where it is malformed, empty, or gives an age that is not an
    Integer, the field does not exist.
    """
    try:
        members = http_sf.parse(value.encode("latin-1"), tltype="dictionary")
    except ValueError:
        return None
    found: dict[str, str | None] = {}
    for name, member in cast("dict[str, tuple[object, object]]", members).items():
        plain = member[0]
        if name in _AGES and (not isinstance(plain, int) or isinstance(plain, bool)):
            return None
        if plain is not False:
            found[name] = None if plain is True else str(plain)
    return Directives(found, targeted=True) if found else None


_AGES = frozenset({"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"})
