"""What a gateway owes both sides beside caching: framing, fields, interim responses, trailers."""

from __future__ import annotations

import re

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from net.seam import Address, Connection
from tests.cdn.raw import (
    answering,
    raw_stage,
    read_head,
    read_to_end,
    request,
    response,
)

BODY = b"what was asked for"


def fields_of(head: bytes) -> dict[str, str]:
    """Return the fields of a raw head, lines of one name joined."""
    found: dict[str, str] = {}
    for line in head.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        name, _, value = line.decode("latin-1").partition(": ")
        name = name.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def status_of(answer: bytes) -> int:
    """Return the status of the first response."""
    return int(answer.split(b" ")[1])


def body_of(answer: bytes) -> bytes:
    """Return what follows the first head."""
    return answer.partition(b"\r\n\r\n")[2]


# -- fields -----------------------------------------------------------------------------------


@pytest.mark.trio
async def test_fields_of_one_connection_go_no_further() -> None:
    """RFC 9110 7.6.1: neither towards the origin nor back, nor into the cache."""
    told = ("Connection: X-Mine, close", "X-Mine: 1", "Keep-Alive: timeout=5", "Upgrade: x")
    proxied = ("Proxy-Connection: x", "Proxy-Authenticate: Basic", "X-Yours: 2")
    async with raw_stage(answering(response(BODY, *told, *proxied))) as stage:
        for _ in range(2):
            fields = fields_of(await stage.say(request("/a", *told[1:], *told[:1], *proxied)))
            assert fields["x-yours"] == "2"
            gone = {"x-mine", "keep-alive", "upgrade", "proxy-connection", "proxy-authenticate"}
            assert not gone & fields.keys()
        (asked,) = map(fields_of, stage.heads)
        assert asked["x-yours"] == "2"
        assert not (gone | {"connection"}) & asked.keys()


@pytest.mark.trio
async def test_via_grows_in_both_directions() -> None:
    """Each gateway adds itself, also to hits (RFC 9110 7.6.3)."""
    async with raw_stage(answering(response(BODY, "Via: 1.1 before"))) as stage:
        for _ in range(2):
            answer = await stage.get("/a", "Via: 1.0 first")
            assert fields_of(answer)["via"] == "1.1 before, 1.1 edge"
        assert fields_of(stage.heads[0])["via"] == "1.0 first, 1.1 edge"


@pytest.mark.trio
async def test_unknown_fields_and_methods_and_statuses_pass() -> None:
    """A gateway forwards what it does not know."""
    odd = b"HTTP/1.1 999 Odd\r\nX-New: 1\r\nContent-Length: 2\r\n\r\nok"
    async with raw_stage(answering(odd)) as stage:
        answer = await stage.say(request("/a", "X-Old: 0", "Connection: close", method="BREW"))
        assert (status_of(answer), fields_of(answer)["x-new"]) == (999, "1")
        assert stage.heads[0].startswith(b"BREW /a HTTP/1.1\r\n")
        assert fields_of(stage.heads[0])["x-old"] == "0"


