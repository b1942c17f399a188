"""Who waits for whom: one fetch for many, and nobody held up or stampeded by another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.cdn.stage import CONTENT, Stage, fixed, staged, status_of
from wire.http.headers import Headers
from wire.http.message import Request, Response

FRESH = {"cache-control": "max-age=60", "etag": '"1"'}


def slowly(fields: dict[str, str], status: int = 200) -> Callable[[Request], Awaitable[Response]]:
    """Return the origin that takes a second for an answer with `fields`."""

    async def answer(_: Request) -> Response:
        await trio.sleep(1)
        return Response(status, Headers(fields), CONTENT)

    return answer


async def all_at_once(stage: Stage, *requests: dict[str, str]) -> None:
    """Make `requests` for one object, one right after the other."""
    async with trio.open_nursery() as nursery:
        for fields in requests:
            nursery.start_soon(partial(stage.get, **fields))
            await wait_all_tasks_blocked()


@pytest.mark.trio
async def test_each_variant_is_fetched_once(autojump_clock: MockClock) -> None:
    """Those for whom the first answer is not right share another fetch."""
    async with staged(slowly({**FRESH, "vary": "x-a"})) as stage:
        await all_at_once(stage, *[{"x_a": value} for value in "1212121212"])
        assert sorted(request.headers.get("x-a") or "" for request in stage.origin.requests) == [
            "1",
            "2",
        ]


@pytest.mark.trio
async def test_many_variants_do_not_queue_up(autojump_clock: MockClock) -> None:
    """Nobody waits for more than two answers in vain."""
    async with staged(slowly({**FRESH, "vary": "x-a"})) as stage:
        began = trio.current_time()
        await all_at_once(stage, *[{"x_a": value} for value in "123456789"])
        assert trio.current_time() - began <= 3


@pytest.mark.trio
@pytest.mark.parametrize("fields", [{"cache_control": "no-store"}, {"authorization": "Basic x"}])
async def test_a_request_that_is_for_itself_holds_nobody_up(
    fields: dict[str, str], autojump_clock: MockClock
) -> None:
    """Nor does it make the others ask one by one."""
    async with staged(slowly(FRESH)) as stage:
        began = trio.current_time()
        await all_at_once(stage, fields, *[{}] * 9)
        assert len(stage.origin.requests) == 2
        assert trio.current_time() - began == 1


@pytest.mark.trio
async def test_one_bad_range_leaves_the_others_together(autojump_clock: MockClock) -> None:
    """A 416 says nothing of whether the object can be shared."""

    async def answer(request: Request) -> Response:
        await trio.sleep(1)
        if request.headers.get("range"):
            return Response(416, Headers({"content-range": "bytes */4096"}))
        return Response(200, Headers(FRESH), CONTENT)

    async with staged(answer) as stage:
        await stage.get(range="bytes=9999-")
        await all_at_once(stage, *[{}] * 9)
        assert len(stage.origin.requests) == 2


@pytest.mark.trio
async def test_an_origin_that_fails_once_leaves_the_others_together(
    autojump_clock: MockClock,
) -> None:
    """After a 503, the next wave is one fetch again."""
    answers = [slowly({}, 503), slowly(FRESH)]

    async def answer(request: Request) -> Response:
        return await answers[min(1, len(stage.origin.requests) - 1)](request)

    async with staged(answer) as stage:
        await stage.get()
        await all_at_once(stage, *[{}] * 9)
        assert len(stage.origin.requests) == 2


@pytest.mark.trio
async def test_a_failing_refresh_is_one_at_a_time(autojump_clock: MockClock) -> None:
    """RFC 5861 3: however many clients get the stale answer, one fetch is under way."""
    window = {**FRESH, "cache-control": "max-age=1, stale-while-revalidate=60"}

    async def answer(request: Request) -> Response:
        if len(stage.origin.requests) == 1:
            return Response(200, Headers(window), CONTENT)
        return await slowly({}, 503)(request)

    async with staged(answer) as stage:
        await stage.get()
        await trio.sleep(5)
        for _ in range(10):
            assert status_of((await stage.get())[1]) == "hit"
        await trio.sleep(2)
        for _ in range(10):
            assert status_of((await stage.get())[1]) == "hit"
        assert len(stage.origin.requests) <= 3


@pytest.mark.trio
async def test_who_takes_stale_answers_on_errors_takes_them_for_itself(
    autojump_clock: MockClock,
) -> None:
    """RFC 5861 4: a request's stale-if-error says nothing for those who waited beside it."""

    async def answer(request: Request) -> Response:
        if len(stage.origin.requests) == 1:
            return Response(200, Headers({**FRESH, "cache-control": "max-age=1"}), CONTENT)
        return await slowly({}, 503)(request)

    async with staged(answer) as stage:
        await stage.get()
        await trio.sleep(5)
        codes: list[int] = []

        async def ask(control: str) -> None:
            codes.append((await stage.get(cache_control=control))[0])

        async with trio.open_nursery() as nursery:
            for control in ("stale-if-error=60", "x"):
                nursery.start_soon(ask, control)
                await wait_all_tasks_blocked()
        assert sorted(codes) == [200, 503]


@pytest.mark.trio
async def test_a_private_answer_to_a_post_leaves_no_trace(autojump_clock: MockClock) -> None:
    """It is not stored, and later clients share fetches."""

    async def answer(request: Request) -> Response:
        if request.method == "POST":
            told = {"content-location": "/a", "cache-control": "private, max-age=60"}
            return Response(200, Headers(told), b"x")
        return await slowly(FRESH)(request)

    async with staged(answer) as stage:
        await stage.get(method="POST")
        await trio.sleep(20)
        await all_at_once(stage, *[{}] * 9)
        assert len(stage.origin.requests) == 2


@pytest.mark.trio
@pytest.mark.parametrize("gone", [False, True], ids=["slow", "gone"])
async def test_hints_to_a_leader_that_does_not_read_hold_nobody_up(
    autojump_clock: MockClock, *, gone: bool
) -> None:
    """Interim responses are for the client that caused the fetch, and only it waits for them."""

    async def answer(request: Request) -> Response:
        await trio.sleep(1)
        await request.inform(103, Headers({"link": "</a.css>"}))
        await trio.sleep(1)
        return Response(200, Headers(FRESH), CONTENT)

    async with staged(answer, lockstep=True) as stage:
        leader = await stage.internet.attach("client").dial(stage.address)
        await leader.send_all(b"GET /a HTTP/1.1\r\nHost: edge\r\n\r\n")
        await wait_all_tasks_blocked()
        if gone:
            await leader.aclose()
        with trio.fail_after(5):
            assert (await stage.get())[::2] == (200, CONTENT)
        assert len(stage.origin.requests) == 1


@pytest.mark.trio
async def test_hop_by_hop_fields_of_hints_stop_here() -> None:
    """RFC 9110 7.6.1 holds for interim responses too."""

    async def answer(request: Request) -> Response:
        fields = {"link": "</a.css>", "connection": "x-hop", "x-hop": "1"}
        await request.inform(103, Headers(fields))
        return await fixed()(request)

    told: list[Headers] = []

    async def inform(_: int, headers: Headers) -> None:
        told.append(headers)

    async with staged(answer) as stage:
        response = await (await stage.connect()).send("GET", "/a", inform=inform)
        await response.aclose()
        assert told == [Headers({"link": "</a.css>"})]
