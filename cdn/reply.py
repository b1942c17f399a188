"""The response that carries a selection: the whole body, a part, or the news that neither goes.

Shared by origin and edge; refuses to know which of them asks.
"""

from __future__ import annotations

from collections.abc import Callable

from cdn.conditions import Validators, select
from wire.http.headers import Headers
from wire.http.message import Buffer, Request, Response, Stream, explain

Read = Callable[[int, int | None], Buffer | Stream]

_NOT_IN_304 = ("content-type", "content-encoding", "content-language", "accept-ranges")
_TOLD_WITH_REFUSALS = ("via", "cache-status")


def reply(
    request: Request,
    fields: Headers,
    validators: Validators,
    size: int | None,
    read: Read,
    *,
    status: int = 200,
) -> Response:
    """Return what `request` gets of a representation of `size` bytes (None: not known yet).

    `fields` describe the representation, whose plain answer is `status`; `read(start, stop)`
    gives its bytes, `stop` None meaning to the end.
    """
    head = request.method == "HEAD"  # for which ranges are not defined (RFC 9110 14.2)
    asked = request.headers.without("range", "if-range") if head else request.headers
    choice = select(asked, validators, size, status, made=fields.get("date"))
    if choice.status == status:
        if head and size is not None:
            return Response(status, fields.replace({"content-length": str(size)}))
        return Response(status, fields, read(0, size), size)
    if choice.span is not None and size is not None:
        span = choice.span
        ranged = fields.replace({"content-range": span.content_range(size)})
        return Response(206, ranged, read(span.start, span.stop), len(span))
    if choice.status == 304:
        return Response(304, fields.without(*_NOT_IN_304))
    kept = Headers(line for line in fields if line[0] in _TOLD_WITH_REFUSALS)
    if choice.status == 416:
        kept = kept.replace({"content-range": f"bytes */{size}"})
    return explain(choice.status, headers=kept)
