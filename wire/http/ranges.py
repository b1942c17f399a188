"""Byte ranges (RFC 9110 14): what a Range field asks of a body of known size.

Refuses to know which body, and whether If-Range lets the range stand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGES = re.compile(r"bytes[ \t]*=[ \t]*(?P<ranges>.+)", re.IGNORECASE)
_RANGE = re.compile(r"(?P<first>\d{0,19})-(?P<last>\d{0,19})", re.ASCII)
_CONTENT_RANGE = re.compile(
    r"bytes (?P<first>\d{1,19})-(?P<last>\d{1,19})/(?:\*|(?P<size>\d{1,19}))",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` (included) to `stop` (excluded)."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        """Return the Content-Range value of these bytes of a body of `size` bytes."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


class UnsatisfiableError(Exception):
    """The field is well formed but no byte of the body lies in it: 416."""


def parse_range(field: str, size: int) -> Span | None:
    """Return the one span `field` asks of `size` bytes, or None to ignore the field.

    Ignored, as RFC 9110 14.2 allows: other units, malformed fields, several ranges at once.

    Raises:
        UnsatisfiableError: the range starts at or after the end.
    """
    ranges = _RANGES.fullmatch(field.strip())
    match = _RANGE.fullmatch(ranges["ranges"].strip()) if ranges else None
    if match is None or match[0] == "-":
        return None
    if not match["first"]:
        return _suffix(int(match["last"]), size)
    first = int(match["first"])
    last = int(match["last"]) if match["last"] else size - 1
    if match["last"] and last < first:
        return None
    if first >= size:
        raise UnsatisfiableError
    return Span(first, min(last + 1, size))


def _suffix(length: int, size: int) -> Span:
    if length == 0 or size == 0:
        raise UnsatisfiableError
    return Span(max(0, size - length), size)


def first_byte(field: str | None) -> int:
    """Return where the one range in `field` begins; 0 for none, several, or the last bytes."""
    ranges = _RANGES.fullmatch((field or "").strip())
    match = _RANGE.fullmatch(ranges["ranges"].strip()) if ranges else None
    return int(match["first"]) if match and match["first"] else 0


def is_one_range(field: str) -> bool:
    """Return whether `field` asks for one well-formed range of bytes."""
    try:
        return parse_range(field, 2**63) is not None
    except UnsatisfiableError:
        return False


def parse_content_range(field: str) -> tuple[Span, int | None] | None:
    """Return the span and whole size (None: unknown) a 206 says it carries; None if malformed."""
    match = _CONTENT_RANGE.fullmatch(field.strip())
    if match is None:
        return None
    span = Span(int(match["first"]), int(match["last"]) + 1)
    size = int(match["size"]) if match["size"] else None
    if span.start >= span.stop or (size is not None and span.stop > size):
        return None
    return span, size
