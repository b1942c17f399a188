"""What one client or one odd answer does never spoils what the others get."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.cdn.stage import CONTENT, Gate, fixed, fresh, in_turn, staged, status_of
from wire.http.headers import Headers
from wire.http.message import Request, Response

FRESH = {"cache-control": "max-age=60", "etag": '"1"'}
ok = partial(fresh, etag='"1"')


@pytest.mark.trio
@pytest.mark.parametrize("options", [{}, {"slice_size": 1000}], ids=str)
async def test_a_range_beyond_the_end_is_nobody_elses_answer(options: dict[str, Any]) -> None:
    """A 416 belongs to its Range, whatever lifetime its fields state."""

    async def answer(request: Request) -> Response:
        asked = request.headers.get("range") or ""
        if asked.startswith("bytes=99"):
            return ok(b"", 416, content_range="bytes */4096")
        return ok()

    async with staged(answer, **options) as stage:
        assert (await stage.get(range="bytes=99000-"))[0] == 416
        await wait_all_tasks_blocked()
        assert (await stage.get())[::2] == (200, CONTENT)


@pytest.mark.trio
async def test_a_field_that_stops_here_chooses_no_variant() -> None:
    """A field that Connection names is not forwarded, so the answer was not chosen by it."""

    async def answer(request: Request) -> Response:
        language = request.headers.get("accept-language") or "none"
        return ok(language.encode(), vary="accept-language")

    async with staged(answer) as stage:
        await stage.get(accept_language="de", connection="accept-language")
        assert (await stage.get(accept_language="de"))[2] == b"de"


@pytest.mark.trio
@pytest.mark.parametrize(
    ("status", "control"), [(400, "no-store"), (429, ""), (403, "private"), (503, "no-store")]
)
async def test_a_refusal_drops_nothing(status: int, control: str) -> None:
    """What one client is refused stays stored for the others."""
    refusal = Response(status, Headers({"cache-control": control} if control else {}))
    async with staged(in_turn(ok(), refusal)) as stage:
        await stage.get()
        assert (await stage.get(cache_control="no-cache"))[0] == status
        assert status_of((await stage.get())[1]) == "hit"


@pytest.mark.trio
async def test_another_variant_that_is_private_drops_nothing() -> None:
    """What was not asked about stays."""

    async def answer(request: Request) -> Response:
        private = request.headers.get("x-a") == "2"
        return ok(vary="x-a", cache_control="private" if private else "max-age=60")

    async with staged(answer) as stage:
        for value in ("1", "2"):
            await stage.get(x_a=value)
        assert status_of((await stage.get(x_a="1"))[1]) == "hit"


@pytest.mark.trio
async def test_what_turned_private_is_dropped() -> None:
    """The answer to a validation says that the old response is no longer for all."""
    news = ok(b"mine", cache_control="private", etag='"2"')
    async with staged(in_turn(ok(), news)) as stage:
        await stage.get()
        await stage.get(cache_control="no-cache")
        assert len(stage.edge.cache) == 0


@pytest.mark.trio
@pytest.mark.parametrize("control", ["private", "no-store"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_news_that_forbid_storing_drop_what_is_stored(method: str, control: str) -> None:
    """A 304, or a HEAD, may say that the response is no longer for all."""
    news = Headers({**FRESH, "cache-control": control})
    status = 304 if method == "GET" else 200
    async with staged(
        in_turn(ok(), Response(status, news, b"" if status == 304 else CONTENT), ok())
    ) as stage:
        await stage.get()
        code, _, body = await stage.get(method=method, cache_control="no-cache")
        assert (code, body) == (200, CONTENT if method == "GET" else b"")
        assert len(stage.edge.cache) == 0


@pytest.mark.trio
async def test_a_validation_with_credentials_changes_nothing_for_others(
    autojump_clock: MockClock,
) -> None:
    """RFC 9111 3.5: what a 304 to an Authorization says is for its client."""
    news = Response(304, Headers({**FRESH, "x-user": "ann"}))
    async with staged(in_turn(ok(), news, Response(304, Headers(FRESH)))) as stage:
        await stage.get()
        await trio.sleep(61)
        code, headers, body = await stage.get(authorization="Basic x")
        assert (code, headers.get("x-user"), body) == (200, "ann", CONTENT)
        _, headers, _ = await stage.get()
        assert "x-user" not in headers


@pytest.mark.trio
async def test_a_304_may_name_more_fields_that_choose() -> None:
    """RFC 9111 4.1: the updated Vary counts from then on."""
    news = Response(304, Headers({**FRESH, "vary": "x-a"}))
    async with staged(in_turn(ok(), news, ok(b"other"))) as stage:
        await stage.get()
        await stage.get(x_a="1", cache_control="no-cache")
        assert (await stage.get(x_a="1"))[2] == CONTENT
        assert (await stage.get(x_a="2"))[2] == b"other"


@pytest.mark.trio
async def test_a_range_in_a_head_does_not_count() -> None:
    """RFC 9110 14.2: ranges are for GET."""
    async with staged(fixed(), whole=True) as stage:
        await stage.get()
        code, headers, _ = await stage.get(method="HEAD", range="bytes=0-9")
        assert (code, headers.get("content-length"), "content-range" in headers) == (
            200,
            "4096",
            False,
        )


@pytest.mark.trio
async def test_a_part_never_takes_the_place_of_the_whole() -> None:
    """A range that was under way when the whole was stored comes too late."""
    go = trio.Event()

    async def answer(request: Request) -> Response:
        if request.headers.get("range") is None:
            return ok()
        await go.wait()
        return ok(CONTENT[:10], 206, content_range="bytes 0-9/4096")

    async with staged(answer) as stage, trio.open_nursery() as nursery:
        nursery.start_soon(lambda: stage.get(range="bytes=0-9"))
        await wait_all_tasks_blocked()
        await stage.get()
        go.set()
        await wait_all_tasks_blocked()
        assert status_of((await stage.get())[1]) == "hit"


@pytest.mark.trio
async def test_a_stale_part_is_validated_as_a_part(autojump_clock: MockClock) -> None:
    """If it has changed, the range comes anew, not the whole."""

    async def answer(request: Request) -> Response:
        version = len(stage.origin.requests)
        if request.headers.get("range") is None:
            return ok(etag=f'"{version}"')
        return ok(CONTENT[:10], 206, content_range="bytes 0-9/4096", etag=f'"{version}"')

    async with staged(answer) as stage:
        await stage.get(range="bytes=0-9")
        await trio.sleep(61)
        assert (await stage.get(range="bytes=0-9"))[0] == 206
        asked = stage.origin.requests[-1].headers
        assert (asked.get("range"), asked.get("if-none-match")) == ("bytes=0-9", '"1"')


@pytest.mark.trio
async def test_a_slow_old_fetch_does_not_replace_a_newer_answer() -> None:
    """Who asked first may be answered last; the later version stays."""
    gate = Gate()
    gate.send(b"o")
    answers = in_turn(ok(gate, etag='"1"'), ok(b"new", etag='"2"'))
    async with staged(answers) as stage, trio.open_nursery() as nursery:
        nursery.start_soon(stage.get)
        await wait_all_tasks_blocked()
        assert (await stage.get(cache_control="no-cache"))[2] == b"new"
        gate.send(b"ld")
        gate.end()
        await wait_all_tasks_blocked()
        assert (await stage.get())[2] == b"new"


@pytest.mark.trio
async def test_what_was_called_stale_during_its_fetch_is_not_stored_fresh() -> None:
    """A soft purge speaks of what was asked for before it."""
    gate = trio.Event()

    async def answer(_: Request) -> Response:
        await gate.wait()
        return ok()

    async with staged(answer) as stage, trio.open_nursery() as nursery:
        nursery.start_soon(stage.get)
        await wait_all_tasks_blocked()
        stage.edge.web_cache.expire("/a")
        gate.set()
        await wait_all_tasks_blocked()
        assert status_of((await stage.get())[1]) != "hit"


@pytest.mark.trio
async def test_purging_a_tag_reaches_what_is_being_fetched() -> None:
    """Its Surrogate-Key has come with the head, or is yet to come."""
    head, gate = trio.Event(), Gate()

    async def answer(request: Request) -> Response:
        if request.target.path == "/b":
            await head.wait()
            return ok(surrogate_key="t")
        return ok(gate, surrogate_key="t")

    async with staged(answer) as stage, trio.open_nursery() as nursery:
        for path in ("/a", "/b"):
            nursery.start_soon(stage.get, path)
        await wait_all_tasks_blocked()
        assert set(stage.edge.web_cache.tagged("t")) == {"/a", "/b"}
        for key in ("/a", "/b"):
            stage.edge.web_cache.invalidate(key)
        head.set()
        gate.end()
        await wait_all_tasks_blocked()
        assert len(stage.edge.cache) == 0
