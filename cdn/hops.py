"""How far a request may still be forwarded, and the answer where that is no further.

Refuses to know how it is forwarded (RFC 9110 7.6.2, 9.3.7, 9.3.8).
"""

from __future__ import annotations

from wire.http.headers import Headers
from wire.http.message import Request, Response

_COUNTED = frozenset({"OPTIONS", "TRACE"})
_SECRET = ("authorization", "proxy-authorization", "cookie")
_ALLOW = Headers({"allow": "GET, HEAD, OPTIONS, TRACE"})


def hops_left(request: Request) -> int | None:
    """Return how often the request may be forwarded, None if nothing bounds it."""
    text = request.headers.get("max-forwards") or ""
    if request.method not in _COUNTED or not (text.isascii() and text.isdigit()):
        return None
    return int(text[:9])


def one_hop_less(request: Request, headers: Headers) -> Headers:
    """Return the `headers` to forward with what is left of Max-Forwards."""
    left = hops_left(request)
    return headers if left is None else headers.replace({"max-forwards": str(max(0, left - 1))})


def last_answer(request: Request) -> Response:
    """Return what the last recipient of an OPTIONS or TRACE says; no secrets are told back."""
    if request.method == "OPTIONS":
        return Response(204, _ALLOW)
    target = request.target
    query = f"?{target.query}" if target.query else ""
    lines = [f"TRACE {target.path}{query} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.without(*_SECRET)]
    body = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return Response(200, Headers({"content-type": "message/http"}), body)
