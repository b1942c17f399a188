"""What a cache says it did, in Cache-Status (RFC 9211).

Refuses to know why it did so.
"""

from __future__ import annotations


def hit(ttl: float, key: str) -> str:
    """Return the parameters of a hit; a negative `ttl` (s) says how stale the response was."""
    return f"hit; ttl={int(ttl)}; key={_quoted(key)}"


def forwarded(
    why: str,
    key: str,
    *,
    status: int | None = None,
    ttl: float | None = None,
    stored: bool = False,
    collapsed: bool = False,
    detail: str = "",
) -> str:
    """Return the parameters of a request that went forward because of `why` (RFC 9211 2.2)."""
    said = [f"fwd={why}"]
    if status is not None:
        said.append(f"fwd-status={status}")
    if ttl is not None:
        said.append(f"ttl={int(ttl)}")
    if stored:
        said.append("stored")
    if collapsed:
        said.append("collapsed")
    said.append(f"key={_quoted(key)}")
    if detail:
        said.append(f"detail={_quoted(detail)}")
    return "; ".join(said)


def _quoted(text: str) -> str:
    """Return `text` as a structured string, other characters as `?` (RFC 9651 3.3.3)."""
    plain = text if text.isascii() and text.isprintable() else _plain(text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(text: str) -> str:
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)
