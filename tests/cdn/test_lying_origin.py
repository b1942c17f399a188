"""An origin that lies about lengths, stalls, resets or talks nonsense never poisons the cache."""

from __future__ import annotations

import re

import pytest
import trio
from trio.testing import MockClock

from net.seam import Connection
from tests.cdn.raw import RawStage, Script, answering, raw_stage, response

TRUTH = bytes(range(256)) * 40
HONEST = answering(response(TRUTH))
LIFETIME = "Cache-Control: max-age=60"


def chunk(data: bytes) -> bytes:
    """Return one chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def chunked(*parts: bytes) -> bytes:
    """Return a response in chunked coding whose body is `parts`, as they are."""
    head = f"HTTP/1.1 200 OK\r\n{LIFETIME}\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + b"".join(parts)


def stalling(*pieces: bytes) -> Script:
    """Return the script that sends `pieces` and then nothing, ever."""

    async def script(connection: Connection, _: bytes) -> None:
        for piece in pieces:
            await connection.send_all(piece)
        await trio.sleep_forever()

    return script


def breaking(*pieces: bytes) -> Script:
    """Return the script that sends `pieces` and then breaks the connection."""

    async def script(connection: Connection, _: bytes) -> None:
        for piece in pieces:
            await connection.send_all(piece)
        await trio.aclose_forcefully(connection)

    return script


HALF = TRUTH[:5000]
BROKEN: dict[str, Script] = {
    "shorter than its length": answering(response(HALF, length=len(TRUTH))),
    "no body at all": answering(response(b"", length=len(TRUTH))),
    "stalls": stalling(response(HALF, length=len(TRUTH))),
    "breaks": breaking(response(HALF, length=len(TRUTH))),
    "chunks without an end": answering(chunked(chunk(HALF))),
    "a chunk cut short": answering(chunked(b"ffff\r\n", HALF)),
    "a chunk longer than its size": answering(chunked(b"5\r\n", HALF)),
    "a size that is no number": answering(chunked(chunk(HALF), b"-5\r\nhello\r\n")),
    "a size beyond all bounds": answering(chunked(chunk(HALF), b"f" * 30 + b"\r\n")),
    "a size of 70,000 digits": answering(chunked(chunk(HALF), b"0" * 70_000)),
    "endless trailers": answering(chunked(chunk(HALF), b"0\r\n", b"x: y\r\n" * 20_000)),
}


def body_of(answer: bytes) -> bytes:
    """Return what follows the head, framing and all."""
    return answer.partition(b"\r\n\r\n")[2]


def status_of(answer: bytes) -> int:
    """Return the status."""
    return int(answer.split(b" ")[1])


def looks_whole(answer: bytes) -> bool:
    """Return whether a client would take this for a whole response."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head)
    if length:
        return len(body) == int(length[1])
    return b"transfer-encoding: chunked" in head.lower() and body.endswith(b"0\r\n\r\n")


async def expect_truth(stage: RawStage) -> None:
    """Check that the next answer, from an honest origin, is right and then a hit."""
    for _ in range(2):
        assert body_of(await stage.get()) == TRUTH
    assert stage.journal.names()[-1] == "cache_hit"


@pytest.mark.trio
@pytest.mark.parametrize("lie", list(BROKEN))
async def test_a_body_that_breaks_off_is_neither_stored_nor_passed_as_whole(
    lie: str, autojump_clock: MockClock
) -> None:
    """The client's connection breaks too; the next client gets it anew and right."""
    async with raw_stage(BROKEN[lie], HONEST) as stage:
        answer = await stage.get()
        assert status_of(answer) == 200
        assert not looks_whole(answer)
        assert len(stage.edge.cache) == 0
        assert "fill_failed" in stage.journal.names()
        await expect_truth(stage)