@pytest.mark.trio
async def test_the_origin_is_told_its_own_host() -> None:
    """A reverse proxy's Host is the origin's, whatever target and Host the client used."""
    async with raw_stage(answering(response(BODY))) as stage:
        await stage.get("http://elsewhere:81/a?b=c")
        assert stage.heads[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
        assert fields_of(stage.heads[0])["host"] == "origin:80"


@pytest.mark.trio
async def test_absolute_and_origin_form_are_one_object() -> None:
    """RFC 9112 3.2.2: a server accepts both."""
    async with raw_stage(answering(response(BODY))) as stage:
        await stage.get("/a")
        await stage.get("http://edge/a")
        assert len(stage.heads) == 1


@pytest.mark.trio
@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
async def test_max_forwards_is_counted_down(method: str) -> None:
    """RFC 9110 7.6.2: at 0 the gateway answers itself, and tells no secrets."""
    async with raw_stage(answering(response(BODY))) as stage:

        async def ask(*lines: str) -> bytes:
            return await stage.say(request("/a?b", *lines, "Connection: close", method=method))

        assert body_of(await ask("Max-Forwards: 2")) == BODY
        assert fields_of(stage.heads[0])["max-forwards"] == "1"
        last = await ask("Max-Forwards: 0", "Cookie: secret", "X: y")
        assert status_of(last) == (204 if method == "OPTIONS" else 200)
        assert b"secret" not in last
        assert method == "OPTIONS" or body_of(last).startswith(b"TRACE /a?b HTTP/1.1\r\n")
        assert len(stage.heads) == 1


@pytest.mark.trio
async def test_an_edge_opens_no_tunnels() -> None:
    """CONNECT is a proxy's (RFC 9110 9.3.6)."""
    async with raw_stage(answering(response(BODY))) as stage:
        answer = await stage.say(request("a:443", method="CONNECT"))
        assert status_of(answer) == 501
        assert stage.heads == []


# -- bodies -----------------------------------------------------------------------------------


async def echo(connection: Connection, head: bytes) -> None:
    """Answer with the raw body that came."""
    fields = fields_of(head)
    if "content-length" in fields:
        length, body = int(fields["content-length"]), b""
        while len(body) < length:
            body += await connection.receive_some(length - len(body))
    else:
        body = b""
        while not body.endswith(b"0\r\n\r\n"):
            body += await connection.receive_some(100)
    size = f"Content-Length: {len(body)}\r\n".encode()
    await connection.send_all(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n" + size)
    await connection.send_all(b"\r\n" + body)


@pytest.mark.trio
@pytest.mark.parametrize(
    "sent",
    [
        request("/a", "Content-Length: 5", "Connection: close", method="POST", body=b"hello"),
        request(
            "/a",
            "Transfer-Encoding: chunked",
            "Connection: close",
            method="POST",
            body=b"2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nX-Trailer: 1\r\n\r\n",
        ),
        request(
            "/a",
            "Content-Length: 5",
            "Connection: close",
            "Expect: 100-continue",
            method="PUT",
            body=b"hello",
        ),
    ],
)
async def test_request_bodies_arrive_whole_in_either_framing(sent: bytes) -> None:
    """With a length or in chunks; the client that waits for permission gets it here."""
    async with raw_stage(echo) as stage:
        answer = await stage.say(sent)
        if b"100-continue" in sent:
            assert status_of(answer) == 100
            answer = body_of(answer)
            assert "expect" not in fields_of(stage.heads[0])
        assert status_of(answer) == 200
        assert body_of(answer).replace(b"\r\n", b"").removeprefix(b"5").startswith(b"hello")


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n"
    b"Trailer: X-Sum\r\n\r\n4\r\nabcd\r\n3;x\r\nefg\r\n0\r\nX-Sum: 7\r\n\r\n"
)


@pytest.mark.trio
async def test_chunks_go_on_as_chunks_and_are_stored_with_a_length() -> None:
    """What is unknown at first is known at a hit."""
    async with raw_stage(answering(CHUNKED)) as stage:
        first = await stage.get()
        assert fields_of(first)["transfer-encoding"] == "chunked"
        assert b"x-sum: 7\r\n\r\n" in body_of(first).lower()
        second = await stage.get()
        assert fields_of(second)["content-length"] == "7"
        assert body_of(second) == b"abcdefg"


@pytest.mark.trio
async def test_an_old_client_gets_no_chunks() -> None:
    """HTTP/1.0: the end of the connection is the end of the body."""
    old = b"GET /%s HTTP/1.0\r\nHost: edge\r\n\r\n"
    async with raw_stage(answering(CHUNKED)) as stage:
        answer = await stage.say(old % b"a")
        assert "transfer-encoding" not in fields_of(answer)
        assert body_of(answer) == b"abcdefg"


@pytest.mark.trio
async def test_an_old_origin_may_end_its_body_by_leaving() -> None:
    """HTTP/1.0 without a length: whole if the connection ends in order."""
    old = b"HTTP/1.0 200 OK\r\nCache-Control: max-age=60\r\n\r\nabcdefg"
    async with raw_stage(answering(old)) as stage:
        assert b"abcdefg" in body_of(await stage.get())
        assert body_of(await stage.get()) == b"abcdefg"
        assert len(stage.heads) == 1


@pytest.mark.trio
@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_responses_without_a_body_end_at_their_head(status: str) -> None:
    """Whatever their fields say."""
    bare = f'HTTP/1.1 {status}\r\nETag: "1"\r\n\r\n'.encode()
    async with raw_stage(answering(bare)) as stage:
        asked = request("/a", 'If-None-Match: "1"') + request("/b", "Connection: close")
        answer = await stage.say(asked, leave=False)
        assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [status[:3].encode()] * 2


@pytest.mark.trio
@pytest.mark.parametrize("control", ["max-age=60", "no-store"])
async def test_trailers_pass_but_frame_nothing(control: str) -> None:
    """RFC 9110 6.5.1: what frames or routes a message has no place behind it."""
    head = f"HTTP/1.1 200 OK\r\nCache-Control: {control}\r\nTransfer-Encoding: chunked\r\n\r\n"
    trailers = b"X-Sum: 1\r\nContent-Length: 3\r\nConnection: x\r\nHost: evil\r\n"
    gate = trio.Event()

    async def script(connection: Connection, _: bytes) -> None:
        await connection.send_all(head.encode() + b"2\r\nok\r\n")
        await gate.wait()
        await connection.send_all(b"0\r\n" + trailers + b"\r\n")

    answers: list[bytes] = []
    async with raw_stage(script) as stage, trio.open_nursery() as nursery:

        async def ask() -> None:
            answers.append(await stage.get())

        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        gate.set()
    assert answers[0].lower().endswith(b"0\r\nx-sum: 1\r\n\r\n")


@pytest.mark.trio
async def test_a_head_has_no_body_but_its_length() -> None:
    """From the cache and from the origin."""
    async with raw_stage(answering(response(b"", length=18)), answering(response(BODY))) as stage:
        for _ in range(2):
            answer = await stage.say(request("/a", "Connection: close", method="HEAD"))
            assert (fields_of(answer)["content-length"], body_of(answer)) == ("18", b"")
            await stage.get()


# -- interim responses ------------------------------------------------------------------------

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\n\r\n"


@pytest.mark.trio
async def test_interim_responses_pass_before_the_final_one() -> None:
    """102 and 103 as they come; an old client gets none (RFC 9110 15.2)."""
    early = b"HTTP/1.1 102 Processing\r\n\r\n" + HINTS
    async with raw_stage(answering(early + response(BODY))) as stage:
        answer = await stage.get("/a")
        assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"102", b"103", b"200"]
        assert b"link: </s.css>; rel=preload" in answer.lower()
        old = await stage.say(b"GET /b HTTP/1.0\r\n\r\n")
        assert re.findall(rb"HTTP/1\.1 (\d+)", old) == [b"200"]
        hit = await stage.get("/a")
        assert re.findall(rb"HTTP/1\.1 (\d+)", hit) == [b"200"]


