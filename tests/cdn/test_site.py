"""Sites: lookup, validators, and no way out of a directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cdn.site import DirectorySite, FileResource, MemoryResource, MemorySite, Moved, media_type
from wire.http.errors import BadRequestError, TruncatedError
from wire.http.message import Buffer, Stream


async def content(body: Buffer | Stream) -> bytes:
    """Return all bytes of a body."""
    if isinstance(body, Buffer):
        return bytes(body)
    whole = b"".join([bytes(piece) async for piece in body])
    await body.aclose()
    return whole


@pytest.fixture
def site(tmp_path: Path) -> DirectorySite:
    """A directory with files inside, and a secret beside it."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a b.txt").write_text("hello")
    (root / "sub" / "index.html").write_text("<p>")
    (root / "empty").mkdir()
    (root / "data.tar.gz").write_bytes(b"x" * 700_000)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "root-secret").write_text("secret")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "outdir").symlink_to(tmp_path)
    (root / "in").symlink_to(root / "a b.txt")
    (root / "loop").symlink_to(root / "loop")
    os.mkfifo(root / "fifo")
    return DirectorySite(root, {"/old": "/new"})


@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/%2e%2e/secret",
        "/sub/../../secret",
        "/sub/%2e%2e%2f%2e%2e/secret",
        "/..%5csecret",
        "/../root-secret",
        "//../secret",
        "/./a%20b.txt",
        "/out",
        "/outdir/secret",
        "/loop",
        "/fifo",
        "/nothing",
        "/empty/",
        "/a%20b.txt/",
        "/a%20b.txt/x",
        "/" + "a" * 5000,
    ],
)
def test_nothing_outside_or_irregular_is_found(site: DirectorySite, path: str) -> None:
    """Dots, encodings, links, backslashes and devices lead nowhere."""
    assert site.lookup(path) is None


@pytest.mark.parametrize("path", ["/%00", "/a%00.txt", "/%ff"])
def test_malformed_names_are_bad_requests(site: DirectorySite, path: str) -> None:
    """NUL and bytes that are not UTF-8 are the client's fault."""
    with pytest.raises(BadRequestError):
        site.lookup(path)


@pytest.mark.parametrize("path", ["/a%20b.txt", "/in", "//a%20b.txt"])
@pytest.mark.trio
async def test_files_are_found_by_decoded_name(site: DirectorySite, path: str) -> None:
    """Spaces, and links that stay inside."""
    found = site.lookup(path)
    assert isinstance(found, FileResource)
    assert found.media_type == "text/plain; charset=utf-8"
    assert await content(found.read(1, 3)) == b"el"
    assert await content(found.read(0, None)) == b"hello"


def test_directories_want_their_slash(site: DirectorySite) -> None:
    """Without the slash a directory has moved; with it, its index answers."""
    assert site.lookup("/sub") == Moved("/sub/")
    index = site.lookup("/sub/")
    assert isinstance(index, FileResource)
    assert index.path.name == "index.html"


def test_moved_objects_name_their_new_place(site: DirectorySite) -> None:
    """A configured move is found before any file."""
    assert site.lookup("/old") == Moved("/new")


@pytest.mark.trio
async def test_big_files_come_in_pieces(site: DirectorySite) -> None:
    """A file larger than a piece is read in several, and unknown types are opaque."""
    found = site.lookup("/data.tar.gz")
    assert isinstance(found, FileResource)
    assert found.media_type == "application/octet-stream"
    body = found.read(0, found.size)
    assert max([len(piece) async for piece in body]) <= 256 * 1024
    await body.aclose()


@pytest.mark.trio
async def test_a_file_that_changes_is_not_sent_as_the_old_one(site: DirectorySite) -> None:
    """A write gives a new tag, and a resource looked up before it cannot be read."""
    before = site.lookup("/a%20b.txt")
    assert isinstance(before, FileResource)
    before.path.write_text("other!")
    after = site.lookup("/a%20b.txt")
    assert isinstance(after, FileResource)
    assert before.etag != after.etag
    with pytest.raises(TruncatedError):
        await content(before.read(0, 5))


def test_memory_resources_are_tagged_by_content() -> None:
    """Equal bytes have equal tags; views are not copies."""
    one, same, other = (MemoryResource.of("/a.html", data) for data in (b"ab", b"ab", b"cd"))
    assert one.etag == same.etag != other.etag
    assert one.media_type.startswith("text/html")
    assert one.read(1, None) == b"b"


def test_memory_sites_find_by_decoded_path() -> None:
    """Names are compared decoded; what moved has moved."""
    resource = MemoryResource.of("/a b", b"x")
    site = MemorySite({"/a b": resource}, {"/old": "/a%20b"})
    assert site.lookup("/a%20b") is resource
    assert site.lookup("/old") == Moved("/a%20b")
    assert site.lookup("/c") is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.m3u8", "application/vnd.apple.mpegurl"),
        ("a.mpd", "application/dash+xml"),
        ("a.m4s", "video/iso.segment"),
        ("a.mp4", "video/mp4"),
        ("a.ts", "video/mp2t"),
    ],
)
def test_video_files_have_their_types(name: str, kind: str) -> None:
    """As browsers and players expect them."""
    assert media_type(name) == kind
