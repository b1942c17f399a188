"""Whether an answer came from the nearest cache, by its Cache-Status (RFC 9211).

It reads one field and refuses to know what follows from it.
"""

from __future__ import annotations

from typing import cast

import http_sf

from wire.http.headers import Headers


def was_hit(headers: Headers) -> bool | None:
    """Return whether the cache nearest to us had the response; None where no cache says.

    That cache is the last member of the list (RFC 9211 2). A malformed field says nothing.
    """
    value = headers.get("cache-status")
    if value is None:
        return None
    try:
        members = http_sf.parse(value.encode("latin-1"), tltype="list")
    except ValueError:
        return None
    caches = cast("list[tuple[object, dict[str, object]]]", members)
    return caches[-1][1].get("hit") is True if caches else None
