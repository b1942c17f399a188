"""Where a web cache fetches what it lacks, and what it calls the things it fetches.

Refuses to know what is cached and for how long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import trio

from cdn.pool import GatewayError, Pool, PooledResponse
from net.seam import Address, Network
from net.trace import Trace, silent
from wire.http.client import Inform
from wire.http.headers import Headers
from wire.http.message import NO_FIELDS, Buffer, Request
from wire.http.target import Target

_SHORT = 4096
"""Bytes of a refusal that are read so that its connection can be used again."""


class Upstream(Protocol):
    """The way to the origins behind a cache."""

    def key(self, request: Request) -> str:
        """Return what the answers to `request` are stored under."""

    def related(self, request: Request, reference: str) -> str | None:
        """Return the key of a URI reference in an answer, None if it is of another origin."""

    async def send(
        self,
        method: str,
        key: str,
        *,
        headers: Headers = NO_FIELDS,
        body: Buffer = b"",
        inform: Inform | None = None,
    ) -> PooledResponse:
        """Send a request for `key`; return its response once the head is here.

        Raises:
            GatewayError: nobody answered.
        """

    async def aclose(self) -> None:
        """Close what is idle."""


class OneOrigin:
    """One origin, and `siblings` that are asked before it for what they happen to have.

    Keys are origin-form targets: path and query.
    """

    def __init__(
        self,
        network: Network,
        origin: Address,
        *,
        siblings: Sequence[Address] = (),
        connections: int = 32,
        timeout: float = 60.0,
        trace: Trace = silent,
    ) -> None:
        self._origin = Pool(network, origin, size=connections, timeout=timeout)
        self._siblings = {
            address: Pool(network, address, size=connections, timeout=timeout)
            for address in siblings
        }
        self._authority = str(origin)
        self._trace = trace

    def key(self, request: Request) -> str:
        """Return the origin-form target; all hosts are the one origin."""
        return origin_form(request.target)

    def related(self, request: Request, reference: str) -> str | None:
        """Return the key of `reference`, if it names the host asked for or the origin."""
        host = (request.headers.get("host") or self._authority).lower()
        try:
            found = urlsplit(urljoin(f"http://{host}{self.key(request)}", reference))
        except ValueError:
            return None
        if found.netloc.lower() not in (host, self._authority):
            return None
        return origin_form(Target(found.path or "/", found.query))

    async def send(
        self,
        method: str,
        key: str,
        *,
        headers: Headers = NO_FIELDS,
        body: Buffer = b"",
        inform: Inform | None = None,
    ) -> PooledResponse:
        """Ask the siblings for what they have, then the origin."""
        if method == "GET" and self._siblings:
            response = await self._ask_siblings(key, headers)
            if response is not None:
                return response
        return await self._origin.send(method, key, headers=headers, body=body, inform=inform)

    async def _ask_siblings(self, key: str, headers: Headers) -> PooledResponse | None:
        """Ask all siblings at once; return the first answer that is of use."""
        first: PooledResponse | None = None

        async def ask(address: Address) -> None:
            nonlocal first
            response = await self._ask_sibling(address, key, headers)
            if response is None:
                return
            if first is not None:
                await response.aclose()
                return
            first = response
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for address in self._siblings:
                nursery.start_soon(ask, address)
        return first

    async def _ask_sibling(
        self, address: Address, key: str, headers: Headers
    ) -> PooledResponse | None:
        control = headers.get("cache-control")
        only = "only-if-cached" if control is None else f"{control}, only-if-cached"
        asked = headers.replace({"cache-control": only})
        try:
            response = await self._siblings[address].send("GET", key, headers=asked)
        except GatewayError as error:
            self._trace("sibling_failed", path=key, sibling=str(address), reason=error.reason)
            return None
        if response.status >= 400:
            await response.discard(_SHORT)
            return None
        self._trace("sibling_answered", path=key, sibling=str(address), status=response.status)
        return response

    async def aclose(self) -> None:
        """Close the idle connections."""
        for pool in (self._origin, *self._siblings.values()):
            await pool.aclose()


def origin_form(target: Target) -> str:
    """Return path and query as they stand in a request line (RFC 9112 3.2.1)."""
    return f"{target.path}?{target.query}" if target.query else target.path
