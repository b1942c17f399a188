"""What a web cache does beyond hit and miss: variants, stale answers, parts, slices, siblings."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from cdn.body import Body
from cdn.edge import Edge
from cdn.freshness import Exchange
from cdn.intake import UNSHARED
from cdn.store.disk import Disk
from cdn.stored import Stored
from net.seam import Address
from tests.cdn.internet import wall
from tests.cdn.stage import CONTENT, FOREVER, fixed, fresh, in_turn, ranged, staged, status_of
from wire.http.client import HttpConnection
from wire.http.dates import format_date
from wire.http.errors import TruncatedError
from wire.http.headers import Headers
from wire.http.message import Request, Response

# -- variants ---------------------------------------------------------------------------------


@pytest.mark.trio
async def test_variants_are_stored_side_by_side() -> None:
    """RFC 9111 4.1: each value of a field that Vary names has its own response."""

    async def answer(request: Request) -> Response:
        language = request.headers.get("accept-language") or "none"
        return fresh(language.encode(), vary="Accept-Language")

    async with staged(answer) as stage:
        for language in ("de", "fr", "DE", "fr", "de"):
            _, _, body = await stage.get(accept_language=language)
            assert body == language.lower().encode()
        assert len(stage.origin.requests) == 2


@pytest.mark.trio
async def test_a_vary_miss_says_so() -> None:
    """The object is known, but not for this request."""
    async with staged(fixed({"vary": "x-a"})) as stage:
        await stage.get(x_a="1")
        _, headers, _ = await stage.get(x_a="2")
        assert status_of(headers).startswith("fwd=vary-miss")


# -- stale answers ----------------------------------------------------------------------------


@pytest.mark.trio
async def test_stale_answers_while_it_is_revalidated(autojump_clock: MockClock) -> None:
    """RFC 5861 3: nobody waits within the window, and the next one gets the new version."""
    window = "max-age=10, stale-while-revalidate=30"
    answers = in_turn(fresh(b"old", cache_control=window), fresh(b"new", cache_control=window))
    async with staged(answers) as stage:
        await stage.get()
        await trio.sleep(20)
        _, headers, body = await stage.get()
        assert (body, headers.get("age")) == (b"old", "20")
        assert headers.get("cache-status") == '"edge"; hit; ttl=-10; key="/a"'
        await wait_all_tasks_blocked()
        assert (await stage.get())[2] == b"new"
        assert len(stage.origin.requests) == 2


@pytest.mark.trio
@pytest.mark.parametrize(
    ("control", "failure", "code"),
    [
        ("max-age=10, stale-if-error=99", None, 200),
        ("max-age=10, stale-if-error=99", fresh(b"bad", 503), 200),
        ("max-age=10", None, 200),
        ("max-age=10", fresh(b"bad", 503), 503),
        ("max-age=10, stale-if-error=5", None, 502),
        ("max-age=10, must-revalidate, stale-if-error=99", None, 504),
        ("s-maxage=10", None, 504),
    ],
)
async def test_an_origin_that_fails(
    control: str, failure: Response | None, code: int, autojump_clock: MockClock
) -> None:
    """RFC 9111 4.2.4 and RFC 5861 4 decide whether the stale response answers for it."""
    async with staged(in_turn(fresh(cache_control=control), failure)) as stage:
        await stage.get()
        await trio.sleep(20)
        status, headers, body = await stage.get()
        assert status == code
        assert (body == CONTENT) is (code == 200)
        if code == 200:
            assert headers.get("age") == "20"


@pytest.mark.trio
async def test_everyone_gets_the_stale_answer_when_the_origin_is_gone(
    autojump_clock: MockClock,
) -> None:
    """Those who waited for the fetch that failed are answered as its leader is."""
    async with staged(in_turn(fresh(etag='"1"', cache_control="max-age=10"), None)) as stage:
        await stage.get()
        await trio.sleep(20)
        codes = []

        async def ask() -> None:
            codes.append((await stage.get())[0])

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(ask)
        assert codes == [200] * 5


# -- validation -------------------------------------------------------------------------------


@pytest.mark.trio
async def test_a_304_of_another_version_is_not_believed(autojump_clock: MockClock) -> None:
    """RFC 9111 4.3.4: what it confirms is not what is stored, so the object is fetched anew."""
    answers = in_turn(
        fresh(b"old", etag='"1"'),
        Response(304, Headers({"etag": '"2"'})),
        fresh(b"new", etag='"2"'),
    )
    async with staged(answers) as stage:
        await stage.get()
        await trio.sleep(61)
        assert (await stage.get())[2] == b"new"
        assert "if-none-match" not in stage.origin.requests[-1].headers


@pytest.mark.trio
async def test_a_head_renews_what_is_stored(autojump_clock: MockClock) -> None:
    """RFC 9111 4.3.5: the same version's fields are updated."""
    news = Headers({"cache-control": "max-age=500", "etag": '"1"', "x-a": "2"})
    answers = in_turn(fresh(b"abc", etag='"1"', x_a="1"), Response(200, news, b"abc"))
    async with staged(answers) as stage:
        await stage.get()
        await trio.sleep(61)
        assert (await stage.get(method="HEAD"))[0] == 200
        code, headers, body = await stage.get()
        assert (code, body, headers.get("x-a"), status_of(headers)) == (200, b"abc", "2", "hit")


