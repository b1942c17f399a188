"""Big objects in pieces: one version to an answer, whatever the origin does meanwhile."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.cdn.stage import (
    CONTENT,
    FOREVER,
    Answer,
    Gate,
    fresh,
    in_turn,
    ranged,
    staged,
    status_of,
)
from wire.http.errors import TruncatedError
from wire.http.headers import Headers
from wire.http.message import Request, Response
from wire.http.ranges import parse_range


def unnamed(contents: list[bytes], fields: dict[str, str]) -> Answer:
    """Return an origin that serves ranges of the first of `contents`, without a strong tag."""

    async def answer(request: Request) -> Response:
        content = contents[0]
        told = Headers({"cache-control": "max-age=60", **fields})
        span = parse_range(request.headers.get("range") or "", len(content))
        if span is None:
            return Response(200, told, content)
        told = told.replace({"content-range": span.content_range(len(content))})
        return Response(206, told, content[span.start : span.stop])

    return answer


@pytest.mark.trio
@pytest.mark.parametrize("fields", [{}, {"etag": 'W/"1"'}], ids=str)
async def test_slices_without_a_strong_validator_are_not_put_together(
    fields: dict[str, str],
) -> None:
    """RFC 9111 3.4: nothing says that they are of one version."""
    contents = [b"a" * 4096]
    async with staged(unnamed(contents, fields), slice_size=1000) as stage:
        assert (await stage.get(range="bytes=1000-1099"))[2] == b"a" * 100
        contents[0] = b"b" * 4096
        assert (await stage.get())[2] == b"b" * 4096
        assert (await stage.get(range="bytes=0-1999"))[2] in (b"a" * 2000, b"b" * 2000)


@pytest.mark.trio
async def test_a_range_within_one_slice_needs_no_validator() -> None:
    """One slice is of one version."""
    async with staged(unnamed([CONTENT], {}), slice_size=1000) as stage:
        for _ in range(2):
            assert (await stage.get(range="bytes=1010-1099"))[2] == CONTENT[1010:1100]
        assert len(stage.origin.requests) == 1


@pytest.mark.trio
@pytest.mark.parametrize("status", [200, 404])
async def test_what_is_not_for_storing_is_asked_for_once(status: int) -> None:
    """An origin without ranges is not asked again for what it has just sent."""
    answer = in_turn(fresh(CONTENT, status, cache_control="private"))
    async with staged(answer, slice_size=1000) as stage:
        assert (await stage.get())[::2] == (status, CONTENT)
        assert len(stage.origin.requests) == 1


@pytest.mark.trio
async def test_an_outdated_slice_is_fetched_anew() -> None:
    """A stored slice of the old version does not break every answer until it is stale."""
    old, new = ranged(b"a" * 4096, '"1"'), ranged(b"b" * 4096, '"2"')

    async def answer(request: Request) -> Response:
        return await (old if len(stage.origin.requests) == 1 else new)(request)

    async with staged(answer, slice_size=1000) as stage:
        await stage.get(range="bytes=1000-1009")
        assert (await stage.get())[2] == b"b" * 4096
        assert status_of((await stage.get())[1]) == "hit"


@pytest.mark.trio
async def test_an_outdated_first_slice_is_given_up() -> None:
    """The answer that began with it breaks off, and the next one is whole."""
    old, new = ranged(b"a" * 4096, '"1"'), ranged(b"b" * 4096, '"2"')

    async def answer(request: Request) -> Response:
        return await (old if len(stage.origin.requests) == 1 else new)(request)

    async with staged(answer, slice_size=1000) as stage:
        await stage.get(range="bytes=0-9")
        with pytest.raises(TruncatedError):
            await stage.get()
        assert (await stage.get())[2] == b"b" * 4096


@pytest.mark.trio
async def test_slices_wait_for_a_silent_origin_together(autojump_clock: MockClock) -> None:
    """Everyone who waited for a slice that did not come hears of it at once."""

    async def answer(_: Request) -> Response:
        await trio.sleep_forever()
        raise AssertionError

    async with staged(answer, slice_size=1000, timeout=5.0) as stage:
        codes: list[int] = []

        async def ask() -> None:
            codes.append((await stage.get())[0])

        with trio.fail_after(6):
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(ask)
        assert codes == [504] * 5
        assert len(stage.origin.requests) == 1


@pytest.mark.trio
async def test_an_origin_without_ranges_sends_the_whole_to_all_seekers() -> None:
    """Who asks for another slice while the whole arrives waits for that."""
    gate = Gate()

    async def answer(_: Request) -> Response:
        return Response(200, Headers({**FOREVER, "etag": '"1"'}), gate, len(CONTENT))

    async with staged(answer, slice_size=1000) as stage:
        bodies: dict[int, bytes] = {}

        async def ask(at: int) -> None:
            bodies[at] = (await stage.get(range=f"bytes={at}-{at + 9}"))[2]

        async with trio.open_nursery() as nursery:
            for at in (0, 1000, 2000, 3000):
                nursery.start_soon(ask, at)
                await wait_all_tasks_blocked()
                gate.send(CONTENT[at : at + 1000])
            gate.send(CONTENT[4000:])
            gate.end()
        assert bodies == {at: CONTENT[at : at + 10] for at in bodies}
        assert len(stage.origin.requests) == 1
