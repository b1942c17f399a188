"""Web seeds over a network: good ones, and ones that answer anything but the chunk."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import pytest
import trio

from net.seam import Address, Connection
from peer.web_plan import WebAddress, WebSettings
from peer.web_seed import UnfitAnswerError, check
from tests.peer.swarming import Content, VirtualSwarm, run_swarm
from wire.http.headers import Headers
from wire.http.ranges import Span

FILE = Content(10_000_000, 500_000)
SMALL = Content(40_000, 1_000)
WEB = Address("web", 80)

Answer = Callable[[Connection, Span, Content], Awaitable[None]]


@dataclass
class Server:
    """A scripted HTTP server that has the file; `asked` are the ranges or targets it was sent."""

    content: Content
    answer: Answer
    asked: list[str] = field(default_factory=list)
    connections: int = 0

    async def serve(self, swarm: VirtualSwarm, host: str = WEB.host) -> None:
        """Answer on port 80 of `host` until cancelled."""
        async with trio.open_nursery() as nursery:
            listener = await swarm.internet.attach(host).listen(WEB.port)
            while True:
                self.connections += 1
                nursery.start_soon(self._converse, await listener.accept())

    async def _converse(self, connection: Connection) -> None:
        buffer = b""
        try:
            while data := await connection.receive_some(65_536):
                buffer += data
                while b"\r\n\r\n" in buffer:
                    head, _, buffer = buffer.partition(b"\r\n\r\n")
                    await self._respond(connection, head.decode())
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        await connection.aclose()

    async def _respond(self, connection: Connection, head: str) -> None:
        found = re.search(r"range: bytes=(\d+)-(\d+)", head)
        if found is None:
            target = head.split(" ")[1]
            self.asked.append(target)
            start = int(target.rpartition("/")[2]) * self.content.manifest.chunk_size
            stop = min(start + self.content.manifest.chunk_size, self.content.manifest.size)
            await self.answer(connection, Span(start, stop), self.content)
        else:
            self.asked.append(found[0])
            await self.answer(connection, Span(int(found[1]), int(found[2]) + 1), self.content)


async def whole_range(connection: Connection, span: Span, content: Content) -> None:
    """206, as it should be."""
    body = content.data[span.start : span.stop]
    await connection.send_all(_head(206, len(body), span.content_range(len(content.data))) + body)


async def chunk_object(connection: Connection, span: Span, content: Content) -> None:
    """200 with the one chunk that is this object."""
    body = content.data[span.start : span.stop]
    await connection.send_all(_head(200, len(body)) + body)


async def whole_file(connection: Connection, _span: Span, content: Content) -> None:
    """200 with everything."""
    await connection.send_all(_head(200, len(content.data)) + content.data)


async def wrong_bytes(connection: Connection, span: Span, content: Content) -> None:
    """206 with bytes of its own."""
    body = bytes(len(span))
    await connection.send_all(_head(206, len(body), span.content_range(len(content.data))) + body)


async def wrong_range(connection: Connection, span: Span, content: Content) -> None:
    """206 with the range beside."""
    other = Span(span.start + 1, span.stop + 1)
    body = content.data[other.start : other.stop].ljust(len(other), b"-")
    await connection.send_all(_head(206, len(body), other.content_range(10**9)) + body)


async def short_body(connection: Connection, span: Span, content: Content) -> None:
    """206 that says less follows than was asked for."""
    body = content.data[span.start : span.stop - 1]
    await connection.send_all(_head(206, len(body), span.content_range(len(content.data))) + body)


async def cut_off(connection: Connection, span: Span, content: Content) -> None:
    """206 that ends in the middle."""
    body = content.data[span.start : span.stop]
    head = _head(206, len(body), span.content_range(len(content.data)))
    await connection.send_all(head + body[: len(body) // 2])
    await connection.aclose()


async def endless(connection: Connection, span: Span, content: Content) -> None:
    """206 that goes on and on."""
    fields = f"content-range: {span.content_range(len(content.data))}\r\n"
    head = f"HTTP/1.1 206 OK\r\n{fields}transfer-encoding: chunked\r\n\r\n"
    await connection.send_all(head.encode())
    while True:
        await connection.send_all(b"2000\r\n" + bytes(0x2000) + b"\r\n")


async def drip(connection: Connection, span: Span, content: Content) -> None:
    """206 with a byte now and then: never silent, never done."""
    body = content.data[span.start : span.stop]
    await connection.send_all(_head(206, len(body), span.content_range(len(content.data))))
    for byte in body:
        await connection.send_all(bytes([byte]))
        await trio.sleep(2)


async def stall(_connection: Connection, _span: Span, _content: Content) -> None:
    """Nothing at all."""
    await trio.sleep_forever()


async def status(code: int, connection: Connection, _span: Span, _content: Content) -> None:
    """An error."""
    await connection.send_all(_head(code, 5) + b"sorry")


async def nonsense(connection: Connection, _span: Span, _content: Content) -> None:
    """No HTTP."""
    await connection.send_all(b"\x00\xff\r\n\r\n" * 10)


HOSTILE: dict[str, Answer] = {
    "whole file": whole_file,
    "wrong bytes": wrong_bytes,
    "wrong range": wrong_range,
    "short body": short_body,
    "cut off": cut_off,
    "endless": endless,
    "drip": drip,
    "stall": stall,
    "301": partial(status, 301),
    "404": partial(status, 404),
    "416": partial(status, 416),
    "429": partial(status, 429),
    "503": partial(status, 503),
    "nonsense": nonsense,
}


def _head(code: int, length: int, content_range: str | None = None) -> bytes:
    lines = [f"HTTP/1.1 {code} Said", f"content-length: {length}"]
    if content_range is not None:
        lines.append(f"content-range: {content_range}")
    return "\r\n".join([*lines, "", ""]).encode()


def web(
    *hosts: str,
    policy: str = "always",
    fetches: int = 4,
    rate: float = float("inf"),
    in_chunks: bool = False,
) -> WebSettings:
    """Return settings for web seeds on these hosts."""
    addresses = [WebAddress(Address(host, 80), "/content", in_chunks) for host in hosts]
    return WebSettings(tuple(addresses), policy, fetches, rate)


@pytest.mark.parametrize("policy", ["always", "when-rare", "when-idle"])
def test_a_web_seed_is_seed_enough(policy: str) -> None:
    """A peer that meets nobody gets everything, each byte once, over few connections."""

    async def script(swarm: VirtualSwarm) -> tuple[list[str], int]:
        server = Server(FILE, whole_range)
        swarm.background(partial(server.serve, swarm))
        await swarm.join("peer", web=web("web", policy=policy), trackers=())
        assert await swarm.completed(["peer"]) < 15
        return server.asked, server.connections

    asked, connections = run_swarm(script, ["peer", "web"], FILE)
    assert len(set(asked)) == len(asked) == FILE.count
    assert connections <= 4 + 1


def test_chunks_may_be_objects_of_their_own() -> None:
    """They are asked for by number, without ranges."""

    async def script(swarm: VirtualSwarm) -> list[str]:
        server = Server(FILE, chunk_object)
        swarm.background(partial(server.serve, swarm))
        await swarm.join("peer", web=web("web", in_chunks=True), trackers=())
        await swarm.completed(["peer"])
        return server.asked

    asked = run_swarm(script, ["peer", "web"], FILE)
    assert sorted(asked) == sorted(f"/content/{index}" for index in range(FILE.count))


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_web_seed_delays_nobody_for_long(kind: str) -> None:
    """Chunks come from the swarm instead; nothing wrong is stored, and it is soon left alone.

    What is on its way from who says nothing is asked of others before its time is up.
    """

    async def script(swarm: VirtualSwarm) -> tuple[Server, int]:
        server = Server(SMALL, HOSTILE[kind])
        swarm.background(partial(server.serve, swarm))
        await swarm.open_tracker()
        await swarm.seed()
        await swarm.join("peer", web=web("web"))
        assert await swarm.completed(["peer"]) < 12
        return server, len(swarm.happened("web_seed_failed", "peer"))

    server, failures = run_swarm(script, ["seed", "peer", "web"], SMALL)
    assert failures >= 1 or kind in ("drip", "stall")
    assert failures <= 12
    assert len(server.asked) <= 12


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_good_web_seed_stands_in_for_a_hostile_one(kind: str) -> None:
    """Without any swarm, too, the file is had: from the next address."""

    async def script(swarm: VirtualSwarm) -> None:
        swarm.background(partial(Server(SMALL, HOSTILE[kind]).serve, swarm))
        swarm.background(partial(Server(SMALL, whole_range).serve, swarm, "good"))
        await swarm.join("peer", web=web("web", "good"), trackers=())
        assert await swarm.completed(["peer"]) < 20

    run_swarm(script, ["peer", "web", "good"], SMALL)


def test_a_web_seed_that_recovers_is_used_again() -> None:
    """After 503s with Retry-After it is left alone for so long, then asked again."""

    async def script(swarm: VirtualSwarm) -> float:
        async def busy(connection: Connection, span: Span, content: Content) -> None:
            if trio.current_time() < 5:
                head = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nretry-after: 20\r\n\r\n"
                await connection.send_all(head)
            else:
                await whole_range(connection, span, content)

        swarm.background(partial(Server(SMALL, busy).serve, swarm))
        await swarm.join("peer", web=web("web"), trackers=())
        return await swarm.completed(["peer"])

    assert 16 <= run_swarm(script, ["peer", "web"], SMALL) <= 26


def test_nobody_listens() -> None:
    """A refused connection is a failure like others."""

    async def script(swarm: VirtualSwarm) -> None:
        await swarm.open_tracker()
        await swarm.seed()
        await swarm.join("peer", web=web("web"))
        await swarm.completed(["peer"])
        assert swarm.happened("web_seed_failed", "peer")

    run_swarm(script, ["seed", "peer", "web"], SMALL)


def test_connections_closed_while_idle_are_replaced() -> None:
    """A server may close between requests; that is no failure."""

    async def script(swarm: VirtualSwarm) -> None:
        async def once(connection: Connection, span: Span, content: Content) -> None:
            await whole_range(connection, span, content)
            await connection.aclose()

        server = Server(SMALL, once)
        swarm.background(partial(server.serve, swarm))
        await swarm.join("peer", web=web("web", fetches=1), trackers=())
        await swarm.completed(["peer"])
        assert not swarm.happened("web_seed_failed")
        assert server.connections > SMALL.count

    run_swarm(script, ["peer", "web"], SMALL)


def test_a_wanted_chunk_comes_in_time() -> None:
    """A player's deadline decides, though the policy is to take nothing."""

    async def script(swarm: VirtualSwarm) -> None:
        server = Server(FILE, whole_range)
        swarm.background(partial(server.serve, swarm))
        peer = await swarm.join("peer", web=web("web", policy="never"), trackers=())
        await trio.sleep(3)
        assert server.asked == []
        peer.want(17, trio.current_time() + 2)
        await trio.sleep(2)
        assert swarm.stores["peer"].have == 1 << 17
        assert len(server.asked) == 1

    run_swarm(script, ["peer", "web"], FILE)