@pytest.mark.trio
async def test_a_head_of_another_version_makes_what_is_stored_stale(
    autojump_clock: MockClock,
) -> None:
    """RFC 9111 4.3.5: a different length or validator means that it has changed."""
    changed = Response(200, Headers({**FOREVER, "etag": '"2"'}), b"abcd")
    answers = in_turn(fresh(b"abc", etag='"1"'), changed, fresh(b"abcd", etag='"2"'))
    async with staged(answers) as stage:
        await stage.get()
        await stage.get(method="HEAD", cache_control="no-cache")
        assert (await stage.get())[2] == b"abcd"


@pytest.mark.trio
async def test_conditions_are_judged_by_date_where_nothing_else_is_known() -> None:
    """RFC 9111 4.3.2: without Last-Modified the Date of the stored response stands in."""
    async with staged(in_turn(fresh(date=format_date(wall() - 5)))) as stage:
        await stage.get()
        assert (await stage.get(if_modified_since=format_date(wall())))[0] == 304
        assert (await stage.get(if_modified_since=format_date(wall() - 9)))[0] == 200


@pytest.mark.trio
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"if_match": '"v1"'}, 200),
        ({"if_match": '"v2"'}, 412),
        ({"if_match": "*"}, 200),
        ({"if_match": 'W/"v1"'}, 412),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": 'W/"v1", "x"'}, 304),
        ({"if_none_match": '"x"'}, 200),
    ],
)
async def test_preconditions_on_hits(fields: dict[str, str], code: int) -> None:
    """RFC 9110 13.1: If-Match compares strongly, If-None-Match weakly, * means anything."""
    async with staged(fixed()) as stage:
        await stage.get()
        assert (await stage.get(**fields))[0] == code
        assert len(stage.origin.requests) == 1


# -- invalidation and methods -----------------------------------------------------------------


@pytest.mark.trio
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH"])
async def test_unsafe_methods_invalidate_what_they_name(method: str) -> None:
    """RFC 9111 4.4: the target, Location and Content-Location, of the same origin."""

    async def answer(request: Request) -> Response:
        if request.method == "GET":
            return fresh()
        named = {"location": "http://EDGE/b", "content-location": "c"}
        return Response(201, Headers(named))

    async with staged(answer) as stage:
        for path in ("/a", "/b", "/c", "/d"):
            await stage.get(path)
        await stage.get("/a", method)
        hits = {
            path: status_of((await stage.get(path))[1]) == "hit"
            for path in ("/a", "/b", "/c", "/d")
        }
        assert hits == {"/a": False, "/b": False, "/c": False, "/d": True}


