"""The edge between clients and an origin that counts what it is asked."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.cdn.stage import CONTENT, Answer, Gate, fixed, staged, status_of
from wire.http.client import HttpConnection
from wire.http.errors import TruncatedError
from wire.http.headers import Headers
from wire.http.message import Request, Response

# -- hits and misses --------------------------------------------------------------------------


@pytest.mark.trio
async def test_the_first_request_misses_and_the_second_hits() -> None:
    """One fetch serves both; the fields say which was which."""
    async with staged(fixed()) as stage:
        code, headers, body = await stage.get()
        assert (code, body, status_of(headers)) == (
            200,
            CONTENT,
            "fwd=uri-miss; fwd-status=200; stored",
        )
        assert (headers.get("via"), "age" in headers) == ("1.1 edge", False)
        code, headers, body = await stage.get()
        assert (code, body, status_of(headers), headers.get("age")) == (200, CONTENT, "hit", "0")
        assert len(stage.origin.requests) == 1
        assert stage.journal.names() == [
            "cache_missed",
            "fill_started",
            "fill_finished",
            "cache_stored",
            "cache_hit",
        ]


@pytest.mark.trio
async def test_age_counts_seconds(autojump_clock: MockClock) -> None:
    """A hit says how old it is."""
    async with staged(fixed()) as stage:
        await stage.get()
        await trio.sleep(30)
        _, headers, _ = await stage.get()
        assert headers.get("age") == "30"


@pytest.mark.trio
async def test_ranges_and_conditions_are_answered_from_the_whole_object() -> None:
    """Whatever part a client asks first, an edge of whole objects fetches the whole once."""
    async with staged(fixed(), whole=True) as stage:
        code, headers, body = await stage.get(range="bytes=10-19")
        assert (code, body) == (206, CONTENT[10:20])
        assert headers.get("content-range") == "bytes 10-19/4096"
        assert (await stage.get(range="bytes=-6"))[2] == CONTENT[-6:]
        assert (await stage.get(range="bytes=9999-"))[0] == 416
        assert (await stage.get(if_none_match='"v1"'))[0] == 304
        assert (await stage.get(method="HEAD"))[1].get("content-length") == "4096"
        (request,) = stage.origin.requests
        assert "range" not in request.headers


@pytest.mark.trio
async def test_cache_status_tells_time_to_live_and_key(autojump_clock: MockClock) -> None:
    """RFC 9211: the remaining lifetime and the key, quoted."""
    async with staged(fixed()) as stage:
        await stage.get('/a?"b"')
        await trio.sleep(20)
        _, headers, _ = await stage.get('/a?"b"')
        assert headers.get("cache-status") == '"edge"; hit; ttl=40; key="/a?\\"b\\""'


@pytest.mark.trio
async def test_distinct_queries_are_distinct_objects() -> None:
    """The key is the whole target."""
    async with staged(fixed()) as stage:
        for path in ("/a", "/a?1", "/a?2", "/a?1"):
            await stage.get(path)
        assert [request.target.query for request in stage.origin.requests] == ["", "1", "2"]


@pytest.mark.trio
async def test_stale_objects_are_revalidated(autojump_clock: MockClock) -> None:
    """A 304 renews what is stored without fetching the body again."""
    async with staged(fixed()) as stage:
        await stage.get()
        await trio.sleep(61)
        code, headers, body = await stage.get()
        assert (code, body, status_of(headers)) == (200, CONTENT, "fwd=stale; fwd-status=304")
        assert status_of((await stage.get())[1]) == "hit"
        assert [request.headers.get("if-none-match") for request in stage.origin.requests] == [
            None,
            '"v1"',
        ]
        assert stage.journal.count("cache_revalidated") == 1


@pytest.mark.trio
async def test_a_changed_object_replaces_the_stale_one(autojump_clock: MockClock) -> None:
    """A 200 to a revalidation is the new version."""
    versions = [b"old", b"new"]

    async def answer(_: Request) -> Response:
        body = versions.pop(0)
        fields = {"etag": f'"{body.decode()}"', "cache-control": "max-age=60"}
        return Response(200, Headers(fields), body)

    async with staged(answer) as stage:
        assert (await stage.get())[2] == b"old"
        await trio.sleep(61)
        assert (await stage.get())[2] == b"new"
        assert (await stage.get())[2] == b"new"


@pytest.mark.trio
@pytest.mark.parametrize(
    "fields",
    [
        {"cache-control": "no-store"},
        {"cache-control": "private"},
        {"vary": "*"},
    ],
)
async def test_what_must_not_be_stored_passes_through(fields: dict[str, str]) -> None:
    """Each request goes to the origin, and nothing is kept."""
    async with staged(fixed(fields)) as stage:
        for _ in range(2):
            assert (await stage.get())[2] == CONTENT
        assert len(stage.origin.requests) == 2
        assert len(stage.edge.cache) == 0


@pytest.mark.trio
async def test_objects_larger_than_the_cache_pass_through() -> None:
    """They are relayed whole, and evict nothing."""
    async with staged(fixed(), capacity=3000) as stage:
        assert (await stage.get())[2] == CONTENT
        assert len(stage.edge.cache) == 0


@pytest.mark.trio
async def test_vary_keeps_variants_apart() -> None:
    """A request with another value of a varying field is fetched for itself."""
    async with staged(fixed({"vary": "accept"})) as stage:
        for accept in ("a", "a", "b"):
            await stage.get(accept=accept)
        assert [request.headers.get("accept") for request in stage.origin.requests] == ["a", "b"]


@pytest.mark.trio
async def test_other_methods_pass_and_invalidate() -> None:
    """A successful unsafe request drops what was stored (RFC 9111 4.4)."""
    async with staged(fixed()) as stage:
        await stage.get()
        _, headers, _ = await stage.get(method="DELETE")
        assert status_of(headers) == "fwd=method; fwd-status=200"
        assert len(stage.edge.cache) == 0


@pytest.mark.trio
async def test_a_head_miss_is_relayed_as_head() -> None:
    """HEAD alone does not fetch a body."""
    async with staged(fixed()) as stage:
        code, headers, body = await stage.get(method="HEAD")
        assert (code, headers.get("content-length"), body) == (200, "4096", b"")
        assert stage.origin.requests[0].method == "HEAD"


@pytest.mark.trio
async def test_the_least_recently_used_is_evicted() -> None:
    """Room for two: the third object pushes out the one not used lately."""
    async with staged(fixed(), capacity=12_000) as stage:
        for path in ("/1", "/2", "/1", "/3"):
            await stage.get(path)
        assert ["/1" in stage.edge.cache, "/2" in stage.edge.cache] == [True, False]
        assert stage.journal.count("cache_evicted") == 1


@pytest.mark.trio
async def test_only_if_cached_never_asks_the_origin() -> None:
    """RFC 9111 5.2.1.7: a miss is a 504."""
    async with staged(fixed()) as stage:
        assert (await stage.get(cache_control="only-if-cached"))[0] == 504
        assert stage.origin.requests == []


@pytest.mark.trio
async def test_hop_by_hop_fields_stop_here() -> None:
    """What a client says to the edge alone is not forwarded; Via is."""
    async with staged(fixed()) as stage:
        await stage.get(connection="x-secret", x_secret="1", x_kept="2", via="1.0 c")
        (request,) = stage.origin.requests
        seen = {name: request.headers.get(name) for name in ("x-secret", "x-kept", "via", "host")}
        assert seen == {
            "x-secret": None,
            "x-kept": "2",
            "via": "1.0 c, 1.1 edge",
            "host": "origin:80",
        }


# -- collapsed fetches ------------------------------------------------------------------------


def gated(gate: Gate, length: int | None, **fields: str) -> Answer:
    """Return the answer whose body comes through `gate`."""

    async def answer(_: Request) -> Response:
        headers = Headers({"cache-control": "max-age=60", **fields})
        return Response(200, headers, gate, length)

    return answer


@pytest.mark.trio
@pytest.mark.parametrize("length", [6, None])
async def test_concurrent_misses_fetch_once_and_stream_to_all(length: int | None) -> None:
    """Every client gets the first bytes while the last are still to come."""
    gate = Gate()
    async with staged(gated(gate, length)) as stage:
        seen: list[tuple[bytes, str]] = []

        async def client() -> None:
            connection = await stage.connect()
            async with connection.request("GET", "/a") as response:
                body = b""
                async for piece in response:
                    body += piece
                    if body == b"abc":
                        early.append(True)
                seen.append((body, status_of(response.headers)))

        early: list[bool] = []
        async with trio.open_nursery() as clients:
            for _ in range(5):
                clients.start_soon(client)
            await wait_all_tasks_blocked()
            gate.send(b"abc")
            await wait_all_tasks_blocked()
            assert len(early) == 5
            clients.start_soon(client)
            await wait_all_tasks_blocked()
            gate.send(b"def")
            gate.end()
        assert [body for body, _ in seen] == [b"abcdef"] * 6
        assert sorted({status for _, status in seen}) == [
            "fwd=uri-miss; collapsed",
            "fwd=uri-miss; fwd-status=200; stored",
        ]
        assert len(stage.origin.requests) == 1
        assert (await stage.get())[2] == b"abcdef"


@pytest.mark.trio
async def test_a_range_is_served_from_a_growing_object() -> None:
    """The part is sent as soon as its bytes are here, before the object is whole."""
    gate = Gate()
    async with staged(gated(gate, 6)) as stage:
        gate.send(b"abcd")
        code, _, body = await stage.get(range="bytes=1-2")
        assert (code, body) == (206, b"bc")


@pytest.mark.trio
async def test_a_slow_client_holds_nobody_back() -> None:
    """While one client does not read at all, the object is filled and others served."""
    size = 3 << 20

    async with staged(fixed(body=bytes(size)), capacity=1 << 23, lockstep=True) as stage:
        slow = await stage.connect()
        async with slow.request("GET", "/a") as response:
            assert response.status == 200
            assert len((await stage.get())[2]) == size
            assert stage.journal.count("cache_stored") == 1
            assert len(await response.read(size)) == size


@pytest.mark.trio
async def test_a_client_that_leaves_cancels_nobody() -> None:
    """The fetch goes on for the others, even when the one who began it is gone."""
    gate = Gate()
    async with staged(gated(gate, 6)) as stage:
        first = await stage.connect()
        async with first.request("GET", "/a") as response:
            assert response.status == 200
        bodies: list[bytes] = []

        async def second() -> None:
            bodies.append((await stage.get())[2])

        async with trio.open_nursery() as clients:
            clients.start_soon(second)
            await wait_all_tasks_blocked()
            gate.send(b"abcdef")
            gate.end()
        assert bodies == [b"abcdef"]
        assert len(stage.origin.requests) == 1


@pytest.mark.trio
@pytest.mark.parametrize("length", [6, None])
async def test_a_truncated_object_is_neither_stored_nor_passed_as_whole(
    length: int | None,
) -> None:
    """Its clients see their connections break; the next request fetches anew."""
    gate = Gate()
    answers = [gated(gate, length), fixed()]

    async def answer(request: Request) -> Response:
        return await answers.pop(0)(request)

    async with staged(answer) as stage:
        gate.send(b"abc")
        connection = await stage.connect()
        async with connection.request("GET", "/a") as response:
            first = bytes(await response.__anext__())
            gate.cut()
            with pytest.raises(TruncatedError):
                await response.read(100)
        assert first == b"abc"
        assert len(stage.edge.cache) == 0
        assert stage.journal.count("fill_failed") == 1
        assert stage.journal.count("cache_stored") == 0
        assert (await stage.get())[2] == CONTENT


@pytest.mark.trio
async def test_an_object_that_outgrows_the_cache_streams_on_and_is_not_stored() -> None:
    """A body of unknown length may be longer than the cache; its client gets it all."""
    gate = Gate()
    async with staged(gated(gate, None), capacity=5000) as stage:
        for _ in range(10):
            gate.send(bytes(1000))
        gate.end()
        assert (await stage.get())[2] == bytes(10_000)
        await wait_all_tasks_blocked()
        assert stage.edge.cache.used == 0
        assert stage.journal.count("cache_refused") == 1


@pytest.mark.trio
async def test_slow_clients_of_dropped_objects_do_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What they hold is bounded: beyond that, answers pass by."""
    monkeypatch.setattr("cdn.intake.MOST_BESIDE", 3 * len(CONTENT))
    async with staged(fixed(), capacity=2 * len(CONTENT), lockstep=True) as stage:
        for number in range(8):
            slow = await stage.internet.attach("client").dial(stage.address)
            await slow.send_all(f"GET /{number} HTTP/1.1\r\nHost: edge\r\n\r\n".encode())
            await wait_all_tasks_blocked()
        assert stage.edge.cache.beside <= 4 * len(CONTENT)
        assert (await stage.get("/9"))[2] == CONTENT


