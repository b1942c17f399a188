"""What playlists are written in (RFC 8216 4.1, 4.2): lines, tags, attribute lists, numbers.

Refuses to know which tags and attributes there are and what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

MAX_TEXT = 8 * 2**20
"""Characters of a playlist that are read at most."""

_MAX_LINE = 8192
_UNWANTED = re.compile(r"[\x00-\x1f\x7f-\x9f\ufeff]")

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",\s]+)(,|$)')
_RESOLUTION = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")
_DECIMAL = re.compile(r"[0-9]{1,19}(\.[0-9]{0,19})?")
_INTEGER = re.compile(r"[0-9]{1,19}")


class PlaylistError(ValueError):
    """Text that is no playlist RFC 8216 allows; `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line that is not blank, with its number.

    Raises:
        PlaylistError: the text is too large, or holds what no playlist may.
    """
    if len(text) > MAX_TEXT:
        raise PlaylistError(1, f"a playlist of more than {MAX_TEXT} characters")
    for number, ended in enumerate(text.split("\n"), 1):
        line = ended.removesuffix("\r")
        if len(line) > _MAX_LINE:
            raise PlaylistError(number, f"longer than {_MAX_LINE} characters")
        if _UNWANTED.search(line):
            raise PlaylistError(number, "a control character or byte order mark")
        if line.strip():
            yield number, line.rstrip()


def writable(uri: str) -> str:
    """Return `uri`, which can be a line of its own.

    Raises:
        ValueError: it cannot.
    """
    if not uri or uri != uri.strip() or uri.startswith("#") or _UNWANTED.search(uri):
        raise ValueError(f"{uri!r} cannot stand in a playlist")
    return uri


def quoted(value: str) -> str:
    """Return `value` between quotes.

    Raises:
        ValueError: it cannot stand there.
    """
    if '"' in value or _UNWANTED.search(value):
        raise ValueError(f"{value!r} cannot stand between quotes")
    return f'"{value}"'


class Attributes:
    """Values by name, each read as what the reader expects.

    Every method raises ValueError with a reason that names the attribute.
    """

    def __init__(self, text: str) -> None:
        self._values: Mapping[str, str] = _split(text)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def integer(self, name: str) -> int | None:
        """Return a decimal integer, None without one."""
        value = self._values.get(name)
        return None if value is None else integer(name, value)

    def decimal(self, name: str) -> float | None:
        """Return a non-negative decimal number, None without one."""
        value = self._values.get(name)
        return None if value is None else decimal(name, value)

    def string(self, name: str) -> str | None:
        """Return what stands between the quotes, None without the attribute."""
        value = self._values.get(name)
        if value is not None and not value.startswith('"'):
            raise ValueError(f"{name} wants quotes around {value}")
        return None if value is None else value[1:-1]

    def word(self, name: str) -> str | None:
        """Return an unquoted value, None without one."""
        value = self._values.get(name)
        if value is not None and value.startswith('"'):
            raise ValueError(f"{name} wants no quotes around its value")
        return value

    def resolution(self, name: str) -> tuple[int, int] | None:
        """Return width and height in pixels, None without them."""
        value = self._values.get(name)
        if value is None:
            return None
        found = _RESOLUTION.fullmatch(value)
        if found is None:
            raise ValueError(f"{name} wants WIDTHxHEIGHT, not {value}")
        return int(found[1]), int(found[2])


def integer(name: str, text: str) -> int:
    """Return the decimal integer `text` (at most 19 digits).

    Raises:
        ValueError: it is none; names `name`.
    """
    if _INTEGER.fullmatch(text) is None:
        raise ValueError(f"{name} wants a whole number, not {text[:40]!r}")
    return int(text)


def decimal(name: str, text: str) -> float:
    """Return the non-negative decimal number `text`, without sign or exponent.

    Raises:
        ValueError: it is none; names `name`.
    """
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError(f"{name} wants a number, not {text[:40]!r}")
    return float(text)


def _split(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = _ATTRIBUTE.match(text, at)
        if found is None or (found[3] and found.end() == len(text)):
            raise ValueError(f"no attribute NAME=value at {text[at : at + 40]!r}")
        if found[1] in values:
            raise ValueError(f"{found[1]} is given twice")
        values[found[1]] = found[2]
        at = found.end()
    return values
