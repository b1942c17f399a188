"""Stores: what is written is there, once in memory, and again after a restart on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peer.store import ChunkPool, ChunkStore, FileStore, MemoryStore
from wire.manifest import Manifest

DATA = bytes(range(256)) * 4 + b"the last chunk"
MANIFEST = Manifest.of_bytes("song.ogg", DATA, 256)
CHUNKS = [DATA[start : start + 256] for start in range(0, len(DATA), 256)]

Make = Callable[[Manifest], ChunkStore]


@pytest.fixture(params=["memory", "file"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Return a maker of empty stores of one kind."""
    if request.param == "memory":
        return lambda manifest: MemoryStore(manifest, ChunkPool())
    return lambda manifest: FileStore(manifest, tmp_path / manifest.name)


def test_a_store_fills_chunk_by_chunk(make: Make) -> None:
    """What was written is read back, and the mask and completeness follow."""
    store = make(MANIFEST)
    assert (store.have, store.complete) == (0, False)
    for written, index in enumerate([3, 0, 4, 1, 2], start=1):
        with pytest.raises(KeyError):
            store.read(index)
        store.write(index, memoryview(CHUNKS[index]))
        assert store.read(index) == CHUNKS[index]
        assert store.have.bit_count() == written
        assert store.have >> index & 1
        assert store.complete == (written == 5)
    store.write(2, CHUNKS[2])
    assert store.have == 0b11111


def test_a_chunk_of_another_length_is_refused(make: Make) -> None:
    """A mistake of the caller does not reach the disk."""
    store = make(MANIFEST)
    with pytest.raises(ValueError, match=r"song\.ogg: chunk 4 is 14 bytes, not 256"):
        store.write(4, CHUNKS[0])
    with pytest.raises(IndexError):
        store.write(5, b"")
    for outside in (-1, 5):
        with pytest.raises(KeyError):
            store.read(outside)
    assert store.have == 0


def test_only_the_chunk_itself_is_verified(make: Make) -> None:
    """Neither another chunk nor a damaged one is, held already or not."""
    store = make(MANIFEST)
    for held in (False, True):
        assert store.have >> 1 & 1 == held
        assert store.verify(1, CHUNKS[1])
        assert store.verify(1, memoryview(CHUNKS[1]))
        for wrong in (CHUNKS[4], b"", CHUNKS[1][:-1], CHUNKS[1][:-1] + b"?"):
            assert not store.verify(1, wrong)
        store.write(1, CHUNKS[1])


def test_an_empty_file_is_complete_at_once(make: Make) -> None:
    """A file without chunks needs none."""
    assert make(Manifest.of_bytes("empty", b"", 10)).complete


def test_equal_chunks_are_one_object() -> None:
    """Two stores, and two chunks with equal bytes, share their memory."""
    pool = ChunkPool()
    manifest = Manifest.of_bytes("zeros", bytes(512), 256)
    seed = MemoryStore.full(manifest, bytes(512), pool)
    other = MemoryStore(manifest, pool)
    other.write(1, memoryview(bytearray(256)))
    assert seed.complete
    assert seed.read(0) is seed.read(1) is other.read(1)


def test_a_full_store_is_checked() -> None:
    """A seed cannot start from other data."""
    with pytest.raises(ValueError, match=r"song\.ogg: chunk 1 does not match"):
        MemoryStore.full(MANIFEST, DATA[:300] + b"?" + DATA[301:], ChunkPool())


def test_a_file_takes_its_name_when_complete(tmp_path: Path) -> None:
    """Until the last chunk there is only the part, at its full length."""
    path = tmp_path / "song.ogg"
    with FileStore(MANIFEST, path) as store:
        for index, chunk in enumerate(CHUNKS):
            assert [entry.name for entry in tmp_path.iterdir()] == ["song.ogg.part"]
            assert (tmp_path / "song.ogg.part").stat().st_size == len(DATA)
            store.write(index, chunk)
        assert [entry.name for entry in tmp_path.iterdir()] == ["song.ogg"]
        assert store.read(1) == CHUNKS[1]
    assert path.read_bytes() == DATA


@given(held=st.sets(st.integers(0, 4)), spoilt=st.integers(0, 4))
def test_a_part_is_resumed_by_verifying_it(
    tmp_path_factory: pytest.TempPathFactory, held: set[int], spoilt: int
) -> None:
    """After a restart exactly the chunks that are whole on disk are there."""
    path = tmp_path_factory.mktemp("resume") / "song.ogg"
    with FileStore(MANIFEST, path) as store:
        for index in held - {spoilt}:
            store.write(index, CHUNKS[index])
    part = path.with_name("song.ogg.part")
    with part.open("r+b") as file:
        file.seek(spoilt * 256)
        file.write(b"spoilt")
    with FileStore(MANIFEST, path) as store:
        assert store.have == sum(1 << index for index in held - {spoilt})
        store.write(spoilt, CHUNKS[spoilt])
        assert store.read(spoilt) == CHUNKS[spoilt]


def test_a_part_whose_chunks_are_all_there_is_finished(tmp_path: Path) -> None:
    """A process that died between the last chunk and the rename loses nothing."""
    (tmp_path / "song.ogg.part").write_bytes(DATA + b"and more")
    with FileStore(MANIFEST, tmp_path / "song.ogg") as store:
        assert store.complete
    assert [entry.name for entry in tmp_path.iterdir()] == ["song.ogg"]
    assert (tmp_path / "song.ogg").read_bytes() == DATA


def test_a_whole_file_is_opened_for_seeding(tmp_path: Path) -> None:
    """An existing file is verified, not copied or written."""
    path = tmp_path / "other-name.ogg"
    path.write_bytes(DATA)
    path.chmod(0o444)
    with FileStore(MANIFEST, path) as store:
        assert store.complete
        assert [store.read(index) for index in range(5)] == CHUNKS
    assert [entry.name for entry in tmp_path.iterdir()] == ["other-name.ogg"]


@pytest.mark.parametrize("content", [b"", DATA[:-1], DATA + b"x", DATA.replace(b"last", b"LAST")])
def test_another_file_at_the_path_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """A file that is not the manifest's is neither served nor overwritten."""
    path = tmp_path / "song.ogg"
    path.write_bytes(content)
    with pytest.raises(FileExistsError, match=r"move it away.*song\.ogg"):
        FileStore(MANIFEST, path)
    assert path.read_bytes() == content


def test_a_part_has_one_writer(tmp_path: Path) -> None:
    """A second store on the same part is refused until the first is closed."""
    first = FileStore(MANIFEST, tmp_path / "song.ogg")
    with pytest.raises(BlockingIOError, match=r"another process .*song\.ogg\.part"):
        FileStore(MANIFEST, tmp_path / "song.ogg")
    first.close()
    first.close()
    FileStore(MANIFEST, tmp_path / "song.ogg").close()


def test_errors_name_the_path(tmp_path: Path) -> None:
    """A missing directory, a closed store and a file cut short are told apart by path."""
    with pytest.raises(FileNotFoundError, match=r"nowhere/song\.ogg\.part"):
        FileStore(MANIFEST, tmp_path / "nowhere" / "song.ogg")
    path = tmp_path / "song.ogg"
    path.write_bytes(DATA)
    store = FileStore(MANIFEST, path)
    path.write_bytes(DATA[:300])
    with pytest.raises(OSError, match=r"cut short.*song\.ogg"):
        store.read(1)
    store.close()
    with pytest.raises(OSError, match=r"song\.ogg"):
        store.read(0)