@pytest.mark.trio
async def test_clients_waiting_for_a_private_answer_get_their_own() -> None:
    """What turns out not to be shared is fetched for each."""
    go = trio.Event()

    async def answer(request: Request) -> Response:
        await go.wait()
        headers = Headers({"cache-control": "private"})
        return Response(200, headers, (request.headers.get("x-who") or "").encode())

    async with staged(answer) as stage:
        bodies: list[bytes] = []

        async def client(who: str) -> None:
            bodies.append((await stage.get(x_who=who))[2])

        async with trio.open_nursery() as clients:
            for who in "abc":
                clients.start_soon(client, who)
            await wait_all_tasks_blocked()
            assert len(stage.origin.requests) == 1
            go.set()
        assert sorted(bodies) == [b"a", b"b", b"c"]


@pytest.mark.trio
async def test_what_changed_during_a_fetch_is_not_stored() -> None:
    """A successful DELETE retires the fetch under way: it serves who joined, and is forgotten."""
    gate = Gate()
    answers = [gated(gate, 6), fixed(), fixed()]

    async def answer(request: Request) -> Response:
        return await answers.pop(0)(request)

    async with staged(answer) as stage:
        bodies: list[bytes] = []

        async def early() -> None:
            bodies.append((await stage.get())[2])

        async with trio.open_nursery() as clients:
            clients.start_soon(early)
            await wait_all_tasks_blocked()
            await stage.get(method="DELETE")
            assert (await stage.get())[2] == CONTENT
            gate.send(b"abcdef")
            gate.end()
        assert bodies == [b"abcdef"]
        assert (await stage.get())[2] == CONTENT


