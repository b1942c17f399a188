"""A forward proxy: a web cache before all origins, and tunnels for what it cannot read.

Refuses to know who may use it: it is reachable where its listener is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import trio

from cdn.cache import Admits, Cache, Shelf
from cdn.caching_server import CachingServer
from cdn.eviction import Eviction, Lru
from cdn.pool import GatewayError, Pool, PooledResponse
from cdn.tunnel import Tunnel
from cdn.upstream import origin_form
from cdn.web_cache import WebCache
from net.seam import Address, Connection, Network
from net.trace import Trace, silent
from wire.http.client import Inform
from wire.http.headers import Headers
from wire.http.limits import Limits
from wire.http.message import NO_FIELDS, Buffer, Request, Response, explain

_SCHEME = "http://"
_TUNNELS = 100
_TUNNEL_IDLE = 300.0


class AnyOrigin:
    """The way to every origin: a pool of `connections` each, to `origins` of them at a time.

    Keys are absolute URIs, with the host in lower case and without the default port.
    """

    def __init__(
        self,
        network: Network,
        *,
        origins: int = 64,
        connections: int = 8,
        timeout: float = 60.0,
    ) -> None:
        self._network = network
        self._most = origins
        self._connections = connections
        self._timeout = timeout
        self._pools: OrderedDict[str, Pool] = OrderedDict()

    def key(self, request: Request) -> str:
        """Return the absolute URI asked for."""
        return f"{_SCHEME}{_plain(request.target.authority)}{origin_form(request.target)}"

    def related(self, request: Request, reference: str) -> str | None:
        """Return the key of `reference`, if it is of the origin asked (RFC 9111 4.4)."""
        key = self.key(request)
        try:
            found = urlsplit(urljoin(key, reference))
        except ValueError:
            return None
        if found.scheme != "http" or _plain(found.netloc.lower()) != _split(key)[0]:
            return None
        query = f"?{found.query}" if found.query else ""
        return f"{_SCHEME}{_plain(found.netloc.lower())}{found.path or '/'}{query}"

    async def send(
        self,
        method: str,
        key: str,
        *,
        headers: Headers = NO_FIELDS,
        body: Buffer = b"",
        inform: Inform | None = None,
    ) -> PooledResponse:
        """Ask the origin in `key`.

        Raises:
            GatewayError: it gave no answer, or too many origins are being asked (503).
        """
        authority, target = _split(key)
        pool = await self._pool(authority)
        return await pool.send(method, target, headers=headers, body=body, inform=inform)

    async def _pool(self, authority: str) -> Pool:
        pool = self._pools.get(authority)
        if pool is not None:
            self._pools.move_to_end(authority)
            return pool
        unused = None
        if len(self._pools) >= self._most:
            unused = next((name for name, one in self._pools.items() if one.unused), None)
            if unused is None:
                raise GatewayError(503, f"{self._most} origins are being asked already")
        pool = self._pools[authority] = Pool(
            self._network,
            address_of(authority, 80),
            authority=authority,
            size=self._connections,
            timeout=self._timeout,
        )
        if unused is not None:
            await self._pools.pop(unused).aclose()
        return pool

    async def aclose(self) -> None:
        """Close the idle connections."""
        for pool in self._pools.values():
            await pool.aclose()


class Proxy(CachingServer):
    """A shared cache of at most `capacity` bytes that its clients name as their proxy.

    It fetches http URIs, and tunnels CONNECT to `tunnel_ports`. `name` is what Via calls it. It
    answers absolute targets and asks for relative ones: it cannot ask itself for ever.
    """

    def __init__(
        self,
        network: Network,
        *,
        name: str,
        capacity: int,
        wall: Callable[[], float],
        trace: Trace = silent,
        eviction: Eviction[str] | None = None,
        admits: Admits | None = None,
        shelf: Shelf | None = None,
        tunnel_ports: frozenset[int] = frozenset({443}),
        timeout: float = 60.0,
        limits: Limits = Limits(),  # noqa: B008 - immutable
    ) -> None:
        cache = Cache(eviction if eviction is not None else Lru(capacity), admits, shelf)
        upstream = AnyOrigin(network, timeout=timeout)
        web_cache = WebCache(name, upstream, cache, wall=wall, trace=trace, limits=limits)
        super().__init__(web_cache, wall=wall, trace=trace, limits=limits)
        self._network = network
        self._ports = tunnel_ports
        self._tunnels = trio.Semaphore(_TUNNELS, max_value=_TUNNELS)
        self._timeout = timeout

    async def answer(self, request: Request, remote: Address) -> Response:
        """Return the response to one request of client `remote`."""
        if request.method == "CONNECT":
            return await self._connect(request.target.authority, remote)
        if not request.target.authority:
            return explain(400, "this is a proxy; ask for a whole http:// URL")
        if request.target.scheme != "http":
            return explain(400, f"{request.target.scheme} goes through CONNECT")
        return await super().answer(request, remote)

    async def _connect(self, authority: str, remote: Address) -> Response:
        """Open a tunnel, if the port is one of those allowed and there is room."""
        server = address_of(authority, 0)
        if server.port not in self._ports:
            allowed = ", ".join(map(str, sorted(self._ports))) or "none"
            return explain(403, f"no tunnels to port {server.port}; allowed: {allowed}")
        try:
            self._tunnels.acquire_nowait()
        except trio.WouldBlock:
            return explain(503, f"{_TUNNELS} tunnels are open already")
        try:
            connection = await self._dial(server)
        except BaseException as error:
            self._tunnels.release()
            if isinstance(error, GatewayError):
                self._trace("tunnel_failed", server=authority, reason=error.reason)
                return explain(error.status, error.reason)
            raise
        self._trace("tunnel_opened", server=authority, client=str(remote))

        def closed(sent: int, received: int) -> None:
            self._tunnels.release()
            self._trace("tunnel_closed", server=authority, sent=sent, received=received)

        return Response(200, tunnel=Tunnel(connection, idle=_TUNNEL_IDLE, closed=closed))

    async def _dial(self, server: Address) -> Connection:
        try:
            with trio.move_on_after(self._timeout):
                return await self._network.dial(server)
        except OSError as error:
            raise GatewayError(502, f"cannot reach {server}: {error.strerror or error}") from error
        raise GatewayError(504, f"no answer from {server} within {self._timeout:g} s")


def address_of(authority: str, default: int) -> Address:
    """Return where `authority` is, an IPv6 host without its brackets."""
    host, colon, port = authority.rpartition(":")
    if not colon or "]" in port:
        host, port = authority, ""
    return Address(host.removeprefix("[").removesuffix("]"), int(port) if port else default)


def _plain(authority: str) -> str:
    """Return `authority` without the default port."""
    return authority.removesuffix(":80").removesuffix(":")


def _split(key: str) -> tuple[str, str]:
    """Return the authority and the request target in a key."""
    authority, slash, rest = key.removeprefix(_SCHEME).partition("/")
    if not slash:  # OPTIONS for the server as a whole (RFC 9112 3.2.4)
        return authority.removesuffix("*"), "*"
    return authority, f"/{rest}"
