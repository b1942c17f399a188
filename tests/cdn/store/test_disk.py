"""The store on disk: what survives, what does not, and what is never served."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cdn.body import Body
from cdn.cache import Cache
from cdn.eviction import Lru
from cdn.freshness import Exchange
from cdn.store.disk import Disk, StoreError
from cdn.stored import Stored
from tests.cdn.internet import Journal
from wire.http.headers import Headers
from wire.http.message import NO_FIELDS

CONTENT = bytes(range(256)) * 8192  # 2 MiB


def response(content: bytes = CONTENT, body: Body | None = None) -> Stored:
    """Return a response that may be stored for an hour."""
    headers = Headers({"cache-control": "max-age=3600", "etag": '"1"'})
    exchange = Exchange("GET", NO_FIELDS, 200, headers, 1e9, 1e9)
    return Stored.of(exchange, Body.of(content) if body is None else body)


def read(stored: Stored) -> bytes:
    """Return all of a stored body, as a hit reads it."""
    view = stored.body.read(0, stored.body.size)
    assert isinstance(view, bytes | memoryview)
    return bytes(view)


def remembered(directory: Path, journal: Journal | None = None) -> dict[str, Stored]:
    """Return what a new process would find, oldest use first."""
    with Disk(directory, **({} if journal is None else {"trace": journal})) as disk:
        return dict(disk.load())


def files(directory: Path, kind: str) -> list[Path]:
    """Return the files under `kind`, sorted."""
    return sorted(path for path in (directory / kind).rglob("*") if path.is_file())


@pytest.mark.parametrize("body", [b"", b"x", CONTENT])
def test_a_response_survives_its_process(tmp_path: Path, body: bytes) -> None:
    """Fields, freshness and bytes come back."""
    with Disk(tmp_path) as disk:
        kept = disk.keep("/a", "/a", response(body))
        assert read(kept) == body
    found = remembered(tmp_path)
    assert list(found) == ["/a"]
    assert read(found["/a"]) == body
    assert replace(found["/a"], body=kept.body) == kept


def test_hits_read_the_file_without_a_copy(tmp_path: Path) -> None:
    """A read is a view of the mapped file, also beyond one block."""
    with Disk(tmp_path) as disk:
        body = disk.keep("/a", "/a", response()).body
        view = body.read(1, 2**20 + 7)
        assert isinstance(view, memoryview)
        assert type(view.obj).__name__ == "mmap"
        assert view == CONTENT[1 : 2**20 + 7]


def test_a_new_head_leaves_the_body_alone(tmp_path: Path) -> None:
    """What a 304 changes costs no rewriting of the body."""
    with Disk(tmp_path) as disk:
        kept = disk.keep("/a", "/a", response())
        (path,) = files(tmp_path, "bodies")
        before = path.stat()
        renewed = kept.expired(1e9 + 5)
        disk.keep("/a", "/a", renewed)
        assert files(tmp_path, "bodies") == [path]
        assert path.stat().st_ino == before.st_ino
        assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert remembered(tmp_path)["/a"].freshness == renewed.freshness


def test_a_new_body_takes_the_place_of_the_old(tmp_path: Path) -> None:
    """Who reads the old one reads on."""
    with Disk(tmp_path) as disk:
        old = disk.keep("/a", "/a", response(b"old"))
        new = disk.keep("/a", "/a", response(b"new!"))
        assert (read(old), read(new)) == (b"old", b"new!")
        assert len(files(tmp_path, "bodies")) == 1
    assert read(remembered(tmp_path)["/a"]) == b"new!"


def test_what_is_dropped_is_gone_but_still_readable(tmp_path: Path) -> None:
    """An object outlives its eviction for those who hold it."""
    with Disk(tmp_path) as disk:
        kept = disk.keep("/a", "/a", response())
        disk.drop("/a")
        disk.drop("/a")
        assert files(tmp_path, "bodies") == files(tmp_path, "heads") == []
        assert read(kept) == CONTENT
    assert remembered(tmp_path) == {}


def test_the_order_is_about_that_of_use(tmp_path: Path) -> None:
    """Reading counts as a use."""
    with Disk(tmp_path) as disk:
        kept = {key: disk.keep(key, key, response(key.encode())) for key in ("/a", "/b", "/c")}
        for number, path in enumerate(files(tmp_path, "heads")):
            os.utime(path, (number, number))
        read(kept["/a"])
    assert list(remembered(tmp_path))[-1] == "/a"


def head_of(directory: Path) -> Path:
    """Return the only head's file."""
    (path,) = files(directory, "heads")
    return path


