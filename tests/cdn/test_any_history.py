"""Whatever origin, clients and time do, a client gets one version, whole, and not too old."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from tests.cdn.internet import wall
from tests.cdn.stage import Stage, staged
from wire.http.errors import HttpError
from wire.http.headers import Headers
from wire.http.message import Request, Response, Stream
from wire.http.ranges import UnsatisfiableError, parse_content_range, parse_range

PATHS = ("/a", "/b", "/c")
CONTROLS = (
    "max-age=5",
    "max-age=5, stale-while-revalidate=5",
    "max-age=5, stale-if-error=5",
    "max-age=5, must-revalidate",
    "no-cache",
    "private",
    "no-store",
    "s-maxage=3",
)
MANNERS: tuple[dict[str, str], ...] = (
    {},
    {},
    {},
    {"cache_control": "no-cache"},
    {"cache_control": "no-store"},
    {"authorization": "Basic x"},
    {"connection": "accept-language"},
)
OLDEST = 5 + 5
"""Seconds for which an answer may be reused by any of these, the origin being within reach."""


LANGUAGES = ("de", "fr")


def content(path: str, language: str, version: int) -> bytes:
    """Return the bytes of one version of one object, of a size of its own."""
    rng = random.Random(f"{path} {language} {version}")
    return rng.randbytes(1000 + 977 * version % 5000)


class Fickle:
    """An origin whose objects change, and which fails now and then.

    Always true: `changed[path][v]` is when version v came.
    """

    def __init__(self, rng: random.Random, *, failing: bool) -> None:
        self.changed = {path: [wall()] for path in PATHS}
        self._rng = rng
        self._failing = failing

    async def answer(self, request: Request) -> Response:
        """Answer a request after a while; unsafe ones make a new version."""
        await trio.sleep(self._rng.random())
        path = request.target.path
        if request.method in ("PUT", "DELETE"):
            self.change(path)
            return Response(204)
        if self._failing and self._rng.random() < 0.2:
            raise trio.BrokenResourceError("the origin fails")
        version = len(self.changed[path]) - 1
        language = request.headers.get("accept-language") or LANGUAGES[0]
        body = content(path, language, version)
        etag = f'"{version} {language}"'
        told = {"etag": etag, "cache-control": self._rng.choice(CONTROLS)}
        fields = Headers({**told, "vary": "accept-language"})
        if request.headers.get("if-none-match") == etag:
            return Response(304, fields)
        asked = request.headers.get("range") if request.method == "GET" else None
        try:
            span = parse_range(asked, len(body)) if asked else None
        except UnsatisfiableError:
            return Response(416, Headers({"content-range": f"bytes */{len(body)}"}))
        if span is not None:
            fields = fields.replace({"content-range": span.content_range(len(body))})
            return Response(206, fields, self._slow(body[span.start : span.stop]), len(span))
        return Response(200, fields, self._slow(body), len(body))

    def change(self, path: str) -> None:
        """Replace the object at `path`."""
        self.changed[path].append(wall())

    def _slow(self, body: bytes) -> Stream:
        return cast("Stream", self._slowly(body))  # an async generator has all that a stream has

    async def _slowly(self, body: bytes) -> AsyncGenerator[bytes, None]:
        for at in range(0, len(body), 700):
            await trio.sleep(self._rng.random() / 10)
            if self._failing and self._rng.random() < 0.05:
                raise trio.BrokenResourceError("the origin breaks off")
            yield body[at : at + 700]


async def visit(
    stage: Stage, origin: Fickle, rng: random.Random, *, failing: bool, slices: bool
) -> int:
    """Ask for this and that for a while; check every answer; return how many were checked."""
    checked = 0
    for _ in range(40):
        await trio.sleep(rng.random() * 2)
        path = rng.choice(PATHS)
        if rng.random() < 0.05:
            await stage.get(path, rng.choice(["PUT", "DELETE"]))
            continue
        language = rng.choice(LANGUAGES)
        fields = {"accept_language": language, **rng.choice(MANNERS)}
        if rng.random() < 0.5:
            start = rng.randrange(3000)
            fields["range"] = rng.choice([f"bytes={start}-{start + 900}", f"bytes={start}-"])
        asked, method = wall(), rng.choice(("GET", "GET", "GET", "HEAD"))
        try:
            status, headers, body = await stage.get(path, method, **fields)
        except HttpError:
            assert failing or slices, (
                "only an origin that fails, or changes between slices, breaks off"
            )
            continue
        if status not in (200, 206):
            assert status in ((416, 502, 504) if failing else (416,)), status
            continue
        named, spoken = (headers.get("etag") or "").strip('"').split()
        version = int(named)
        assert spoken == language or "connection" in fields
        whole = content(path, spoken, version)
        if method == "HEAD":
            assert headers.get("content-length") in (str(len(whole)), None)
        elif status == 206:
            found = parse_content_range(headers.get("content-range") or "")
            assert found is not None
            assert (body, found[1]) == (whole[found[0].start : found[0].stop], len(whole))
        else:
            assert body == whole
        replaced = origin.changed[path][version + 1 :]
        if replaced and not failing:
            assert asked - replaced[0] <= OLDEST, (path, version, headers)
        checked += 1
    return checked


@pytest.mark.trio
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"whole": True},
        {"slice_size": 1024},
        {"capacity": 9000},
        {"slice_size": 512, "capacity": 9000},
    ],
    ids=str,
)
@pytest.mark.parametrize("failing", [False, True], ids=["sound", "failing"])
async def test_any_history(
    seed: int, options: dict[str, Any], *, failing: bool, autojump_clock: MockClock
) -> None:
    """No mixed versions, no half objects, nothing older than its lifetime allows."""
    rng = random.Random(f"{seed} {options} {failing}")
    origin = Fickle(rng, failing=failing)
    checked = 0
    slices = "slice_size" in options
    async with staged(origin.answer, **options) as stage:

        async def client(number: int) -> None:
            nonlocal checked
            mine = random.Random(f"{seed} {number}")
            found = await visit(stage, origin, mine, failing=failing, slices=slices)
            checked += found

        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(client, number)
    assert checked > 50