@pytest.mark.trio
async def test_hints_do_not_wait_for_the_final_response() -> None:
    """The client has them while the origin thinks."""
    go = trio.Event()

    async def think(connection: Connection, _: bytes) -> None:
        await connection.send_all(HINTS)
        await go.wait()
        await connection.send_all(response(BODY))

    async with raw_stage(think) as stage:
        stream = await stage.internet.attach("client").dial(Address("edge", 80))
        await stream.send_all(request("/a", "Connection: close"))
        assert status_of(await read_head(stream)) == 103
        go.set()
        assert status_of(await read_to_end(stream)) == 200


# -- smuggling --------------------------------------------------------------------------------

INNER = request("/inner")
SMUGGLED: dict[str, bytes] = {
    "length and chunks": request(
        "/a", f"Content-Length: {len(INNER) + 5}", "Transfer-Encoding: chunked", method="POST"
    )
    + b"0\r\n\r\n"
    + INNER,
    "two lengths": request(
        "/a", "Content-Length: 0", f"Content-Length: {len(INNER)}", method="POST", body=INNER
    ),
    "a list of lengths": request("/a", "Content-Length: 0, 9", method="POST", body=INNER),
    "a signed length": request("/a", "Content-Length: +0", method="POST", body=INNER),
    "a hexadecimal length": request("/a", "Content-Length: 0x0", method="POST", body=INNER),
    "a folded field": request("/a", "X: y\r\n Content-Length: 0", body=INNER),
    "bare line feeds": b"GET /a HTTP/1.1\nHost: edge\n\n" + INNER,
    "one bare line feed": request("/a", "X: y\nTransfer-Encoding: chunked", body=INNER),
    "a bare carriage return": request("/a", "X: y\rContent-Length: 5", body=INNER),
    "a blank before the colon": request("/a", "Content-Length : 5", body=INNER),
    "a blank before the first field": b"GET /a HTTP/1.1\r\n Host: edge\r\n\r\n" + INNER,
    "a coding spelled oddly": request("/a", "Transfer-Encoding: xchunked", method="POST"),
    "a coding twice": request("/a", "Transfer-Encoding: chunked, chunked", method="POST"),
    "a coding with a tab": request("/a", "Transfer-Encoding:\tchunked\v", method="POST"),
    "a coding in HTTP/1.0": b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two hosts": request("/a", "Host: other", body=INNER),
    "a null": request("/a", "X: y\0z", body=INNER),
}
CHUNKS: dict[str, bytes] = {
    "no number": b"z\r\nhello\r\n0\r\n\r\n",
    "a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a blank before": b" 5\r\nhello\r\n0\r\n\r\n",
    "too many digits": b"0" * 30 + b"5\r\nhello\r\n0\r\n\r\n",
    "a size that wraps around": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a bare line feed": b"5\nhello\r\n0\r\n\r\n",
    "a chunk without its line end": b"5\r\nhelloXX0\r\n\r\n",
    "an extension without end": b"5;" + b"x" * 70_000 + b"\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.trio
@pytest.mark.parametrize("shape", list(SMUGGLED))
async def test_a_smuggled_request_is_refused(shape: str, autojump_clock: MockClock) -> None:
    """Where two readers could differ on where it ends, nobody reads on (RFC 9112 11.2)."""
    async with raw_stage(answering(response(BODY))) as stage:
        answer = await stage.say(SMUGGLED[shape])
        assert re.findall(rb"HTTP/1\.1 (\d+)", answer) in ([b"400"], [b"501"])
        assert stage.heads == []


@pytest.mark.trio
@pytest.mark.parametrize("shape", list(CHUNKS))
async def test_malformed_chunks_are_refused(shape: str, autojump_clock: MockClock) -> None:
    """Neither they nor what follows them reaches the origin as a request."""
    head = request("/a", "Transfer-Encoding: chunked", method="POST")
    async with raw_stage(answering(response(BODY))) as stage:
        answer = await stage.say(head + CHUNKS[shape] + INNER)
        assert re.findall(rb"HTTP/1\.1 (\d+)", answer) in ([b"400"], [b"431"])
        assert stage.heads == []


# -- many -------------------------------------------------------------------------------------


@pytest.mark.trio
async def test_two_hundred_clients_are_served_at_once() -> None:
    """All wait for one slow fetch of the same, over connections of their own, and get it."""
    go = trio.Event()

    async def slow(connection: Connection, _: bytes) -> None:
        await connection.send_all(response(BODY)[:-5])
        await go.wait()
        await connection.send_all(BODY[-5:])

    answers: list[bytes] = []
    async with raw_stage(slow) as stage, trio.open_nursery() as nursery:

        async def ask() -> None:
            answers.append(await stage.get())

        for _ in range(200):
            nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        go.set()
        while len(answers) < 200:
            await wait_all_tasks_blocked()
        assert {body_of(answer) for answer in answers} == {BODY}
        assert len(stage.heads) == 1


@pytest.mark.trio
async def test_the_leader_may_vanish() -> None:
    """The client whose request began the fetch resets; the others and the cache go on."""
    go = trio.Event()

    async def slow(connection: Connection, _: bytes) -> None:
        await connection.send_all(response(BODY)[:-5])
        await go.wait()
        await connection.send_all(BODY[-5:])

    async with raw_stage(slow) as stage, trio.open_nursery() as nursery:
        leader = await stage.internet.attach("client").dial(Address("edge", 80))
        await leader.send_all(request("/a"))
        await wait_all_tasks_blocked()
        answers: list[bytes] = []

        async def ask() -> None:
            answers.append(await stage.get())

        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        await trio.aclose_forcefully(leader)
        go.set()
        while not answers:
            await wait_all_tasks_blocked()
        assert body_of(answers[0]) == BODY
        assert body_of(await stage.get()) == BODY
        assert len(stage.heads) == 1
