"""The client's side of one connection: requests out, streamed responses in, reused while it lasts.

Refuses to know who is dialled, what is cached and what is retried; framing is h11's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self, cast

import h11
import trio

from wire.http.errors import DisconnectedError, HttpError, SilentPeerError, TruncatedError
from wire.http.headers import Headers
from wire.http.message import NO_FIELDS, Buffer, Stream, read_all
from wire.http.sending import sends

_RECEIVE = 64 * 1024
_SEND = 64 * 1024
_HEAD = 64 * 1024
_FIELDS = 500
_INTERIM = 16
_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)

Inform = Callable[[int, Headers], Awaitable[None]]
"""Told of each interim response: its status (1xx) and fields."""


class IncomingResponse:
    """A response whose head has arrived; its body streams, once.

    Invariant: the connection is free for the next request exactly when the body has ended.
    """

    def __init__(self, connection: HttpConnection, head: h11.Response) -> None:
        self.status = head.status_code
        self.headers = Headers.decode(head.headers)
        self._connection = connection
        self._ended = False

    @property
    def trailers(self) -> Headers:
        """The fields after a chunked body, known at its end."""
        return self._connection.trailers

    @property
    def length(self) -> int | None:
        """The Content-Length in bytes, None where the body's end is marked otherwise."""
        length = self.headers.get("content-length")
        if length is None or "transfer-encoding" in self.headers:
            return None
        return int(length)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Buffer:
        data = None if self._ended else await self._connection.receive_body()
        if data is None:
            self._ended = True
            raise StopAsyncIteration
        return data

    async def read(self, limit: int) -> bytes:
        """Return the whole body.

        Raises:
            TooLargeError: it is longer than `limit` bytes.
            TruncatedError: it ended early.
        """
        return await read_all(self, limit)

    async def aclose(self) -> None:
        """Let go of the connection, and close it unless the body has been read to its end."""
        self._ended = True
        await self._connection.finish()


