"""Traces from files and from Zipf's law."""

from __future__ import annotations

import gzip
import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.traces import (
    RECORD,
    Request,
    Trace,
    TraceError,
    Zipf,
    load,
    read,
    write_csv,
    write_oracle_general,
)

requests = st.lists(
    st.builds(
        Request,
        time=st.integers(0, 2**32 - 1).map(float),
        key=st.integers(0, 2**64 - 1),
        size=st.integers(1, 2**32 - 1),
    ),
    min_size=1,
    max_size=20,
)


@given(requests)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, history: list[Request]
) -> None:
    """In both formats, told apart by their bytes alone."""
    path = tmp_path_factory.mktemp("traces") / "trace"
    write_csv(path, history)
    assert list(read(path)) == history
    write_oracle_general(path, history)
    assert list(read(path)) == history


def test_a_record_is_four_little_endian_numbers(tmp_path: Path) -> None:
    """Time in four bytes, object in eight, size in four, next access in eight."""
    path = tmp_path / "trace.oracleGeneral"
    write_oracle_general(path, [Request(1.0, 7, 9), Request(2.0, 8, 9), Request(3.0, 7, 9)])
    data = path.read_bytes()
    assert data[:24] == bytes.fromhex("01000000 0700000000000000 09000000 0200000000000000")
    assert [RECORD.unpack(data[at : at + 24])[3] for at in (0, 24, 48)] == [2, -1, -1]


def test_csv_has_names_and_numbers_with_or_without_a_header(tmp_path: Path) -> None:
    """Objects are numbers where they are written as such; empty lines and bytes do not count."""
    path = tmp_path / "trace.csv"
    path.write_text("Time, Object, Size\n0,7,10\n0.5,/a b,20\n\n1,007,30\n2,void,0\n")
    expected = [Request(0, 7, 10), Request(0.5, "/a b", 20), Request(1, "007", 30)]
    assert list(read(path)) == expected
    path.write_text("0,7,10\r\n")
    assert list(read(path)) == expected[:1]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"0,a,1\n0,a\n", "trace, line 2: expected time,object,size and found 2 fields"),
        (b"0,a,1,2\n", "trace, line 1: expected time,object,size and found 4 fields"),
        (b"time,object,size\nnoon,a,1\n", "trace, line 2: the time 'noon' is no number of seconds"),
        (b"nan,a,1\n", "trace, line 1: the time 'nan' is no number of seconds"),
        (b"0,a,-1\n", "trace, line 1: the size '-1' is no whole number of bytes"),
        (b"0,a,1e3\n", "trace, line 1: the size '1e3' is no whole number of bytes"),
        (b"0,a,99999999999999999999\n", "trace, line 1: the size '99999999999999999999' is no"),
        (b"0,,1\n", "trace, line 1: the object has no name"),
        (b"0,\xff,1\n", "it is no text"),
        (b"0," + b"a" * 200_000 + b",1\n", "trace, line 1: field larger than field limit"),
        (RECORD.pack(1, 2, 3, -1) + b"\0" * 5, "trace: record 2 is cut short after 5 of 24 bytes"),
        (gzip.compress(b"0,a,1\n"), "trace is compressed; unpack it first: gunzip"),
        (b"\x28\xb5\x2f\xfd\0\0", "trace is compressed; unpack it first: zstd -d"),
        (b"", "trace: no requests"),
    ],
)
def test_what_is_no_trace_is_refused(tmp_path: Path, data: bytes, fault: str) -> None:
    """With the file, the place and the fix."""
    path = tmp_path / "trace"
    path.write_bytes(data)
    with pytest.raises(TraceError) as error:
        load(path)
    assert fault in str(error.value)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    """In the words of the system."""
    for path, fault in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(TraceError, match=fault):
            load(path)


def test_reading_streams(tmp_path: Path) -> None:
    """The requests before a fault are there before the fault is found."""
    path = tmp_path / "trace"
    path.write_text("0,a,1\n" * 5000 + "oops\n")
    trace = read(path)
    assert [next(trace) for _ in range(5000)] == [Request(0, "a", 1)] * 5000
    with pytest.raises(TraceError, match="line 5001"):
        next(trace)


def test_a_trace_knows_its_objects() -> None:
    """Each with the size it had first; the footprint is their sum."""
    trace = Trace(["a", "b", "a"], [10, 20, 99])
    assert (len(trace), trace.objects, trace.footprint, trace.bytes) == (
        3, {"a": 10, "b": 20}, 30, 129,
    )  # fmt: skip


def test_zipf_demand_follows_its_law() -> None:
    """Each object is asked for as often as n ** -alpha says, within chance; a seed is a trace."""
    law = Zipf(0.9, 100, 50_000, seed=3)
    trace = law.trace()
    assert trace == law.trace() != Zipf(0.9, 100, 50_000, seed=4).trace()
    asked, popularity = Counter(trace.keys), law.popularity()
    assert math.isclose(sum(popularity), 1)
    assert math.isclose(popularity[0] / popularity[9], 10**0.9)
    for key, probability in enumerate(popularity):
        expected = probability * 50_000
        assert abs(asked[key] - expected) < 5 * math.sqrt(expected)


def test_sizes_are_equal_or_lognormal() -> None:
    """Around the mean; an object has one size."""
    assert set(Zipf(1, 50, 10, size=7).sizes()) == {7}
    sizes = Zipf(1, 20_000, 10, size=10_000, sigma=1.0).sizes()
    assert 9500 < sum(sizes) / len(sizes) < 10_500
    assert 5500 < sorted(sizes)[10_000] < 6700
    trace = Zipf(0.5, 20, 500, size=100, sigma=2.0).trace()
    assert len(set(zip(trace.keys, trace.sizes, strict=True))) == len(trace.objects)
