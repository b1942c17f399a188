"""The admin surface of an edge in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from cdn.admin import Admin
from cdn.tally import Tally
from net.seam import Address
from tests.cdn.internet import wall
from tests.cdn.stage import Gate, Stage, fixed, staged, status_of
from wire.http.headers import Headers
from wire.http.message import Buffer, Request, Response
from wire.http.target import parse_target

HERE = Address("127.0.0.1", 5000)


async def ask(
    stage: Stage,
    method: str,
    target: str,
    fields: dict[str, str] | None = None,
    remote: Address = HERE,
) -> Response:
    """Return the admin's answer; what the edge has traced so far is counted."""
    tally = Tally()
    for event, told in stage.journal.events:
        tally(event, **told)
    admin = Admin(stage.edge.web_cache, tally, wall=wall)
    request = Request(method, parse_target(method, target), Headers(fields or {}))
    return await admin.answer(request, remote)


def told(response: Response) -> Any:
    """Return the JSON in an answer."""
    assert response.status == 200
    assert isinstance(response.body, Buffer)
    return json.loads(bytes(response.body))


@pytest.mark.trio
async def test_purge_drops_what_is_stored() -> None:
    """All variants of the address, and nothing else."""
    async with staged(fixed({"vary": "x-kind"})) as stage:
        await stage.get("/a?q", x_kind="1")
        await stage.get("/a?q", x_kind="2")
        await stage.get("/a")
        assert told(await ask(stage, "PURGE", "/a?q")) == {"purged": 2, "soft": False}
        assert told(await ask(stage, "PURGE", "/a?q")) == {"purged": 0, "soft": False}
        _, headers, _ = await stage.get("/a?q", x_kind="1")
        assert status_of(headers).startswith("fwd=uri-miss")
        _, headers, _ = await stage.get("/a")
        assert status_of(headers) == "hit"


@pytest.mark.trio
async def test_a_soft_purge_makes_stale() -> None:
    """The next request validates what is still there."""
    async with staged(fixed()) as stage:
        await stage.get("/a")
        assert told(await ask(stage, "PURGE", "/a", {"soft-purge": "1"})) == {
            "purged": 1,
            "soft": True,
        }
        status, headers, _ = await stage.get("/a")
        assert status == 200
        assert "fwd=stale" in status_of(headers)
        assert "fwd-status=304" in status_of(headers)
        _, headers, _ = await stage.get("/a")
        assert status_of(headers) == "hit"


@pytest.mark.trio
async def test_a_soft_purge_leaves_stale_while_revalidate_its_way() -> None:
    """The stale response answers while the origin is asked."""
    control = "max-age=60, stale-while-revalidate=60"
    async with staged(fixed({"cache-control": control})) as stage:
        await stage.get("/a")
        await ask(stage, "PURGE", "/a", {"soft-purge": "1"})
        _, headers, _ = await stage.get("/a")
        assert status_of(headers) == "hit"
        await wait_all_tasks_blocked()
        assert len(stage.origin.requests) == 2


@pytest.mark.trio
@pytest.mark.parametrize("soft", ["0", "1"])
async def test_purge_by_surrogate_key(soft: str) -> None:
    """One key drops all that carries it; several keys drop what carries any."""

    async def answer(request: Request) -> Response:
        tags = {"/1": "all odd", "/2": "all even", "/3": "all odd three"}[request.target.path]
        fields = {"cache-control": "max-age=60", "surrogate-key": tags, "etag": '"1"'}
        return Response(200, Headers(fields), b"x")

    async with staged(answer) as stage:
        for path in ("/1", "/2", "/3"):
            await stage.get(path)
        purge = await ask(
            stage, "POST", "/purge", {"surrogate-key": "three even", "soft-purge": soft}
        )
        assert told(purge) == {"purged": 2, "soft": soft == "1"}
        seen = [status_of((await stage.get(path))[1]) for path in ("/1", "/2", "/3")]
        assert seen[0] == "hit"
        expected = "fwd=stale" if soft == "1" else "fwd=uri-miss"
        assert all(said.startswith(expected) for said in seen[1:])
        again = await ask(stage, "POST", "/purge", {"surrogate-key": "all"})
        assert told(again)["purged"] == 3


@pytest.mark.trio
async def test_numbers() -> None:
    """What is stored, and what has happened."""
    async with staged(fixed()) as stage:
        for _ in range(3):
            await stage.get("/a")
        numbers = told(await ask(stage, "GET", "/stats"))
        assert (numbers["objects"], numbers["hits"], numbers["misses"]) == (1, 2, 1)
        assert numbers["bytes"] == stage.edge.cache.used
        assert numbers["hit_bytes"] == 2 * numbers["fetched_bytes"] == 8192


@pytest.mark.trio
@pytest.mark.parametrize(
    ("method", "target", "fields", "status"),
    [
        ("GET", "/", {}, 200),
        ("GET", "/other", {}, 404),
        ("POST", "/purge", {}, 400),
        ("POST", "/purge", {"surrogate-key": "k " * 257}, 400),
        ("DELETE", "/stats", {}, 404),
    ],
)
async def test_other_requests_are_told_what_there_is(
    method: str, target: str, fields: dict[str, str], status: int
) -> None:
    """The page at / is the manual."""
    async with staged(fixed()) as stage:
        assert (await ask(stage, method, target, fields)).status == status


@pytest.mark.trio
async def test_strangers_are_refused() -> None:
    """Whoever is not on this machine, whatever the port is bound to."""
    async with staged(fixed()) as stage:
        await stage.get("/a")
        assert (await ask(stage, "PURGE", "/a", remote=Address("10.0.0.1", 1))).status == 403
        assert len(stage.edge.cache) == 1


@pytest.mark.trio
async def test_what_is_purged_while_it_arrives_is_not_stored() -> None:
    """Who asked before the purge gets it; who asks after it gets a new one."""
    gate = Gate()

    async def answer(request: Request) -> Response:
        fields = Headers({"cache-control": "max-age=60", "etag": '"1"'})
        first = len(stage.origin.requests) == 1
        return Response(200, fields, gate if first else b"new", None if first else 3)

    async with staged(answer) as stage, trio.open_nursery() as nursery:
        bodies: list[bytes] = []

        async def ask_first() -> None:
            bodies.append((await stage.get("/a"))[2])

        nursery.start_soon(ask_first)
        gate.send(b"ol")
        await wait_all_tasks_blocked()
        await ask(stage, "PURGE", "/a")
        gate.send(b"d")
        gate.end()
        await wait_all_tasks_blocked()
        assert bodies == [b"old"]
        assert len(stage.edge.cache) == 0
        assert (await stage.get("/a"))[2] == b"new"
