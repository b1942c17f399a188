"""The door for who runs a web cache: purging by address or by surrogate key, and numbers.

It has a port of its own, for this machine alone; it refuses to know what is asked of the cache.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cdn.serving import HttpServer
from cdn.tally import Tally
from cdn.web_cache import WebCache
from net.seam import Address
from wire.http.headers import Headers
from wire.http.message import Request, Response, explain

_CONNECTIONS = 8
_MOST_KEYS = 256
_JSON = Headers({"content-type": "application/json", "cache-control": "no-store"})
_USAGE = """\
PURGE /path                      drop what is stored under it
POST /purge, Surrogate-Key: a b  drop all that carries one of these keys
     Soft-Purge: 1               with either: call it stale instead of dropping it
GET /stats                       numbers as JSON
"""
_COUNTS = {
    "hits": "cache_hit",
    "misses": "cache_missed",
    "stale_served": "stale_served",
    "fetches": "fill_started",
    "fetches_failed": "fill_failed",
    "origin_failures": "origin_failed",
    "stored": "cache_stored",
    "revalidated": "cache_revalidated",
    "pushed": "object_pushed",
    "evicted": "cache_evicted",
    "refused": "cache_refused",
    "invalidated": "cache_invalidated",
}


class Admin(HttpServer):
    """Purges `web_cache` and tells its numbers, which `tally` has counted."""

    def __init__(self, web_cache: WebCache, tally: Tally, *, wall: Callable[[], float]) -> None:
        super().__init__(wall=wall, trace=tally, connections=_CONNECTIONS)
        self._web_cache = web_cache
        self._tally = tally

    async def answer(self, request: Request, remote: Address) -> Response:
        """Return the answer to one request: 403 for strangers."""
        if not is_loopback(remote.host):
            return explain(403, "only for this machine")
        if request.method == "PURGE":
            return self._purge(request, [self._web_cache.key(request)])
        match request.method, request.target.path:
            case "POST", "/purge":
                return self._purge_tagged(request)
            case "GET" | "HEAD", "/stats":
                return Response(200, _JSON, msgspec.json.encode(self.numbers()))
            case "GET" | "HEAD", "/":
                return Response(200, Headers({"content-type": "text/plain"}), _USAGE.encode())
        return explain(404, "GET / tells what there is")

    def _purge_tagged(self, request: Request) -> Response:
        tags = (request.headers.get("surrogate-key") or "").split()
        if not 0 < len(tags) <= _MOST_KEYS:
            return explain(400, f"Surrogate-Key must name 1 to {_MOST_KEYS} keys")
        tagged = (key for tag in tags for key in self._web_cache.tagged(tag))
        return self._purge(request, list(dict.fromkeys(tagged)))

    def _purge(self, request: Request, keys: list[str]) -> Response:
        soft = request.headers.get("soft-purge") == "1"
        purge = self._web_cache.expire if soft else self._web_cache.invalidate
        purged = sum(purge(key) for key in keys)
        self._tally("cache_purged", responses=purged, soft=soft)
        return Response(200, _JSON, msgspec.json.encode({"purged": purged, "soft": soft}))

    def numbers(self) -> dict[str, int]:
        """Return what is stored now, and what has happened since the start; sizes in bytes."""
        cache = self._web_cache.cache
        now = {"objects": len(cache), "bytes": cache.used, "capacity": cache.capacity}
        events = {name: self._tally.count(event) for name, event in _COUNTS.items()}
        return {
            **now,
            **events,
            "hit_bytes": self._tally.bytes("cache_hit"),
            "fetched_bytes": self._tally.bytes("fill_finished"),
        }


def is_loopback(host: str) -> bool:
    """Return whether an address never leaves this machine."""
    return host == "::1" or host.startswith("127.")
