"""The requests that arrive on one connection, one after the other: heads, and bodies on demand.

Refuses to know who answers, and how; framing is h11's.
"""

from __future__ import annotations

import re
from typing import Self

import h11
import trio

from wire.http.errors import BadRequestError, SilentPeerError, TooLargeError, TruncatedError
from wire.http.headers import Headers
from wire.http.limits import Limits
from wire.http.message import Buffer, Empty, Inform, Request, Stream, nobody
from wire.http.target import check_host, parse_target

RECEIVE = 64 * 1024
"""Bytes taken from the stream at a time."""
_LOOSE = re.compile(rb"(?<!\r)\n|\r(?!\n)|\n[ \t]")


class RequestBody:
    """The body of the request being served, read from its connection on demand.

    Invariant: 100 Continue has been sent if the client waits for it and a read has begun.
    """

    def __init__(self, requests: Requests, limit: int) -> None:
        self._requests = requests
        self._limit = limit
        self._received = 0
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Buffer:
        if self._ended:
            raise StopAsyncIteration
        data = await self._requests.receive_body()
        if data is None:
            self._ended = True
            raise StopAsyncIteration
        self._received += len(data)
        if self._received > self._limit:
            raise TooLargeError(f"body exceeds {self._limit} bytes")
        return data

    async def aclose(self) -> None:
        """Read no more; the connection drains or drops the rest."""
        self._ended = True


class Requests:
    """What one client asks, by way of an h11 connection that its server shares.

    Invariant: no request takes more bytes, or more seconds to arrive, than `limits` has for it.
    """

    def __init__(
        self, stream: trio.abc.HalfCloseableStream, connection: h11.Connection, limits: Limits
    ) -> None:
        self._stream = stream
        self._h11 = connection
        self._limits = limits
        self._body_received = 0
        self._body_waited = 0.0

    async def receive(self, inform: Inform) -> Request | None:
        """Return the next request, or None when the client is done.

        `inform` is what its handler may call to send interim responses.

        Raises:
            BadRequestError: it is malformed, too large, or too slow to arrive.
        """
        head = await self._receive_head()
        if head is None:
            return None
        if head.http_version[:2] != b"1.":
            version = head.http_version.decode("ascii")
            raise BadRequestError(505, f"HTTP/{version} is not spoken here; use HTTP/1.1")
        raw = head.headers
        size = sum([len(name) + len(value) + 4 for name, value in raw]) + len(head.target)
        if len(raw) > self._limits.fields or size > self._limits.head:
            raise BadRequestError(431, "too many or too long header fields")
        if len(head.target) > self._limits.target:
            raise BadRequestError(414, f"target exceeds {self._limits.target} bytes")
        headers = Headers.decode(raw)
        check_host(headers)
        method = head.method.decode("ascii")
        body = self._body_of(headers, head.http_version)
        if method == "CONNECT" and not isinstance(body, Empty):
            raise BadRequestError(400, "CONNECT has no body")  # RFC 9110 9.3.6
        target = parse_target(method, head.target.decode("ascii"))
        heard = inform if head.http_version >= b"1.1" else nobody
        return Request(method, target, headers, body, heard)

    def _body_of(self, headers: Headers, version: bytes) -> Stream:
        self._body_received, self._body_waited = 0, 0.0
        length = headers.get("content-length")
        if "transfer-encoding" in headers:
            if length is not None or version < b"1.1":  # request smuggling: RFC 9112 6.1
                raise BadRequestError(400, "ambiguous body framing")
        elif length is None or length == "0":
            return Empty()
        elif int(length) > self._limits.body:
            raise BadRequestError(413, f"body exceeds {self._limits.body} bytes")
        return RequestBody(self, self._limits.body)

    async def _receive_head(self) -> h11.Request | None:
        """Return the next request's head, or None when the client is done."""
        deadline = None
        held = self._h11.trailing_data[0]
        while True:
            event = self.next_event()
            if isinstance(event, h11.Request):
                _check_lines(held[: len(held) - len(self._h11.trailing_data[0])])
                return event
            if isinstance(event, h11.ConnectionClosed):
                return None
            begun = held != b""
            if begun and deadline is None:
                deadline = trio.current_time() + self._limits.head_time
            due = trio.current_time() + self._limits.idle if deadline is None else deadline
            with trio.move_on_at(due) as scope:
                data = await self._stream.receive_some(RECEIVE)
            if scope.cancelled_caught:
                if not begun:
                    return None
                raise BadRequestError(408, "the request took too long to arrive")
            if not data and begun:
                return None
            held += data
            self._h11.receive_data(bytes(data))

    def next_event(self) -> object:
        """Return what h11 makes of the bytes received so far.

        Raises:
            BadRequestError: they are malformed.
        """
        try:
            return self._h11.next_event()
        except h11.RemoteProtocolError as error:
            raise BadRequestError(error.error_status_hint, str(error)) from error

    async def receive_body(self) -> Buffer | None:
        """Return the next piece of the request's body, None at its end.

        Raises:
            HttpError: it is malformed, cut short, or too slow.
        """
        while True:
            if self._h11.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                await self._stream.send_all(self._h11.send(go_on))
            event = self.next_event()
            if isinstance(event, h11.Data):
                return event.data
            if isinstance(event, h11.EndOfMessage):
                return None
            data = await self._receive_within_patience()
            if not data and not self._ends_at_eof():
                raise TruncatedError("the client left in the middle of its request's body")
            self._h11.receive_data(bytes(data))

    async def _receive_within_patience(self) -> bytes | bytearray:
        """Return more of the body; all waits for it together may take as long as its size pays."""
        began = trio.current_time()
        left = self._limits.patience(self._body_received) - self._body_waited
        with trio.move_on_after(left) as scope:
            data = await self._stream.receive_some(RECEIVE)
        if scope.cancelled_caught:
            raise SilentPeerError("the request's body arrives too slowly")
        self._body_waited += trio.current_time() - began
        self._body_received += len(data)
        return data

    def _ends_at_eof(self) -> bool:
        return self._h11.their_state is not h11.SEND_BODY


def _check_lines(head: bytes) -> None:
    """Refuse line ends and folds that others may read differently (RFC 9112 2.2, 5.2)."""
    if _LOOSE.search(head):
        raise BadRequestError(400, "a bare CR or LF, or a folded field, in the head")