@pytest.mark.trio
async def test_another_origins_objects_stay() -> None:
    """A Location elsewhere invalidates nothing here."""

    async def answer(request: Request) -> Response:
        if request.method == "GET":
            return fresh()
        return Response(201, Headers({"location": "http://elsewhere/b"}))

    async with staged(answer) as stage:
        await stage.get("/b")
        await stage.get("/a", "POST")
        assert status_of((await stage.get("/b"))[1]) == "hit"


@pytest.mark.trio
@pytest.mark.parametrize("method", ["OPTIONS", "PROPFIND", "SEARCH", "REPORT", "TRACE"])
async def test_safe_methods_invalidate_nothing(method: str) -> None:
    """RFC 9110 9.2.1: they change nothing."""
    async with staged(fixed()) as stage:
        await stage.get()
        await stage.get(method=method)
        assert status_of((await stage.get())[1]) == "hit"


@pytest.mark.trio
async def test_a_failed_unsafe_request_invalidates_nothing() -> None:
    """RFC 9111 4.4 speaks of non-error responses."""
    async with staged(in_turn(fresh(), Response(500), fresh())) as stage:
        await stage.get()
        await stage.get(method="POST")
        assert status_of((await stage.get())[1]) == "hit"


@pytest.mark.trio
@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({"content_location": "/a"}, True),
        ({"content_location": "/b"}, False),
        ({"content_location": "/a", "cache_control": "no-store"}, False),
        ({"content_location": "/a", "cache_control": "public"}, False),
    ],
)
async def test_a_post_that_describes_its_target_is_stored(
    fields: dict[str, str], *, stored: bool
) -> None:
    """RFC 9110 9.3.3: with the target's Content-Location and a stated lifetime."""
    async with staged(in_turn(fresh(b"new", 200, **fields), fresh(b"got"))) as stage:
        await stage.get(method="POST")
        await wait_all_tasks_blocked()
        assert (await stage.get())[2] == (b"new" if stored else b"got")


@pytest.mark.trio
async def test_what_could_not_be_shared_is_not_waited_for(autojump_clock: MockClock) -> None:
    """After a private answer each client asks for itself, for a while."""
    at_once = 0
    most = 0

    async def answer(_: Request) -> Response:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await trio.sleep(1)
        at_once -= 1
        return Response(200, Headers({"cache-control": "private"}), b"x")

    async with staged(answer) as stage:
        await stage.get()
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(partial(stage.get))
        assert most == 5
        await trio.sleep(UNSHARED)
        assert status_of((await stage.get())[1]).startswith("fwd=uri-miss")


# -- parts ------------------------------------------------------------------------------------


@pytest.mark.trio
async def test_a_range_is_fetched_and_stored_alone() -> None:
    """RFC 9111 3.3: what lies within it is a hit, and nothing else is."""
    async with staged(ranged(CONTENT)) as stage:
        code, headers, body = await stage.get(range="bytes=100-199")
        assert (code, body) == (206, CONTENT[100:200])
        assert headers.get("content-range") == "bytes 100-199/4096"
        code, headers, body = await stage.get(range="bytes=120-129")
        assert (code, body, status_of(headers)) == (206, CONTENT[120:130], "hit")
        assert status_of((await stage.get(range="bytes=190-210"))[1]).startswith("fwd=partial")
        assert (await stage.get())[2] == CONTENT


@pytest.mark.trio
async def test_parts_that_touch_are_joined_to_the_whole() -> None:
    """RFC 9111 3.4: parts of one strong version become one stored response."""
    async with staged(ranged(CONTENT)) as stage:
        for span in ("0-2000", "3000-4095", "1500-3000"):
            await stage.get(range=f"bytes={span}")
        _, headers, body = await stage.get()
        assert (status_of(headers), body) == ("hit", CONTENT)
        assert len(stage.edge.cache) == 1