@pytest.mark.trio
async def test_the_age_another_cache_told_is_passed_on() -> None:
    """A miss that the origin answered from a cache of its own keeps its age."""
    async with staged(fixed({"age": "7"})) as stage:
        assert (await stage.get())[1].get("age") == "7"


# -- an origin in trouble ---------------------------------------------------------------------


@pytest.mark.trio
async def test_an_origin_that_is_down_is_502() -> None:
    """Refused connections are a bad gateway, for everyone who waits, and are traced."""
    async with staged(None) as stage:
        code, headers, _ = await stage.get()
        assert (code, status_of(headers)) == (502, "fwd=uri-miss")
        assert stage.journal.count("origin_failed") == 1


@pytest.mark.trio
async def test_an_origin_that_is_silent_is_504(autojump_clock: MockClock) -> None:
    """Every client that waited for the same object gets the same answer."""

    async def never(_: Request) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    async with staged(never) as stage:
        codes: list[int] = []

        async def client() -> None:
            stream = await stage.internet.attach("client").dial(stage.address)
            connection = HttpConnection(stream, "edge", timeout=200)
            async with connection.request("GET", "/a") as response:
                codes.append(response.status)

        async with trio.open_nursery() as clients:
            for _ in range(3):
                clients.start_soon(client)
        assert codes == [504] * 3
        assert len(stage.origin.requests) == 1


