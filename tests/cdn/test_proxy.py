"""The forward proxy between clients and several origins in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from cdn.pool import GatewayError
from cdn.proxy import AnyOrigin, Proxy, address_of
from cdn.serving import serve_http
from net.seam import Address, Connection
from tests.cdn.internet import Internet, Journal, wall
from tests.cdn.stage import Gate
from wire.http.client import HttpConnection
from wire.http.headers import Headers
from wire.http.limits import Limits
from wire.http.message import Request, Response
from wire.http.target import parse_target

PROXY = Address("proxy", 3128)


class Web:
    """Origins that say who and where they are, a proxy, and clients."""

    def __init__(self, internet: Internet, journal: Journal) -> None:
        self.internet = internet
        self.journal = journal
        self.asked: list[tuple[str, str, Headers]] = []

    async def answer(self, request: Request, remote: Address) -> Response:
        """Name the origin and the target; remember the request."""
        host = request.headers.get("host") or ""
        self.asked.append((request.method, f"{host} {request.target.path}", request.headers))
        fields = {"cache-control": "max-age=60"}
        if request.method == "POST":
            fields = {"location": request.target.query}
        return Response(200, Headers(fields), f"{host}{request.target.path}".encode())

    async def dial(self) -> Connection:
        """Return a client's connection to the proxy."""
        return await self.internet.attach("client").dial(PROXY)

    async def get(
        self, target: str, method: str = "GET", **fields: str
    ) -> tuple[int, str, Headers]:
        """Ask the proxy once: status, body and fields of its answer."""
        headers = Headers({name.replace("_", "-"): value for name, value in fields.items()})
        connection = HttpConnection(await self.dial(), "elsewhere")
        async with connection.request(method, target, headers=headers) as response:
            body = await response.read(1 << 20)
            return response.status, body.decode(), response.headers

    async def connect(self, authority: str) -> tuple[Connection, bytes]:
        """Ask for a tunnel; return the connection and the head of the answer."""
        stream = await self.dial()
        await stream.send_all(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += await stream.receive_some(1000)
        return stream, head


@asynccontextmanager
async def web(*origins: str) -> AsyncIterator[Web]:
    """Yield a proxy before origins at HOST:PORT."""
    internet, journal = Internet(), Journal()
    stage = Web(internet, journal)
    proxy = Proxy(
        internet.attach("proxy"),
        name="here",
        capacity=1 << 20,
        wall=wall,
        trace=journal,
        limits=Limits(linger=0),
    )
    async with trio.open_nursery() as nursery:
        for origin in origins:
            at = address_of(origin, 80)
            listener = await internet.attach(at.host).listen(at.port)
            serve = partial(serve_http, listener, stage.answer, wall=wall, trace=journal)
            await nursery.start(serve)
        await nursery.start(proxy.serve, await internet.attach("proxy").listen(PROXY.port))
        yield stage
        nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_the_origin_in_the_target_is_asked_and_told_its_name() -> None:
    """The target counts and Host does not (RFC 9112 3.2.2); the second answer is a hit."""
    async with web("a") as stage:
        for _ in range(2):
            status, body, headers = await stage.get("http://a/x")
            assert (status, body) == (200, "a/x")
        assert 'key="http://a/x"' in (headers.get("cache-status") or "")
        assert "hit" in (headers.get("cache-status") or "")
        assert [(method, what) for method, what, _ in stage.asked] == [("GET", "a /x")]


@pytest.mark.trio
async def test_equal_uris_are_one_object_and_others_are_not() -> None:
    """Case of the host and the default port make no difference; host, port and query do."""
    async with web("a", "b", "a:81") as stage:
        for same in ("http://a/x", "http://a:80/x", "HTTP://A/x", "http://a:/x"):
            assert (await stage.get(same))[1] == "a/x"
        assert len(stage.asked) == 1
        assert (await stage.get("http://b/x"))[1] == "b/x"
        assert (await stage.get("http://a:81/x"))[1] == "a:81/x"
        assert (await stage.get("http://a/x?q"))[1] == "a/x"
        assert len(stage.asked) == 4


@pytest.mark.trio
async def test_only_absolute_http_targets_are_fetched() -> None:
    """A request that comes back to the proxy is relative, so it cannot go round."""
    async with web() as stage:
        for target in ("/x", "https://a/x", f"http://{PROXY}/"):
            status, body, _ = await stage.get(target)
            assert status == 400
        assert "this is a proxy" in body


@pytest.mark.trio
async def test_what_is_between_client_and_proxy_goes_no_further() -> None:
    """Proxy-Authorization and its like are not the origin's; Via tells it the way."""
    async with web("a") as stage:
        await stage.get("http://a/x", proxy_authorization="Basic x", proxy_connection="close")
        _, _, headers = stage.asked[0]
        assert not {"proxy-authorization", "proxy-connection"} & {name for name, _ in headers}
        assert headers.get("via") == "1.1 here"


@pytest.mark.trio
@pytest.mark.parametrize(
    ("location", "again"), [("/x", 1), ("http://a/x", 1), ("http://b/x", 0), ("http://[", 0)]
)
async def test_changes_invalidate_what_is_of_the_same_origin(location: str, again: int) -> None:
    """Location counts where it names the origin that was asked (RFC 9111 4.4)."""
    async with web("a", "b") as stage:
        for target in ("http://a/x", "http://b/x"):
            await stage.get(target)
        await stage.get(f"http://a/y?{location}", "POST")
        before = len(stage.asked)
        for target in ("http://a/x", "http://b/x"):
            await stage.get(target)
        assert len(stage.asked) - before == again


@pytest.mark.trio
async def test_options_may_be_for_the_server_as_a_whole() -> None:
    """An absolute target without a path becomes the asterisk (RFC 9112 3.2.4)."""
    async with web("a") as stage:
        await stage.get("http://a", "OPTIONS")
        await stage.get("http://a/", "OPTIONS")
        assert [what for _, what, _ in stage.asked] == ["a *", "a /"]


@pytest.mark.trio
async def test_an_origin_out_of_reach_is_a_502() -> None:
    """Not the proxy's fault, and said so."""
    async with web() as stage:
        status, body, _ = await stage.get("http://nowhere/")
        assert status == 502
        assert "nowhere:80" in body


@pytest.mark.trio
async def test_connect_opens_a_tunnel() -> None:
    """What follows is between client and server; the events tell how much it was."""
    async with web("a:443") as stage:
        stream, head = await stage.connect("a:443")
        assert head.startswith(b"HTTP/1.1 200 ")
        await stream.send_all(b"GET /x HTTP/1.1\r\nHost: inner\r\nConnection: close\r\n\r\n")
        answer = b""
        while data := await stream.receive_some(1000):
            answer += data
        assert answer.endswith(b"\r\n\r\ninner/x")
        await stream.aclose()
        await wait_all_tasks_blocked()
        assert dict(stage.journal.events)["tunnel_closed"]["received"] == len(answer)


@pytest.mark.trio
@pytest.mark.parametrize(
    ("authority", "status"), [("a:25", b"403"), ("nowhere:443", b"502"), ("a", b"400")]
)
async def test_connect_is_refused_with_a_reason(authority: str, status: bytes) -> None:
    """Only ports that are allowed; only servers that answer."""
    async with web("a:443") as stage:
        _, head = await stage.connect(authority)
        assert head.split(b" ")[1] == status


@pytest.mark.trio
async def test_tunnels_are_bounded() -> None:
    """The next one is a 503 until another has closed."""
    async with web("a:443") as stage:
        streams = []
        for _ in range(100):
            stream, head = await stage.connect("a:443")
            assert head.split(b" ")[1] == b"200"
            streams.append(stream)
        assert (await stage.connect("a:443"))[1].split(b" ")[1] == b"503"
        await streams.pop().aclose()
        await wait_all_tasks_blocked()
        assert (await stage.connect("a:443"))[1].split(b" ")[1] == b"200"


@pytest.mark.trio
async def test_pools_are_bounded() -> None:
    """An unused pool makes room for another origin; where all are busy, there is none."""
    internet, gates = Internet(), [Gate(), Gate()]
    waiting = list(gates)

    async def answer(_: Request, __: Address) -> Response:
        return Response(200, body=waiting.pop(0)) if waiting else Response(200, body=b"x")

    async with trio.open_nursery() as nursery:
        for host in ("a", "b", "c"):
            listener = await internet.attach(host).listen(80)
            serve = partial(serve_http, listener, answer, wall=wall, trace=Journal())
            await nursery.start(serve)
        way = AnyOrigin(internet.attach("proxy"), origins=2)
        first = await way.send("GET", "http://a/")
        second = await way.send("GET", "http://b/")
        with pytest.raises(GatewayError, match="2 origins") as refused:
            await way.send("GET", "http://c/")
        assert refused.value.status == 503
        for gate, response in zip(gates, (first, second), strict=True):
            gate.end()
            assert [piece async for piece in response] == []
            await response.aclose()
        for host in ("c", "b", "b"):
            response = await way.send("GET", f"http://{host}/")
            assert [bytes(piece) async for piece in response] == [b"x"]
            await response.aclose()
        assert [at.host for _, at in internet.dialled] == ["a", "b", "c"]
        await way.aclose()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("authority", "address"),
    [
        ("a", Address("a", 80)),
        ("a:8080", Address("a", 8080)),
        ("[::1]", Address("::1", 80)),
        ("[::1]:443", Address("::1", 443)),
        ("a:", Address("a", 80)),
    ],
)
def test_authorities_are_addresses(authority: str, address: Address) -> None:
    """IPv6 hosts lose their brackets."""
    assert address_of(authority, 80) == address


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("http://A:80/b?c", "http://a/b?c"),
        ("http://a", "http://a/"),
        ("http://[::1]:8000/", "http://[::1]:8000/"),
    ],
)
def test_keys_are_absolute_uris(target: str, key: str) -> None:
    """In one form each."""
    way = AnyOrigin(Internet().attach("proxy"))
    assert way.key(Request("GET", parse_target("GET", target))) == key
