"""Bodies that go to the disk while they arrive."""

from __future__ import annotations

import gc
import random
from pathlib import Path

import pytest
import trio

from cdn.body import BLOCK
from cdn.store.disk import Disk
from cdn.store.growing import GrowingBody
from tests.cdn.store.test_disk import files, read, remembered, response
from wire.http.errors import TruncatedError

SIZES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 4 * BLOCK + 12_345]


def cut(data: bytes, seed: int) -> list[bytes]:
    """Return `data` in pieces of random sizes."""
    rng, pieces, at = random.Random(seed), [], 0
    while at < len(data):
        pieces.append(data[at : at + rng.choice((1, 1000, 65_536, 3_000_000))])
        at += len(pieces[-1])
    return pieces


@pytest.mark.trio
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("known", [True, False])
async def test_readers_see_all_of_it_at_any_time(tmp_path: Path, size: int, *, known: bool) -> None:
    """While it grows and when it is whole, from any place; memory holds two blocks at most."""
    data = random.Random(size).randbytes(size)
    with Disk(tmp_path) as disk:
        body = disk.body(size if known else None, 1 << 30)
        early, seen = body.read(0, None), b""
        for piece in cut(data, size):
            body.append(piece)
            assert body.held <= 2 * BLOCK
            at = random.Random(size).randrange(body.size)
            assert (await body.view(at, None))[:1] == data[at : at + 1]
        body.finish()
        async for part in early:  # type: ignore[union-attr]  # not whole at once
            seen += part
        assert seen == data
        assert body.whole() == data
        assert body.whole_in_file == (size > BLOCK)


@pytest.mark.parametrize("size", SIZES)
def test_keeping_it_moves_the_file(tmp_path: Path, size: int) -> None:
    """Nothing is written twice; who reads the growing body reads on."""
    data = random.Random(size).randbytes(size)
    with Disk(tmp_path) as disk:
        body = disk.body(None, 1 << 30)
        for piece in cut(data, size):
            body.append(piece)
        body.finish()
        arrived = [path.stat().st_ino for path in files(tmp_path, "arriving")]
        kept = disk.keep("/a", "/a", response(b"", body=body))
        stored = [path.stat().st_ino for path in files(tmp_path, "bodies")]
        assert stored == arrived or size <= BLOCK
        assert files(tmp_path, "arriving") == []
        assert read(kept) == body.whole() == data
    assert read(remembered(tmp_path)["/a"]) == data


@pytest.mark.trio
async def test_what_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    """Its readers learn that it is broken, and the file goes with the body."""
    with Disk(tmp_path) as disk:
        body = disk.body(4 * BLOCK, 1 << 30)
        body.append(bytes(3 * BLOCK))
        assert len(files(tmp_path, "arriving")) == 1
        with pytest.raises(TruncatedError):
            body.finish()
        with pytest.raises(TruncatedError):
            await body.view(3 * BLOCK, None)
        del body
        gc.collect()
        assert files(tmp_path, "arriving") == []


@pytest.mark.trio
async def test_a_full_disk_makes_a_body_pass_by(tmp_path: Path) -> None:
    """Its readers get all of it, and it is not for keeping."""
    data = random.Random(3).randbytes(3 * BLOCK)
    body = GrowingBody(None, limit=1 << 30, path=tmp_path / "absent" / "1")
    reader = body.read(0, None)
    body.append(data)
    body.finish()
    assert body.passing
    assert not body.whole_in_file
    assert b"".join([bytes(part) async for part in reader]) == data  # type: ignore[union-attr]


def test_what_was_arriving_when_its_process_was_killed_is_removed(tmp_path: Path) -> None:
    """Nothing of it is stored."""
    with Disk(tmp_path):
        (tmp_path / "arriving" / "1").write_bytes(b"half")
    assert remembered(tmp_path) == {}
    assert files(tmp_path, "arriving") == []


@pytest.mark.trio
async def test_a_body_beyond_the_capacity_streams_on_in_little_memory(tmp_path: Path) -> None:
    """The slowest reader sets the pace."""
    data = random.Random(4).randbytes(12 * BLOCK)
    with Disk(tmp_path) as disk:
        body = disk.body(None, 3 * BLOCK)
        reader, seen = body.read(0, None), bytearray()

        async def pour() -> None:
            for start in range(0, len(data), BLOCK // 2):
                body.append(data[start : start + BLOCK // 2])
                if body.passing:
                    assert await body.drained()
                assert body.held <= 6 * BLOCK
            body.finish()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(pour)
            async for part in reader:  # type: ignore[union-attr]  # not whole at once
                seen += part
                await trio.lowlevel.checkpoint()
        assert seen == data
