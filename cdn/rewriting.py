"""Rewrites the links of a page so that they lead to chosen servers.

Lists of links (RFC 2483), HLS playlists (RFC 8216) and HTML; it refuses to know who chooses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from urllib.parse import urljoin, urlsplit

Place = Callable[[str], str]
"""Given a path (with its query), the URL that replaces it."""

LISTS = frozenset({"text/uri-list", "application/vnd.apple.mpegurl", "audio/mpegurl"})
_IN_TAG = re.compile(r'(?P<before>\bURI=")(?P<link>[^"]*)(?P<after>")')
_IN_HTML = re.compile(
    r"(?P<before>\b(?:src|href|poster)\s*=\s*(?P<quote>[\"']))(?P<link>.*?)(?P<after>(?P=quote))",
    re.IGNORECASE | re.DOTALL,
)


def rewrites(media_type: str) -> bool:
    """Return whether pages of this media type have links that can be rewritten."""
    essence = media_type.partition(";")[0].strip().lower()
    return essence in LISTS or essence == "text/html"


def rewrite(text: str, media_type: str, base: str, place: Place) -> str:
    """Return the page at path `base` with each link to the same site replaced by `place(path)`.

    Links to other sites, and fragments of the page itself, stay as they are.
    """
    essence = media_type.partition(";")[0].strip().lower()
    lead = partial(_lead, base=base, place=place)
    if essence == "text/html":
        return _IN_HTML.sub(lambda found: _replaced(found, lead), text)
    if essence in LISTS:
        return "".join(_line(line, lead) for line in text.splitlines(keepends=True))
    return text


def _line(line: str, lead: Callable[[str], str]) -> str:
    link = line.strip()
    if link.startswith("#"):
        return _IN_TAG.sub(lambda found: _replaced(found, lead), line)
    return line.replace(link, lead(link)) if link else line


def _replaced(found: re.Match[str], lead: Callable[[str], str]) -> str:
    return f"{found['before']}{lead(found['link'])}{found['after']}"


def _lead(link: str, *, base: str, place: Place) -> str:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or not (parts.path or parts.query):
        return link
    path = urljoin(base, link).partition("#")[0]
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{place(path)}{fragment}"
