"""Manifests: valid, canonical, and read from strangers with care."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.errors import ProtocolError
from wire.manifest import MAX_MANIFEST_BYTES, Manifest, default_path

HASH = bytes(32)


@given(st.binary(max_size=500), st.integers(1, 600))
def test_a_manifest_describes_its_data(data: bytes, chunk_size: int) -> None:
    """The chunks put together are the data, each verifies as itself, and decoding inverts."""
    manifest = Manifest.of_bytes("data.bin", data, chunk_size)
    starts = [index * chunk_size for index in range(manifest.chunk_count)]
    chunks = [data[start : start + chunk_size] for start in starts]
    assert b"".join(chunks) == data
    for index, chunk in enumerate(chunks):
        assert manifest.length(index) == len(chunk)
        assert manifest.verify(index, chunk)
        assert manifest.verify(index, memoryview(chunk))
        assert not manifest.verify(index, chunk + b"x")
        assert not manifest.verify(index, bytes([chunk[0] ^ 1]) + chunk[1:])
    assert Manifest.decode(manifest.encode()) == manifest


def test_the_swarm_id_is_the_hash_of_the_encoding() -> None:
    """Anything different in the manifest is another swarm."""
    manifest = Manifest.of_bytes("a", b"data", 4)
    assert manifest.swarm_id == sha256(manifest.encode()).digest()
    assert manifest.swarm_id != Manifest.of_bytes("b", b"data", 4).swarm_id
    assert manifest.swarm_id != Manifest.of_bytes("a", b"data", 2).swarm_id


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001])
def test_a_file_and_its_bytes_have_one_manifest(tmp_path: Path, size: int) -> None:
    """Reading from disk changes nothing; saving and loading neither."""
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(range(250)) * (size // 250) + b"z" * (size % 250))
    manifest = Manifest.of_file(path, chunk_size=100)
    assert manifest == Manifest.of_bytes("film.mp4", path.read_bytes(), 100)
    manifest.save(default_path(path))
    assert default_path(path) == tmp_path / "film.mp4.manifest"
    assert Manifest.load(default_path(path)) == manifest
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["film.mp4", "film.mp4.manifest"]


def test_a_failed_save_leaves_nothing(tmp_path: Path) -> None:
    """A manifest that cannot take its place leaves no temporary file."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        Manifest.of_bytes("a", b"", 1).save(tmp_path / "taken")
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


def test_an_empty_file_has_no_chunks() -> None:
    """Nothing to send is a swarm too."""
    manifest = Manifest.of_bytes("empty", b"", 65_536)
    assert (manifest.chunk_count, manifest.size) == (0, 0)
    with pytest.raises(IndexError, match="no chunk 0 of 0"):
        manifest.length(0)


def packed(**changes: Any) -> bytes:
    """Return an encoded manifest with some fields replaced."""
    fields = {"version": 1, "name": "a", "size": 9, "chunk_size": 5, "hashes": HASH * 2} | changes
    encoded = msgpack.packb(list(fields.values()))
    assert isinstance(encoded, bytes)
    return encoded


MALFORMED = [
    (b"", "not a msgpack array"),
    (b"\xc1", "not a msgpack array"),
    (packed() + b"\x00", "not a msgpack array"),
    (msgpack.packb([[1]] * 5), r"not \[version"),
    (msgpack.packb([1, 2, 3]), r"not \[version"),
    (msgpack.packb({}), r"not \[version"),
    (bytes(MAX_MANIFEST_BYTES + 1), "longer than"),
    (packed(version=2), "version 2 is not 1"),
    (packed(name=7), "7 is not a file name"),
    (packed(name=""), "'' is not a file name"),
    (packed(name=".."), "'..' is not a file name"),
    (packed(name="a/b"), "not a plain file name"),
    (packed(name="a\\b"), "not a plain file name"),
    (packed(name="a\x00"), "not a plain file name"),
    (packed(name="a\n"), "not a plain file name"),
    (packed(name="é" * 128), "longer than 255 bytes|not a msgpack array"),
    (packed(name="a" * 256), "not a msgpack array"),
    (packed(size=-1), "size -1 is not"),
    (packed(size=9.0), r"size 9\.0 is not"),
    (packed(size=True), "size True is not"),
    (packed(size=11), "2 hashes for 3 chunks"),
    (packed(size=1 << 40), "take larger chunks"),
    (packed(chunk_size=0), "chunk size 0 is not"),
    (packed(chunk_size=1 << 30), "chunk size 1073741824 is not"),
    (packed(hashes=HASH), "1 hashes for 2 chunks"),
    (packed(hashes=HASH * 2 + b"x"), "not 32 bytes each"),
    (packed(hashes=[]), r"not \[version"),
    (packed(version=True), "not the canonical encoding"),
    (b"\x95\x01\xa1a\xcc\x09\x05\xc4\x40" + HASH * 2, "not the canonical encoding"),
]


@pytest.mark.parametrize(("data", "reason"), MALFORMED)
def test_a_malformed_manifest_is_refused_by_name(data: bytes, reason: str) -> None:
    """Each fault has its reason."""
    with pytest.raises(ProtocolError, match=reason):
        Manifest.decode(data)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.just(packed()).flatmap(
            lambda good: st.tuples(
                st.just(good), st.integers(0, len(good) - 1), st.integers(0, 255)
            ).map(lambda edit: edit[0][: edit[1]] + bytes([edit[2]]) + edit[0][edit[1] + 1 :])
        ),
    )
)
def test_random_bytes_are_refused_or_canonical(data: bytes) -> None:
    """Garbage raises the protocol error only; what is accepted is its own encoding."""
    try:
        manifest = Manifest.decode(data)
    except ProtocolError:
        return
    assert manifest.encode() == data


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    """The error says which file is not a manifest."""
    path = tmp_path / "x.manifest"
    path.write_bytes(b"nonsense")
    with pytest.raises(ProtocolError, match=r"x\.manifest: manifest: not a msgpack array"):
        Manifest.load(path)