@pytest.mark.trio
async def test_parts_of_weak_versions_are_not_joined() -> None:
    """A weak validator does not promise equal bytes."""
    async with staged(ranged(CONTENT, etag='W/"v1"')) as stage:
        await stage.get(range="bytes=0-2000")
        await stage.get(range="bytes=2001-")
        assert status_of((await stage.get())[1]).startswith("fwd=partial")


@pytest.mark.trio
@pytest.mark.parametrize("told", ["bytes 0-9/*", "bytes 0-8/100", "nonsense", "bytes 9-0/100"])
async def test_a_part_that_lies_about_itself_is_not_stored(told: str) -> None:
    """It passes to its client as it came."""
    answers = in_turn(*[fresh(bytes(10), 206, content_range=told, etag='"1"')] * 2)
    async with staged(answers) as stage:
        assert (await stage.get(range="bytes=0-9"))[2] == bytes(10)
        await stage.get(range="bytes=0-9")
        assert len(stage.origin.requests) == 2


# -- slices -----------------------------------------------------------------------------------


@pytest.mark.trio
async def test_a_seek_fetches_the_slices_it_touches() -> None:
    """The rest of the object stays at the origin."""
    async with staged(ranged(CONTENT), slice_size=1000) as stage:
        code, headers, body = await stage.get(range="bytes=1990-2009")
        assert (code, body) == (206, CONTENT[1990:2010])
        assert headers.get("content-range") == "bytes 1990-2009/4096"
        asked = [request.headers.get("range") for request in stage.origin.requests]
        assert asked == ["bytes=1000-1999", "bytes=2000-2999"]
        assert status_of((await stage.get(range="bytes=1000-2999"))[1]) == "hit"
        assert len(stage.origin.requests) == 2


@pytest.mark.trio
async def test_the_whole_comes_slice_by_slice_once() -> None:
    """Concurrent readers of the whole share each slice; later ones fetch nothing."""
    async with staged(ranged(CONTENT), slice_size=1000) as stage:
        bodies = []

        async def ask() -> None:
            bodies.append((await stage.get())[2])

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(ask)
        bodies += [(await stage.get())[2], (await stage.get(range="bytes=-96"))[2]]
        assert bodies == [CONTENT] * 5 + [CONTENT[-96:]]
        assert len(stage.origin.requests) == 5
        assert (await stage.get(range="bytes=5000-"))[0] == 416


@pytest.mark.trio
async def test_an_object_smaller_than_a_slice_is_stored_whole() -> None:
    """Its one slice is the whole, under the plain key."""
    async with staged(ranged(CONTENT), slice_size=10_000) as stage:
        assert (await stage.get())[2] == CONTENT
        assert status_of((await stage.get())[1]) == "hit"
        assert list(stage.edge.cache) == ["/a"]


@pytest.mark.trio
async def test_an_origin_without_ranges_is_fetched_whole() -> None:
    """A 200 to a slice's request is stored as the whole."""
    async with staged(fixed(), slice_size=1000) as stage:
        assert (await stage.get(range="bytes=2000-2999"))[2] == CONTENT[2000:3000]
        assert (await stage.get())[2] == CONTENT
        assert len(stage.origin.requests) == 1


@pytest.mark.trio
async def test_versions_are_never_mixed() -> None:
    """When the object changes between slices, the answer breaks off, and the next one is new."""
    versions = [(bytes(4096), '"1"'), (b"x" * 4096, '"2"')]

    async def answer(request: Request) -> Response:
        content, etag = versions[0 if request.headers.get("range") == "bytes=0-999" else 1]
        return await ranged(content, etag)(request)

    async with staged(answer, slice_size=1000) as stage:
        with pytest.raises(TruncatedError):
            await stage.get()


@pytest.mark.trio
async def test_an_unsafe_request_drops_all_slices() -> None:
    """Invalidation means the object, however it is stored."""
    async with staged(ranged(CONTENT), slice_size=1000) as stage:
        await stage.get()
        await stage.get(method="DELETE")
        assert len(stage.edge.cache) == 0


