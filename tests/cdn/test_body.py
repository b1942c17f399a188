"""Bodies that grow while they are read."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from cdn.body import BLOCK, WINDOW, Body, BodyReader
from wire.http.errors import TooLargeError, TruncatedError


async def drain(reader: object) -> bytes:
    """Return all a reader gives."""
    if not isinstance(reader, BodyReader):
        return bytes(reader)  # type: ignore[call-overload, no-any-return]  # a buffer
    return b"".join([bytes(piece) async for piece in reader])


@given(
    st.lists(st.integers(0, BLOCK + 10), max_size=4), st.integers(0, 2**22), st.integers(0, 2**22)
)
def test_what_was_appended_is_read(lengths: list[int], start: int, stop: int) -> None:
    """Any cut into pieces reads back whole and in part, across blocks."""
    pieces = [bytes([number + 1]) * length for number, length in enumerate(lengths)]
    whole = b"".join(pieces)
    body = Body(None, limit=1 << 23)
    for piece in pieces:
        body.append(piece)
    body.finish()
    first, last = sorted((min(start, len(whole)), min(stop, len(whole))))
    assert trio.run(drain, body.read(0, None)) == whole
    assert trio.run(drain, body.read(first, last)) == whole[first:last]
    assert body.length == body.size == len(whole)


@pytest.mark.trio
async def test_readers_follow_the_writer() -> None:
    """Readers get bytes as they come, and the end when it is declared."""
    body = Body(6, limit=100)
    seen: list[list[bytes]] = [[], []]

    async def read(number: int) -> None:
        reader = body.read(number, None)
        assert isinstance(reader, BodyReader)
        async for piece in reader:
            seen[number].append(bytes(piece))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, 0)
        nursery.start_soon(read, 1)
        for piece in (b"abc", b"def"):
            body.append(piece)
            await wait_all_tasks_blocked()
        body.finish()
    assert seen == [[b"abc", b"def"], [b"bc", b"def"]]


@pytest.mark.trio
async def test_a_broken_body_breaks_its_readers_after_what_came() -> None:
    """Readers get every byte that arrived, then the error."""
    body = Body(6, limit=100)
    body.append(b"abc")
    body.fail()
    reader = body.read(0, 6)
    assert isinstance(reader, BodyReader)
    assert bytes(await reader.__anext__()) == b"abc"
    with pytest.raises(TruncatedError):
        await reader.__anext__()


def test_too_much_is_refused() -> None:
    """The announced length is not exceeded."""
    body = Body(3, limit=100)
    body.append(b"abc")
    with pytest.raises(TooLargeError):
        body.append(b"d")
    assert body.size == 3


@pytest.mark.trio
async def test_a_passing_body_waits_for_its_slowest_reader_and_forgets() -> None:
    """Beyond the limit the source is held back, and what all have read is given up."""
    body = Body(None, limit=100)
    reader = body.read(0, None)
    assert isinstance(reader, BodyReader)
    for _ in range(WINDOW // BLOCK + 1):
        body.append(bytes(BLOCK))
    assert body.passing
    drained = False

    async def pour() -> None:
        nonlocal drained
        assert await body.drained()
        drained = True

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pour)
        await wait_all_tasks_blocked()
        assert not drained
        await reader.__anext__()
        await reader.__anext__()
        await wait_all_tasks_blocked()
        assert drained
    assert body.held == body.size - 2 * BLOCK
    await reader.aclose()
    assert not await body.drained()


@pytest.mark.trio
async def test_a_reader_further_on_is_not_waited_for() -> None:
    """What has not come yet is not forgotten before it does."""
    body = Body(None, limit=100)
    reader = body.read(2 * BLOCK, 2 * BLOCK + 3)
    body.append(bytes(200))
    assert body.passing
    assert await body.drained()
    body.append(bytes(2 * BLOCK - 200) + b"abc")
    assert await drain(reader) == b"abc"


def test_too_little_is_not_whole() -> None:
    """Finishing short of the announced length breaks the body."""
    body = Body(3, limit=100)
    with pytest.raises(TruncatedError):
        body.finish()
    assert (body.broken, body.complete) == (True, False)


def test_views_of_complete_bodies_are_not_copies() -> None:
    """A block is handed out as one read-only view."""
    body = Body(4, limit=100)
    body.append(b"abcd")
    body.finish()
    view = body.read(0, 4)
    assert isinstance(view, memoryview)
    assert view.readonly
    assert body.read(1, 3) == b"bc"
