"""Field lines as they go out: all of a head's in one piece, checked.

Framing is h11's: the fields it must know of are left to it.
"""

from __future__ import annotations

import re

from wire.http.headers import Headers

FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})
"""Fields that say where a message ends and whether another follows (RFC 9112 6, 9.3)."""

_LINES = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\0\r\n]*\r\n)*")


def split(headers: Headers) -> tuple[list[str], list[tuple[bytes, bytes]]]:
    """Return the lines as they go out, and apart from them the framing fields as h11 takes them."""
    lines, framing = [], []
    for name, value in headers:
        if name in FRAMING:
            framing.append((name.encode("ascii"), value.encode("latin-1")))
        else:
            lines.append(f"{name}: {value}\r\n")
    return lines, framing


def insert(head: bytes, lines: list[str]) -> bytes:
    """Return h11's `head` with `lines` at its end.

    Raises:
        ValueError: a name is no token, or a value would end its line (RFC 9110 5.1, 5.5).
    """
    block = "".join(lines).encode("latin-1")
    if block.count(b"\n") != len(lines) or not _LINES.fullmatch(block):
        raise ValueError("a field that cannot be sent")
    return b"%b%b\r\n" % (head[:-2], block)
