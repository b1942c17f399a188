"""How long caches may keep each file of a packaged video.

Refuses to know who serves and who caches. A folder named by a digest (16 hexadecimal digits) holds
what never changes; a playlist may change at any time.
"""

from __future__ import annotations

import re

FOR_GOOD = "max-age=31536000, immutable"
"""What caches are told of segments: a year, and no need to ask (RFC 8246)."""
PLAYLIST = "max-age=60"
"""What caches are told of the playlists of a video on demand."""

_NAMED_BY_CONTENT = re.compile(r"(?:.*/)?[0-9a-f]{16}/[^/]+\.(?:m4s|mp4|ts)")
_PLAYLISTS = (".m3u8", ".mpd")


def cache_control(path: str) -> str | None:
    """Return the Cache-Control of the file at `path`, None for what is no part of a video."""
    if path.endswith(_PLAYLISTS):
        return PLAYLIST
    return FOR_GOOD if _NAMED_BY_CONTENT.fullmatch(path) else None


def live_playlist(target_duration: int) -> str:
    """Return the Cache-Control of a live playlist: half a target duration, at least 1 s."""
    return f"max-age={max(1, target_duration // 2)}"