@pytest.mark.trio
async def test_what_is_pushed_takes_the_place_of_slices() -> None:
    """They are of an older version."""
    async with staged(ranged(CONTENT), slice_size=1000) as stage:
        await stage.get()
        exchange = Exchange("GET", Headers(), 200, Headers(FOREVER), wall(), wall())
        stage.edge.web_cache.place("/a", Stored.of(exchange, Body.of(b"new")))
        assert list(stage.edge.cache) == ["/a"]


@pytest.mark.trio
@pytest.mark.parametrize("options", [{}, {"slice_size": 1000}], ids=str)
async def test_what_cannot_be_read_any_more_is_fetched_anew(
    options: dict[str, Any], tmp_path: Path
) -> None:
    """Who deletes a store's files costs it what was in them, and clients nothing for long."""
    with Disk(tmp_path) as disk:
        async with staged(ranged(CONTENT), shelf=disk, **options) as stage:
            await stage.get()
            for path in (tmp_path / "bodies").rglob("*.*"):
                path.unlink()
            assert (await stage.get(range="bytes=10-19"))[::2] == (206, CONTENT[10:20])
            for _ in range(5):
                with suppress(TruncatedError):
                    await stage.get()
            assert (await stage.get())[::2] == (200, CONTENT)


# -- siblings ---------------------------------------------------------------------------------


@pytest.mark.trio
async def test_siblings_are_asked_before_the_origin() -> None:
    """What one edge has, the other need not fetch; what none has comes from the origin."""
    async with staged(fixed()) as stage, trio.open_nursery() as nursery:
        network = stage.internet.attach("edge-2")
        other = Edge(
            network,
            Address("origin", 80),
            capacity=1 << 20,
            wall=wall,
            trace=stage.journal,
            siblings=[stage.address, Address("nobody", 80)],
        )
        address = await nursery.start(other.serve, await network.listen(80))
        await stage.get("/a")

        async def ask(path: str) -> tuple[bytes, str]:
            client = await stage.internet.attach("client").dial(address)
            async with HttpConnection(client, "edge-2").request("GET", path) as response:
                said = response.headers.get("cache-status") or ""
                return await response.read(1 << 20), said

        body, said = await ask("/a")
        assert (body, '"edge"; hit' in said, '"edge-2"; fwd=uri-miss' in said) == (
            CONTENT,
            True,
            True,
        )
        assert (await ask("/b"))[0] == CONTENT
        assert [request.target.path for request in stage.origin.requests] == ["/a", "/b"]
        assert stage.journal.count("sibling_answered") == 1
        assert stage.journal.count("sibling_failed") >= 1
        nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_siblings_hear_what_the_client_asks_of_caches() -> None:
    """Who wants the origin's word gets it, and no sibling's."""
    async with staged(fixed()) as stage, trio.open_nursery() as nursery:
        network = stage.internet.attach("edge-2")
        other = Edge(
            network, Address("origin", 80), capacity=1 << 20, wall=wall, siblings=[stage.address]
        )
        address = await nursery.start(other.serve, await network.listen(80))
        await stage.get("/a")
        client = HttpConnection(await stage.internet.attach("client").dial(address), "edge-2")
        fields = Headers({"cache-control": "no-cache"})
        async with client.request("GET", "/a", headers=fields) as response:
            await response.read(1 << 20)
        assert len(stage.origin.requests) == 2
        nursery.cancel_scope.cancel()


# -- interim responses and trailers -----------------------------------------------------------


@pytest.mark.trio
async def test_interim_responses_pass() -> None:
    """RFC 9110 15.2: 103 reaches the client before the final response."""

    async def answer(request: Request) -> Response:
        await request.inform(103, Headers({"link": "</style.css>; rel=preload"}))
        return fresh()

    told: list[tuple[int, str | None]] = []

    async def inform(status: int, headers: Headers) -> None:
        told.append((status, headers.get("link")))

    async with staged(answer) as stage:
        response = await (await stage.connect()).send("GET", "/a", inform=inform)
        assert response.status == 200
        await response.aclose()
        assert told == [(103, "</style.css>; rel=preload")]