def test_swarming_clients_spare_the_web_seed() -> None:
    """Ten peers and no other seed: `when-rare` takes a few copies, not ten."""

    async def script(swarm: VirtualSwarm) -> int:
        server = Server(FILE, whole_range)
        swarm.background(partial(server.serve, swarm))
        await swarm.open_tracker()
        hosts = [f"peer-{n}" for n in range(10)]
        for host in hosts:
            await swarm.join(host, web=web("web", policy="when-rare", fetches=1))
        await swarm.completed(hosts)
        return len(server.asked)

    hosts = ["web", *(f"peer-{n}" for n in range(10))]
    assert FILE.count <= run_swarm(script, hosts, FILE) <= 3 * FILE.count


@pytest.mark.parametrize(
    ("code", "headers", "pause"),
    [
        (206, {"content-range": "bytes 10-19/*"}, None),
        (206, {"content-range": "bytes 10-19/100"}, None),
        (206, {"content-range": "bytes 10-19/101"}, 60),
        (206, {"content-range": "bytes 10-18/100"}, 60),
        (206, {"content-range": "10-19"}, 60),
        (206, {}, 60),
        (200, {}, 60),
        (503, {}, 0),
        (503, {"retry-after": "7"}, 7),
        (429, {"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0),
        (404, {}, 60),
        (302, {}, 60),
        (204, {}, 60),
    ],
)
def test_what_an_answer_is_worth(code: int, headers: dict[str, str], pause: float | None) -> None:
    """Bytes 10 to 19 of 100 were asked for: each head is taken, or says how long to wait."""
    if pause is None:
        check(code, Headers(headers), Span(10, 20), 100)
    else:
        with pytest.raises(UnfitAnswerError) as caught:
            check(code, Headers(headers), Span(10, 20), 100)
        assert caught.value.pause == pause


def test_the_whole_is_taken_where_the_whole_was_asked_for() -> None:
    """A file of one chunk needs no range."""
    check(200, Headers(), Span(0, 100), 100)