@pytest.mark.trio
async def test_a_stale_object_outlives_an_origin_error(autojump_clock: MockClock) -> None:
    """A 500 to a revalidation is passed on but drops nothing."""
    answers = [fixed(), fixed(status=500, fields={"cache-control": "no-store"}), fixed()]

    async def answer(request: Request) -> Response:
        return await answers.pop(0)(Request(request.method, request.target))

    async with staged(answer) as stage:
        await stage.get()
        await trio.sleep(61)
        assert (await stage.get())[0] == 500
        assert "/a" in stage.edge.cache


@pytest.mark.trio
async def test_connections_to_the_origin_are_reused_and_bounded() -> None:
    """Requests one after the other share a connection; many at once share the bound."""
    async with staged(fixed(), connections=2) as stage:
        for number in range(5):
            await stage.get(f"/{number}")
        assert len([to for _, to in stage.internet.dialled if to.host == "origin"]) == 1
        async with trio.open_nursery() as clients:
            for number in range(5, 15):
                clients.start_soon(stage.get, f"/{number}")
        assert len([to for _, to in stage.internet.dialled if to.host == "origin"]) == 2


@pytest.mark.trio
async def test_an_idle_connection_the_origin_closed_is_replaced(autojump_clock: MockClock) -> None:
    """A request over a connection that died while idle is sent again over a new one."""
    async with staged(fixed()) as stage:
        await stage.get("/1")
        await trio.sleep(120)  # the origin's idle limit is shorter
        assert (await stage.get("/2"))[0] == 200
        assert len([to for _, to in stage.internet.dialled if to.host == "origin"]) == 2