class HttpConnection:
    """One connection to `authority` (the Host field), over a stream it owns.

    Every wait for the peer is bounded by `timeout` seconds of silence.
    Invariant: at most one exchange at a time; `reusable` only between exchanges.
    """

    def __init__(
        self, stream: trio.abc.HalfCloseableStream, authority: str, *, timeout: float = 60.0
    ) -> None:
        self._stream = stream
        self._authority = authority
        self._timeout = timeout
        self.trailers = NO_FIELDS
        self._busy = False
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD)

    @property
    def reusable(self) -> bool:
        """Whether the next request may use this connection."""
        return not self._busy and self._h11.states == {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}

    @asynccontextmanager
    async def request(
        self,
        method: str,
        target: str,
        *,
        headers: Headers = NO_FIELDS,
        body: Buffer | Stream = b"",
        length: int | None = None,
    ) -> AsyncIterator[IncomingResponse]:
        """Send a request and yield its response; see `send`."""
        response = await self.send(method, target, headers=headers, body=body, length=length)
        try:
            yield response
        finally:
            await response.aclose()

    async def send(
        self,
        method: str,
        target: str,
        *,
        headers: Headers = NO_FIELDS,
        body: Buffer | Stream = b"",
        length: int | None = None,
        inform: Inform | None = None,
    ) -> IncomingResponse:
        """Send a request and return its response once the head is here; its taker closes it.

        `length` is the size of a streamed `body`; without it the body goes out chunked. `inform`
        is told of interim responses.

        Raises:
            DisconnectedError: the peer left before its response began.
            SilentPeerError: nothing came for `timeout` seconds.
            HttpError: what came is not HTTP/1.1.
        """
        if not self.reusable:
            raise RuntimeError("this connection is busy or spent; open another")
        self._busy = True
        self.trailers = NO_FIELDS
        size = len(body) if isinstance(body, Buffer) else length
        lines = [*headers.encode(), *_framing(method, size)]
        head = h11.Request(
            method=method,
            target=target,
            headers=[(b"host", self._authority.encode("ascii")), *lines],
        )
        try:
            await self._send_request(head, body)
            return IncomingResponse(self, await self._receive_head(inform))
        except BaseException:
            await self.aclose()
            raise

    async def _send_request(self, head: h11.Request, body: Buffer | Stream) -> None:
        parts = self._parts(head)
        if isinstance(body, Buffer):
            parts += self._data(body)
        else:
            await self._send_all(parts)
            async for piece in body:
                await self._send_all(self._data(piece))
            parts = []
        await self._send_all([*parts, *self._parts(h11.EndOfMessage())])

    def _data(self, piece: Buffer) -> list[bytes]:
        if not len(piece):
            return []
        return self._parts(h11.Data(data=cast("bytes", piece)))  # h11 passes any buffer on

    def _parts(self, event: h11.Event) -> list[bytes]:
        return self._h11.send_with_data_passthrough(event) or []

    async def _send_all(self, parts: list[bytes]) -> None:
        for piece in sends(parts, _SEND):
            with trio.move_on_after(self._timeout) as scope:
                try:
                    await self._stream.send_all(piece)
                except _GONE as error:
                    raise DisconnectedError("the peer left while the request was sent") from error
            if scope.cancelled_caught:
                raise SilentPeerError(f"the peer read nothing for {self._timeout:g} s")

    async def _receive_head(self, inform: Inform | None) -> h11.Response:
        """Return the final response's head; at most 16 interim ones (1xx) may come before it."""
        for _ in range(_INTERIM):
            event = await self._next_event()
            if isinstance(event, h11.Response):
                if len(event.headers) > _FIELDS:
                    raise HttpError(f"more than {_FIELDS} fields")
                if not event.http_version.startswith(b"1."):
                    raise HttpError(f"HTTP/{event.http_version.decode('ascii')} is not spoken here")
                return event
            if isinstance(event, h11.InformationalResponse) and inform is not None:
                await inform(event.status_code, Headers.decode(event.headers))
            if isinstance(event, h11.ConnectionClosed):
                raise DisconnectedError("the peer left before its response")
        raise HttpError("too many interim responses")

    async def receive_body(self) -> Buffer | None:
        """Return the next piece of the response's body, None at its end.

        Raises:
            TruncatedError: the peer left before the end.
            SilentPeerError: nothing came for `timeout` seconds.
        """
        event = await self._next_event()
        if isinstance(event, h11.Data):
            return event.data
        if isinstance(event, h11.EndOfMessage):
            self.trailers = Headers.decode(event.headers)
        return None

    async def _next_event(self) -> object:
        while True:
            begun = self._h11.their_state is h11.SEND_BODY
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                if self._h11.trailing_data[1]:
                    raise _departure(begun=begun) from error
                raise HttpError(f"malformed response: {error}") from error
            if event is not h11.NEED_DATA:
                return event
            try:
                self._h11.receive_data(await self._receive())
            except _GONE as error:
                raise _departure(begun=begun) from error

    async def _receive(self) -> bytes:
        with trio.move_on_after(self._timeout):
            return bytes(await self._stream.receive_some(_RECEIVE))
        raise SilentPeerError(f"nothing came for {self._timeout:g} s")

    async def finish(self) -> None:
        """End the current exchange: ready for another if it was read whole, closed otherwise."""
        self._busy = False
        if self._h11.our_state is h11.DONE and self._response_is_over():
            self._h11.start_next_cycle()
        else:
            await self.aclose()

    def _response_is_over(self) -> bool:
        """Return whether the response ends right where it was read to, and may be followed."""
        if self._h11.their_state is h11.SEND_BODY:
            try:
                self._h11.next_event()
            except h11.RemoteProtocolError:
                return False
        return self._h11.their_state is h11.DONE and self._h11.trailing_data == (b"", False)

    async def aclose(self) -> None:
        """Close the connection, whatever it is doing."""
        self._h11.send_failed()
        await trio.aclose_forcefully(self._stream)


def _framing(method: str, size: int | None) -> list[tuple[bytes, bytes]]:
    if size is None:
        return [(b"transfer-encoding", b"chunked")]
    if size or method in ("POST", "PUT"):
        return [(b"content-length", b"%d" % size)]
    return []


def _departure(*, begun: bool) -> HttpError:
    if begun:
        return TruncatedError("the peer left in the middle of its response")
    return DisconnectedError("the peer left before its response")