def body_of(directory: Path) -> Path:
    """Return the only body's file."""
    (path,) = files(directory, "bodies")
    return path


def flip(path: Path) -> None:
    """Change one byte in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "head flipped": lambda root: flip(head_of(root)),
    "head cut": lambda root: head_of(root).write_bytes(head_of(root).read_bytes()[:-1]),
    "head empty": lambda root: head_of(root).write_bytes(b""),
    "head elsewhere": lambda root: head_of(root).rename(head_of(root).with_name("0" * 62)),
    "body flipped": lambda root: flip(body_of(root)),
    "body cut": lambda root: body_of(root).write_bytes(CONTENT[:-1]),
    "body longer": lambda root: body_of(root).write_bytes(CONTENT + b"x"),
    "body gone": lambda root: body_of(root).unlink(),
}


@pytest.mark.parametrize("damage", list(DAMAGE))
def test_what_is_damaged_is_set_aside(tmp_path: Path, damage: str) -> None:
    """It is never loaded, leaves nothing behind where it was, and an event says why."""
    with Disk(tmp_path) as disk:
        disk.keep("/a", "/a", response())
    DAMAGE[damage](tmp_path)
    journal = Journal()
    assert remembered(tmp_path, journal) == {}
    assert "store_file_set_aside" in journal.names()
    assert files(tmp_path, "heads") == files(tmp_path, "bodies") == []
    assert files(tmp_path, "aside")
    assert remembered(tmp_path) == {}


def test_foreign_files_are_set_aside_and_litter_is_removed(tmp_path: Path) -> None:
    """Half-written files are nobody's; a stranger's are kept out of the way."""
    with Disk(tmp_path) as disk:
        disk.keep("/a", "/a", response(b"a"))
    body, head = body_of(tmp_path), head_of(tmp_path)
    body.with_name(body.name.partition(".")[0] + ".7").write_bytes(b"half")
    head.with_name(head.name + ".part").write_bytes(b"half")
    (tmp_path / "bodies" / "notes.txt").write_text("mine")
    (tmp_path / "heads" / "notes.txt").write_text("mine")
    assert list(remembered(tmp_path)) == ["/a"]
    assert (files(tmp_path, "heads"), files(tmp_path, "bodies")) == ([head], [body])
    assert [path.read_text() for path in files(tmp_path, "aside")] == ["mine", "mine"]


def test_a_directory_belongs_to_one_process(tmp_path: Path) -> None:
    """A second one is told so, until the first has ended."""
    with Disk(tmp_path), pytest.raises(StoreError, match="in use"):
        Disk(tmp_path)
    Disk(tmp_path).close()


def test_a_directory_with_other_files_is_refused(tmp_path: Path) -> None:
    """Nobody's files are mixed with ours."""
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(StoreError, match="other files"):
        Disk(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(StoreError, match=re.escape(str(tmp_path / "thesis.tex"))):
        Disk(tmp_path / "thesis.tex")


def test_another_layout_is_refused(tmp_path: Path) -> None:
    """Not deleted: the version that wrote it may come back."""
    (tmp_path / "swarmbed-store").write_text("swarmbed store, layout 9\n")
    with pytest.raises(StoreError, match="another version"):
        Disk(tmp_path)
    (tmp_path / "swarmbed-store").unlink()
    (tmp_path / "lock").unlink(missing_ok=True)
    Disk(tmp_path).close()


def test_a_full_disk_keeps_nothing_half(tmp_path: Path) -> None:
    """Where a body cannot be written, the error says so and neither file stays."""
    with Disk(tmp_path) as disk:
        disk.keep("/a", "/a", response(b"a"))
        (tmp_path / "bodies").rename(tmp_path / "away")
        with pytest.raises(OSError, match="bodies"):
            disk.keep("/b", "/b", response(b"b"))
        (tmp_path / "away").rename(tmp_path / "bodies")
    assert list(remembered(tmp_path)) == ["/a"]


def test_a_failed_replacement_leaves_nothing(tmp_path: Path) -> None:
    """What a newer response was to replace does not come back with the next process."""
    with Disk(tmp_path) as disk:
        disk.keep("/a", "/a", response(b"old"))
        (body,) = files(tmp_path, "bodies")
        body.with_suffix(".1").write_bytes(b"in the way")
        with pytest.raises(FileExistsError):
            disk.keep("/a", "/a", response(b"new"))
    assert remembered(tmp_path) == {}


def test_a_cache_on_disk_evicts_on_disk(tmp_path: Path) -> None:
    """Capacity bounds what lies on the disk, also when it has shrunk since."""
    with Disk(tmp_path) as disk:
        cache = Cache(Lru(5 * 2**20), shelf=disk)
        for number in range(4):
            assert cache.put(f"/{number}", response()) is not None
        assert set(cache) == {"/2", "/3"}
        assert len(files(tmp_path, "bodies")) == 2
    with Disk(tmp_path) as disk:
        cache = Cache(Lru(3 * 2**20), shelf=disk)
        assert len(cache) == len(files(tmp_path, "bodies")) == 1


def test_a_cache_renews_heads_in_place(tmp_path: Path) -> None:
    """A validation leaves the body's file as it is; a load asks no admission."""
    with Disk(tmp_path) as disk:
        cache = Cache(Lru(2**23), shelf=disk)
        cache.put("/a", response())
        (path,) = files(tmp_path, "bodies")
        (stored,) = cache.variants("/a")
        cache.update("/a", stored, stored.expired(1e9 + 5))
        assert files(tmp_path, "bodies") == [path]
    with Disk(tmp_path) as disk:
        cache = Cache(Lru(2**23), admits=lambda _name, _size: False, shelf=disk)
        assert [read(stored) for stored in cache.variants("/a")] == [CONTENT]
        cache.discard("/a")
        assert files(tmp_path, "bodies") == []


WRITER = """
import sys
from pathlib import Path
from cdn.body import Body
from cdn.cache import Cache
from cdn.eviction import Lru
from cdn.store.disk import Disk
from cdn.freshness import Exchange
from cdn.stored import Stored
from wire.http.headers import Headers

with Disk(Path(sys.argv[1])) as disk:
    cache = Cache(Lru(8 * 2**20), shelf=disk)
    for number in range(10**9):
        key = f"/{number % 12}"
        body = f"{key} {number} ".encode() * 60_000
        headers = Headers({"cache-control": "max-age=3600", "x-number": str(number)})
        exchange = Exchange("GET", Headers(), 200, headers, 1e9, 1e9)
        cache.put(key, Stored.of(exchange, Body.of(body)))
        if number % 3 == 0:
            for stored in cache.variants(key):
                cache.update(key, stored, stored.expired(1e9 + number))
        print(number, flush=True)
"""


def test_a_kill_leaves_whole_responses_only(tmp_path: Path) -> None:
    """Killed in the middle of writes, six times over: all that is found is whole and right."""
    store = tmp_path / "store"
    for round_ in range(6):
        command = [sys.executable, "-c", WRITER, str(store)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(14 + 3 * round_):
                assert process.stdout.readline()
            process.kill()
        journal = Journal()
        found = remembered(store, journal)
        assert found
        assert journal.names() == ["store_loaded"]
        for key, stored in found.items():
            number = stored.headers.get("x-number")
            assert read(stored) == f"{key} {number} ".encode() * 60_000


def test_what_cannot_be_removed_hinders_nobody(tmp_path: Path) -> None:
    """A directory that has become unwritable leaves the cache whole, as far as it is in memory."""
    journal = Journal()
    with Disk(tmp_path, trace=journal) as disk:
        cache = Cache(Lru(1 << 24), shelf=disk)
        cache.put("/a", response(b"a"))
        (head,) = files(tmp_path, "heads")
        head.unlink()
        head.mkdir()
        assert cache.discard("/a") == 1
        assert (len(cache), cache.used) == (0, 0)
        assert journal.count("store_file_stays") == 1
