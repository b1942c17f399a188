"""Persistent connections to one server, a bounded number of them.

Refuses to know what is asked over them; its failures are named by the status a gateway gives.
"""

from __future__ import annotations

from collections import deque
from typing import Self

import trio

from cdn.forwarding import trailing
from net.seam import Address, Network
from wire.http.client import HttpConnection, IncomingResponse, Inform
from wire.http.errors import DisconnectedError, HttpError, SilentPeerError
from wire.http.headers import Headers
from wire.http.message import NO_FIELDS, Buffer

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})


class GatewayError(Exception):
    """The server behind the gateway gave no usable answer: `status` is 502 or 504."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Pool:
    """Connections to `server`: idle ones are used again, at most `size` are open.

    What may not be repeated goes over a new one: the server may have left an idle one meanwhile.

    `authority` is what the Host field says, by default the server's address.
    Invariant: every open connection is either idle here or held by one `PooledResponse`.
    """

    def __init__(
        self,
        network: Network,
        server: Address,
        *,
        authority: str | None = None,
        size: int = 32,
        timeout: float = 60.0,
    ) -> None:
        self._network = network
        self._server = server
        self._authority = str(server) if authority is None else authority
        self._size = size
        self._timeout = timeout
        self._places = trio.Semaphore(size, max_value=size)
        self._idle: deque[HttpConnection] = deque()

    @property
    def unused(self) -> bool:
        """Whether no response is under way."""
        return self._places.value == self._size

    async def send(
        self,
        method: str,
        target: str,
        *,
        headers: Headers = NO_FIELDS,
        body: Buffer = b"",
        inform: Inform | None = None,
    ) -> PooledResponse:
        """Send a request and return its response once the head is here; its taker closes it.

        `inform` is told of interim responses.

        Raises:
            GatewayError: nobody answered (502 refused or broken, 504 too slow).
        """
        with trio.move_on_after(self._timeout) as scope:
            await self._places.acquire()
        if scope.cancelled_caught:
            raise GatewayError(504, f"all connections to {self._server} stayed busy")
        try:
            connection, response = await self._exchange(method, target, headers, body, inform)
        except BaseException:
            self._places.release()
            raise
        return PooledResponse(self, connection, response)

    async def _exchange(
        self, method: str, target: str, headers: Headers, body: Buffer, inform: Inform | None
    ) -> tuple[HttpConnection, IncomingResponse]:
        while True:
            used = bool(self._idle) and method in _IDEMPOTENT
            connection = self._idle.pop() if used else await self._open()
            try:
                response = await connection.send(
                    method, target, headers=headers, body=body, inform=inform
                )
                return connection, response
            except DisconnectedError as error:  # an idle connection may have been closed meanwhile
                if not used:
                    raise GatewayError(502, str(error)) from error
            except SilentPeerError as error:
                raise GatewayError(504, str(error)) from error
            except HttpError as error:
                raise GatewayError(502, str(error)) from error

    async def _open(self) -> HttpConnection:
        """Return a new connection, in the place of an idle one if there are too many."""
        held = self._size - self._places.value
        if held + len(self._idle) > self._size:
            await self._idle.popleft().aclose()
        return await self._dial()

    async def _dial(self) -> HttpConnection:
        try:
            with trio.move_on_after(self._timeout):
                stream = await self._network.dial(self._server)
                return HttpConnection(stream, self._authority, timeout=self._timeout)
        except TimeoutError as error:
            raise GatewayError(504, f"no answer from {self._server}") from error
        except OSError as error:
            raise GatewayError(502, f"cannot reach {self._server}: {error}") from error
        raise GatewayError(504, f"no answer from {self._server} within {self._timeout:g} s")

    def give_back(self, connection: HttpConnection) -> None:
        """Take back a connection whose response is over."""
        if connection.reusable:
            self._idle.append(connection)
        self._places.release()

    async def aclose(self) -> None:
        """Close the idle connections."""
        while self._idle:
            await self._idle.pop().aclose()


class PooledResponse:
    """A response over a pooled connection, which goes back when this is closed."""

    def __init__(self, pool: Pool, connection: HttpConnection, response: IncomingResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.length = response.length
        self._pool = pool
        self._connection = connection
        self._response = response
        self._open = True

    @property
    def trailers(self) -> Headers:
        """The fields after a chunked body that may go on, known at its end."""
        return trailing(self._response.trailers)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Buffer:
        return await self._response.__anext__()

    async def discard(self, limit: int) -> None:
        """Read a body of at most `limit` bytes for nothing but its connection, and close."""
        read = 0
        try:
            async for data in self:
                read += len(data)
                if read > limit:
                    break
        except HttpError:
            pass  # the connection is spent, which is all that closing needs to know
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Give the connection back, closed if the body was not read to its end."""
        if self._open:
            self._open = False
            try:
                await self._response.aclose()
            finally:
                self._pool.give_back(self._connection)
