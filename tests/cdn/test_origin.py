"""The origin's answers."""

from __future__ import annotations

import pytest
import trio

from cdn.origin import Origin, describe
from cdn.site import MemoryResource, MemorySite
from net.seam import Address
from tests.cdn.internet import Internet, Journal, wall
from wire.http.client import HttpConnection
from wire.http.dates import format_date
from wire.http.headers import Headers

CONTENT = bytes(range(100))
RESOURCE = MemoryResource(CONTENT, '"v1"', 1_000_000, "text/x")
SITE = MemorySite({"/a": RESOURCE, "/empty": MemoryResource(b"", '"e"')}, {"/old": "/a"})
MODIFIED = format_date(1_000_000)


async def ask(
    method: str, path: str, fields: dict[str, str]
) -> tuple[int, Headers, bytes, Journal]:
    """Return the origin's answer to one request, and its trace."""
    internet, journal = Internet(), Journal()
    async with trio.open_nursery() as nursery:
        origin = Origin(SITE, wall=wall, trace=journal)
        listener = await internet.attach("origin").listen(80)
        address: Address = await nursery.start(origin.serve, listener)
        connection = HttpConnection(await internet.attach("client").dial(address), "origin")
        async with connection.request(method, path, headers=Headers(fields)) as response:
            body = await response.read(1000)
        nursery.cancel_scope.cancel()
    return response.status, response.headers, body, journal


@pytest.mark.trio
@pytest.mark.parametrize(
    ("method", "path", "fields", "status", "body"),
    [
        ("GET", "/a", {}, 200, CONTENT),
        ("HEAD", "/a", {}, 200, b""),
        ("GET", "/a?query", {}, 200, CONTENT),
        ("GET", "/empty", {}, 200, b""),
        ("GET", "/a", {"range": "bytes=10-19"}, 206, CONTENT[10:20]),
        ("HEAD", "/a", {"range": "bytes=10-19"}, 200, b""),
        ("GET", "/a", {"range": "bytes=10-19", "if-range": '"v0"'}, 200, CONTENT),
        ("GET", "/a", {"if-none-match": '"v1"'}, 304, b""),
        ("GET", "/a", {"if-modified-since": MODIFIED}, 304, b""),
        ("GET", "/a", {"if-match": '"v0"'}, 412, None),
        ("GET", "/a", {"range": "bytes=100-"}, 416, None),
        ("GET", "/old", {}, 301, None),
        ("GET", "/none", {}, 404, None),
        ("GET", "/%00", {}, 400, None),
        ("POST", "/a", {}, 405, None),
        ("BREW", "/a", {}, 405, None),
    ],
)
async def test_answers(
    method: str, path: str, fields: dict[str, str], status: int, body: bytes | None
) -> None:
    """Status and body for each kind of request."""
    seen, _, content, _ = await ask(method, path, fields)
    assert seen == status
    assert body is None or content == body


@pytest.mark.trio
@pytest.mark.parametrize(
    ("method", "path", "fields", "expected"),
    [
        ("GET", "/a", {}, {"etag": '"v1"', "last-modified": MODIFIED, "content-length": "100"}),
        ("GET", "/a", {}, {"cache-control": "max-age=3600", "accept-ranges": "bytes"}),
        ("HEAD", "/a", {}, {"content-length": "100", "content-type": "text/x"}),
        (
            "GET",
            "/a",
            {"range": "bytes=-1"},
            {"content-range": "bytes 99-99/100", "content-length": "1"},
        ),
        ("GET", "/a", {"range": "bytes=100-"}, {"content-range": "bytes */100"}),
        ("GET", "/a", {"if-none-match": "*"}, {"etag": '"v1"', "cache-control": "max-age=3600"}),
        ("GET", "/old?q", {}, {"location": "/a?q"}),
        ("PUT", "/a", {}, {"allow": "GET, HEAD"}),
    ],
)
async def test_fields(
    method: str, path: str, fields: dict[str, str], expected: dict[str, str]
) -> None:
    """The fields each kind of answer must carry."""
    _, headers, _, _ = await ask(method, path, fields)
    assert {name: headers.get(name) for name in expected} == expected


@pytest.mark.trio
async def test_each_answer_is_traced_with_its_bytes() -> None:
    """One event per request says what was asked and how many bytes went out."""
    _, _, _, journal = await ask("GET", "/a", {"range": "bytes=0-9"})
    ((event, fields),) = journal.events
    assert event == "request_answered"
    assert (fields["status"], fields["bytes"], fields["path"]) == (206, 10, "/a")


@pytest.mark.parametrize(("own", "told"), [(None, "max-age=1"), ("no-cache", "no-cache")])
def test_a_resource_may_have_its_own_lifetime(own: str | None, told: str) -> None:
    """It goes before what the server says of everything."""
    resource = MemoryResource(b"x", '"1"', cache_control=own)
    assert describe(resource, "max-age=1").get("cache-control") == told
