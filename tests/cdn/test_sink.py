"""Sinks: what is held, and when it becomes final."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cdn.sink import FileSink, HashSink, MemorySink, Sink
from wire.http.errors import TooLargeError


@pytest.fixture(params=["hash", "memory", "file"])
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sink]:
    """Each kind of sink."""
    kinds: dict[str, Callable[[], Sink]] = {
        "hash": HashSink,
        "memory": lambda: MemorySink(100),
        "file": lambda: FileSink(tmp_path / "out"),
    }
    made = kinds[request.param]()
    yield made
    made.close()


def test_every_sink_counts_and_hashes(sink: Sink) -> None:
    """Bytes in any cut, also after a restart, give size and hash of what is held."""
    sink.write(b"rubbish")
    sink.restart('"v"')
    sink.write(memoryview(b"ab"))
    sink.write(bytearray(b"c"))
    assert (sink.size, sink.validator) == (3, '"v"')
    assert sink.sha256() == hashlib.sha256(b"abc").hexdigest()
    sink.commit()


def test_a_memory_sink_is_bounded() -> None:
    """More than the limit is refused and not kept."""
    sink = MemorySink(3)
    sink.write(b"abc")
    with pytest.raises(TooLargeError):
        sink.write(b"d")
    assert sink.content == b"abc"


def test_a_file_appears_only_when_committed(tmp_path: Path) -> None:
    """Until then there is a part; afterwards nothing else."""
    path = tmp_path / "out"
    sink = FileSink(path)
    sink.restart('"v"')
    sink.write(b"abc")
    assert not path.exists()
    sink.commit()
    sink.close()
    assert path.read_bytes() == b"abc"
    assert list(tmp_path.iterdir()) == [path]


def test_a_later_run_goes_on_with_the_part(tmp_path: Path) -> None:
    """A new sink on the same path holds what the old one wrote, and its version."""
    first = FileSink(tmp_path / "out")
    first.restart('"v"')
    first.write(b"abc")
    first.close()
    second = FileSink(tmp_path / "out")
    second.write(b"d")
    assert (second.size, second.validator) == (4, '"v"')
    assert second.sha256() == hashlib.sha256(b"abcd").hexdigest()
    second.commit()
    assert (tmp_path / "out").read_bytes() == b"abcd"


def test_a_part_of_unknown_version_is_dropped(tmp_path: Path) -> None:
    """Bytes nobody can vouch for are not built upon."""
    (tmp_path / "out.part").write_bytes(b"old")
    sink = FileSink(tmp_path / "out")
    sink.close()
    assert (sink.size, (tmp_path / "out.part").read_bytes()) == (0, b"")