NONSENSE: dict[str, bytes] = {
    "nothing": b"",
    "garbage": b"\0\1\2 garbage\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "no version": b"<html>hello</html>\r\n\r\n",
    "another version": b"HTTP/2.0 200 OK\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nCache-Control: max",
    "a field without a name": b"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
    "a blank before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
    "a length that is no number": b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: smoke\r\n\r\nhello",
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000,
    "a field without end": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000,
    "interim responses without end": b"HTTP/1.1 102 Processing\r\n\r\n" * 50,
    "a switch nobody asked for": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
}


@pytest.mark.trio
@pytest.mark.parametrize("nonsense", list(NONSENSE))
async def test_nonsense_is_a_502(nonsense: str, autojump_clock: MockClock) -> None:
    """What is no response costs its client a 502, and nobody else anything."""
    async with raw_stage(answering(NONSENSE[nonsense]), HONEST) as stage:
        answer = await stage.get()
        final = re.sub(rb"HTTP/1.1 1\d\d [^\r]*\r\n\r\n", b"", answer)
        assert status_of(final) == 502
        assert looks_whole(final)
        assert len(stage.edge.cache) == 0
        await expect_truth(stage)


@pytest.mark.trio
@pytest.mark.parametrize(
    "script", [stalling(), stalling(b"HTTP/1.1 200 OK\r\nCache-"), stalling(b"HTTP")]
)
async def test_silence_is_a_504(script: Script, autojump_clock: MockClock) -> None:
    """An origin that never finishes its head is given up after the timeout."""
    async with raw_stage(script, HONEST) as stage:
        assert status_of(await stage.get()) == 504
        await expect_truth(stage)


@pytest.mark.trio
async def test_what_follows_a_response_is_never_taken_for_another() -> None:
    """Bytes beyond the length go unread, and so does their connection."""
    planted = response(b"poison", "X: planted")
    async with raw_stage(answering(response(TRUTH) + planted), HONEST) as stage:
        assert body_of(await stage.get("/a")) == TRUTH
        assert body_of(await stage.get("/b")) == TRUTH
        assert len(stage.heads) == 2


@pytest.mark.trio
@pytest.mark.parametrize("control", ["max-age=60", "no-store"])
async def test_a_length_beside_chunks_does_not_count(control: str) -> None:
    """Transfer-Encoding overrides Content-Length, which goes no further (RFC 9112 6.3)."""
    head = f"HTTP/1.1 200 OK\r\nCache-Control: {control}\r\nContent-Length: 3\r\n"
    body = chunk(TRUTH) + b"0\r\n\r\n"
    lie = answering(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    async with raw_stage(lie) as stage:
        answer = await stage.get()
        assert TRUTH in answer
        assert looks_whole(answer)
        assert b"content-length" not in answer.lower()


@pytest.mark.trio
async def test_a_stale_copy_survives_a_refill_that_breaks_off() -> None:
    """What was whole stays until something whole takes its place."""
    old = response(b"old", "Cache-Control: stale-if-error=60").replace(b"max-age=60", b"max-age=0")
    cut = response(HALF, length=len(TRUTH)).replace(b'"1"', b'"2"')
    async with raw_stage(answering(old), answering(cut), answering(b"")) as stage:
        assert body_of(await stage.get()) == b"old"
        assert not looks_whole(await stage.get())
        assert body_of(await stage.get()) == b"old"


@pytest.mark.trio
async def test_the_clients_of_a_lie_all_learn_of_it() -> None:
    """Everyone who shared the fetch is cut off, nobody hangs, and the next is served."""
    go = trio.Event()

    async def script(connection: Connection, _: bytes) -> None:
        await connection.send_all(response(HALF, length=len(TRUTH)))
        await go.wait()

    answers: list[bytes] = []
    async with raw_stage(script, HONEST) as stage, trio.open_nursery() as nursery:

        async def ask() -> None:
            answers.append(await stage.get())

        for _ in range(20):
            nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        go.set()
        with trio.fail_after(5):
            while len(answers) < 20:
                await trio.testing.wait_all_tasks_blocked()
        assert not any(looks_whole(answer) for answer in answers)
        assert len(stage.heads) == 1
        await expect_truth(stage)
