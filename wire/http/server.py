"""The server's side of one connection: a handler's responses to its requests, until it ends.

Refuses to know what is served, who listens, and how requests arrive; framing is h11's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import h11
import trio

from wire.http import fields
from wire.http.dates import format_date
from wire.http.errors import (
    BadRequestError,
    HttpError,
    SilentPeerError,
    TooLargeError,
    TruncatedError,
)
from wire.http.headers import Headers
from wire.http.limits import Limits
from wire.http.message import (
    NO_FIELDS,
    PHRASES,
    Buffer,
    Request,
    Response,
    Tunnel,
    explain,
)
from wire.http.requests import RECEIVE, Requests
from wire.http.sending import sends

Handler = Callable[[Request], Awaitable[Response]]
OnError = Callable[[Exception], None]

_PIECE = 1024 * 1024
_CLOSE = Headers({"connection": "close"})
_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


async def serve_connection(
    stream: trio.abc.HalfCloseableStream,
    handler: Handler,
    *,
    wall: Callable[[], float],
    on_error: OnError,
    limits: Limits = Limits(),  # noqa: B008 - immutable
) -> None:
    """Answer the requests of one connection with `handler`, then close it.

    `wall` dates the responses (POSIX seconds). A failing handler costs its client a 500 and
    the connection; `on_error` is told why. A client that leaves is no error.
    """
    connection = _ServerConnection(stream, limits, wall)
    try:
        while await connection.serve_one(handler, on_error):
            pass
    except _GONE:
        pass
    finally:
        await trio.aclose_forcefully(stream) if connection.broken else await stream.aclose()


class _ServerConnection:
    """One connection between requests or within one.

    Invariant: `broken` is set once the bytes sent no longer end where the client expects.
    """

    def __init__(
        self,
        stream: trio.abc.HalfCloseableStream,
        limits: Limits,
        wall: Callable[[], float],
    ) -> None:
        self._limits = limits
        self.broken = False
        self._stream = stream
        self._wall = wall
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head)
        self._requests = Requests(stream, self._h11, limits)

    async def serve_one(self, handler: Handler, on_error: OnError) -> bool:
        """Serve one request; return whether another may follow."""
        try:
            request = await self._requests.receive(self._inform)
        except BadRequestError as error:
            await self._refuse(error.status, error.reason)
            return False
        if request is None:
            return False
        response = await _answer(handler, request, on_error)
        try:
            if response.tunnel is not None:
                await self._carry(response, response.tunnel)
                return False
            await self._send(request.method, response)
        except _GONE:
            self.broken = True
            raise
        except Exception as error:  # noqa: BLE001 - a body that fails leaves a message cut short
            self.broken = True
            on_error(error)
            return False
        return await self._next_cycle()

    async def _inform(self, status: int, headers: Headers) -> None:
        """Send an interim response, unless it is too late for one."""
        if self._h11.our_state is not h11.SEND_RESPONSE:
            return
        reason = PHRASES.get(status, b"")
        interim = h11.InformationalResponse(
            status_code=status, headers=headers.encode(), reason=reason
        )
        await self._send_data([self._h11.send(interim)])

    async def _send(self, method: str, response: Response) -> None:
        body = response.body
        if isinstance(body, Buffer):
            await self._send_whole(response, b"" if method == "HEAD" else body)
            return
        try:
            if method == "HEAD":
                await self._send_whole(response, b"")
            else:
                await self._send_data([self._head(response)])
                async for piece in body:
                    await self._send_data(self._data(piece))
                end = self._h11.send_with_data_passthrough(self._end(response))
                await self._send_data(end)
        finally:
            with trio.CancelScope(shield=True):
                await body.aclose()

    def _end(self, response: Response) -> h11.EndOfMessage:
        """Return the end of a streamed message, with its trailers where the framing has room."""
        trailers: Headers = getattr(response.body, "trailers", NO_FIELDS)
        framed = response.size is not None or "content-length" in response.headers
        chunked = not framed and self._h11.their_http_version == b"1.1"
        return h11.EndOfMessage(headers=trailers.encode() if chunked else [])

    async def _carry(self, response: Response, tunnel: Tunnel) -> None:
        """Answer CONNECT and leave the connection to `tunnel`."""
        try:
            self._requests.next_event()  # the request's end, without which h11 does not let go
            await self._send_data([self._head(response)])
            await tunnel.carry(self._stream, self._h11.trailing_data[0])
        finally:
            with trio.CancelScope(shield=True):
                await tunnel.aclose()

    async def _send_whole(self, response: Response, body: Buffer) -> None:
        parts = [self._head(response)]
        if body:
            parts += self._data(body)
        parts += self._h11.send_with_data_passthrough(h11.EndOfMessage()) or []
        await self._send_data(parts)

    def _head(self, response: Response) -> bytes:
        lines, framing = fields.split(response.headers)
        size = response.size
        if size is not None and _needs_length(response):
            framing.append((b"content-length", b"%d" % size))
        if "date" not in response.headers:
            lines.append(f"date: {format_date(self._wall())}\r\n")
        head = h11.Response(
            status_code=response.status,
            headers=framing,
            reason=PHRASES.get(response.status, b""),
        )
        return fields.insert(self._h11.send(head), lines)

    def _data(self, piece: Buffer) -> list[bytes]:
        event = h11.Data(data=cast("bytes", piece))  # h11 passes any buffer on
        return self._h11.send_with_data_passthrough(event) or []

    async def _send_data(self, parts: list[bytes] | None) -> None:
        for piece in sends(parts or [], _PIECE):
            with trio.move_on_after(self._limits.patience(len(piece))) as scope:
                await self._stream.send_all(piece)
            if scope.cancelled_caught:
                raise trio.BrokenResourceError("the client stopped reading")

    async def _next_cycle(self) -> bool:
        if self._h11.our_state is not h11.DONE:
            await self._linger()
            return False
        if not await self._drain_request():
            await self._linger()
            return False
        self._h11.start_next_cycle()
        return True

    async def _drain_request(self) -> bool:
        """Read what the handler left of the request's body; return whether that was bearable."""
        left = self._limits.drain
        try:
            while self._h11.their_state is h11.SEND_BODY and left > 0:
                if self._h11.they_are_waiting_for_100_continue:
                    return False
                data = await self._requests.receive_body()
                left -= len(data or b"")
        except HttpError:
            return False
        return self._h11.their_state is h11.DONE

    async def _refuse(self, status: int, detail: str) -> None:
        if self._h11.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.broken = True
            return
        refusal = explain(status, detail, _CLOSE)
        await self._send_whole(refusal, cast("bytes", refusal.body))
        await self._linger()

    async def _linger(self) -> None:
        """Let the client read our last words before the close can reset them (RFC 9112 9.6)."""
        await self._stream.send_eof()
        left = self._limits.drain
        with trio.move_on_after(self._limits.linger):
            while left > 0 and (data := await self._stream.receive_some(RECEIVE)):
                left -= len(data)


async def _answer(handler: Handler, request: Request, on_error: OnError) -> Response:
    """Return the handler's response, or the one its failure deserves."""
    try:
        return await handler(request)
    except _GONE:
        raise
    except BadRequestError as error:
        return explain(error.status, error.reason, _CLOSE)
    except TooLargeError as error:
        return explain(413, error.reason, _CLOSE)
    except SilentPeerError as error:
        return explain(408, error.reason, _CLOSE)
    except TruncatedError as error:
        return explain(400, error.reason, _CLOSE)
    except Exception as error:  # noqa: BLE001 - the boundary between a handler and the wire
        on_error(error)
    return explain(500, "the server failed to answer", _CLOSE)


def _needs_length(response: Response) -> bool:
    if response.tunnel is not None:
        return False
    return response.status not in (204, 304) and "content-length" not in response.headers
