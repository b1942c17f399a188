"""Link traces: read from every format, made from seeds, written back, and laid on links."""

from __future__ import annotations

import json
import random
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdn.video.ladder import parse_ladder
from cdn.video.synthetic import synthesize
from experiments.capacity import SHIPPED, LinkTrace, LinkTraceError, find, load, movie
from experiments.capacity.formats import WRITERS, read
from experiments.capacity.generators import evenly, markov, mobile, step
from experiments.capacity.trace import of_steps

TWO = LinkTrace((0.0, 10.0), (3e6, 1.5e6), 20.0)


@pytest.mark.parametrize(
    "text",
    [
        "time,rate\n0,3e6\n10,1500000\n",
        "0, 3Mbps\n10, 1500kbps\n",
        "# measured\ntime,rate\n\n5,3e6\n15,1.5e6\n",
        "0 0\n10 3.0\n20 1.5\n",
        "100\t9.9\n110\t3.0\n120\t1.5\n",
        '[{"duration_ms": 10000, "bandwidth_kbps": 3000, "latency_ms": 20},'
        ' {"duration_ms": 10000, "bandwidth_kbps": 1500, "latency_ms": 60}]',
    ],
)
def test_a_trace_is_read_whatever_it_is_written_in(text: str) -> None:
    """CSV with and without a header, Pensieve's lines, and Sabre's JSON say the same."""
    trace = read(text)
    assert (trace.times, trace.rates, trace.duration) == (TWO.times, TWO.rates, TWO.duration)
    assert trace.latency in (None, 0.04)


def test_mahimahi_counts_packets() -> None:
    """Two packets of 1,500 bytes each 10 ms are 2.4 Mbit/s, and none at all is nothing."""
    lines = [ms for ms in range(10, 2001, 10) for _ in range(2)] + [4000]
    trace = read("\n".join(map(str, lines)))
    assert trace.duration == 4.0
    assert trace.rate_at(1.0) == pytest.approx(2.4e6, rel=0.02)
    assert trace.rate_at(3.0) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("time,rate\n", "no steps"),
        ("0,1e6\n5,2e6\n4,1e6\n", "line 3: times must ascend"),
        ("0,1e6\n1,-5\n", "line 2: '-5'"),
        ("0,1e6\n1,3Mbs\n", "line 2: '3Mbs'"),
        ("0,1e6,7\n", "line 1: expected time,rate"),
        ("0 1\n", "two lines"),
        ("0 1\n1 x\n", "line 2: 'x'"),
        ("5\n4\n", "line 2: 4 ms"),
        ("0\n0\n", "no duration"),
        ("[1, 2]", "no Sabre trace"),
        ('[{"duration_ms": 0, "bandwidth_kbps": 1, "latency_ms": 1}]', "more than 0 ms"),
        ("0,0\n", "one above"),
        ("0,nan\n", "'nan'"),
    ],
)
def test_what_is_no_trace_is_refused(text: str, words: str, tmp_path: Path) -> None:
    """The error names the file, the line and the fault."""
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(LinkTraceError) as caught:
        load(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_trace_goes_round() -> None:
    """After its end it begins anew, in rates, bits and changes alike."""
    assert [TWO.rate_at(time) for time in (0, 9.9, 10, 19.9, 20, 35)] == [
        3e6, 3e6, 1.5e6, 1.5e6, 3e6, 1.5e6,
    ]  # fmt: skip
    assert TWO.bits(15) == 37.5e6
    assert TWO.bits(50) == 2 * 45e6 + 30e6
    assert TWO.mean == 2.25e6
    assert list(islice(TWO.changes(), 4)) == [(0, 3e6), (10, 1.5e6), (20, 3e6), (30, 1.5e6)]
    assert list(step([1e6], 5).changes()) == [(0, 1e6)]


@given(
    st.lists(
        st.tuples(st.integers(1, 40).map(lambda n: n / 2), st.integers(100, 20_000)),
        min_size=1, max_size=12,
    )
)  # fmt: skip
def test_what_is_written_is_read_back(steps: list[tuple[float, int]]) -> None:
    """Every format keeps rates and length; Mahimahi's, which counts packets, their mean."""
    trace = of_steps([(seconds, 1000.0 * kilobits) for seconds, kilobits in steps])
    for form, (_, write) in WRITERS.items():
        back = read(write(trace))
        if form == "mahimahi":
            assert abs(back.bits(back.duration) - trace.bits(trace.duration)) <= 12_000 + 1e-3
        else:
            assert back.times == pytest.approx(trace.times)
            assert back.rates == pytest.approx(trace.rates)
            assert back.duration == pytest.approx(trace.duration)


def test_many_traces_ship_and_are_always_the_same() -> None:
    """At least twenty, long enough for a session, with means that players have to adapt to."""
    assert len(SHIPPED) >= 20
    for name, make in SHIPPED.items():
        trace = find(name)
        assert trace == make()
        assert 0.4e6 < trace.mean < 8e6
    assert len({find(name) for name in SHIPPED}) == len(SHIPPED)


@pytest.mark.parametrize(
    ("name", "words"), [("mobil-3", "did you mean 'mobile-"), ("no/such.csv", "No such file")]
)
def test_an_unknown_trace_is_named(name: str, words: str) -> None:
    """A name that nearly ships is put right, a file that is not there is said so."""
    with pytest.raises(LinkTraceError, match=words):
        find(name)


def test_generators_do_what_they_say() -> None:
    """A chain moves between neighbours, a phone's trace has its mean and its fades."""
    levels = evenly(1e6, 4e6, 5)
    assert (levels[0], levels[-1]) == (1e6, 4e6)
    walk = markov(levels, stay=0.5, duration=200, seed=4)
    places = [levels.index(rate) for rate in walk.rates]
    assert all(abs(a - b) == 1 for a, b in pairwise(places))
    phone = mobile(2e6, duration=600, seed=9)
    assert phone.mean == pytest.approx(2e6, rel=0.01)
    assert min(phone.rates) < 0.2 * phone.mean < phone.mean < max(phone.rates)
    assert mobile(2e6, duration=600, seed=9) == phone != mobile(2e6, duration=600, seed=8)


def test_a_movie_of_sabres_is_a_video_and_back(tmp_path: Path) -> None:
    """Segment sizes and durations survive; rungs are put in order."""
    rng = random.Random(3)
    sizes = [[rng.randrange(8_000, 80_000) * 8 for _ in range(3)] for _ in range(5)]
    told = {
        "segment_duration_ms": 3000, "bitrates_kbps": [900, 230, 500], "segment_sizes_bits": sizes,
    }  # fmt: skip
    path = tmp_path / "movie.json"
    path.write_text(json.dumps(told))
    video = movie.load(path)
    assert [each.sizes for each in video.renditions] == [
        tuple(row[place] // 8 for row in sizes) for place in (1, 2, 0)
    ]
    assert {each.durations for each in video.renditions} == {(3.0,) * 5}
    own = synthesize(parse_ladder("240p:400k,480p:1M"), duration=16, segment=4)
    path.write_text(movie.to_sabre(own))
    assert [each.sizes for each in movie.load(path).renditions] == [
        each.sizes for each in own.renditions
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"segment_sizes_bits": [[1, 2]]}, "a size for each"),
        ({"segment_sizes_bits": []}, "segments"),
        ({"segment_duration_ms": 0}, "segments"),
        ({"segment_sizes_bits": [[0, 0, 0]]}, "above 0"),
        ({"bitrates_kbps": "x"}, "no Sabre movie"),
    ],
)
def test_a_movie_that_cannot_be_is_refused(
    change: dict[str, object], words: str, tmp_path: Path
) -> None:
    """The error names the file and the fix."""
    told = {
        "segment_duration_ms": 3000, "bitrates_kbps": [1, 2, 3], "segment_sizes_bits": [[8, 8, 8]],
    }  # fmt: skip
    path = tmp_path / "movie.json"
    path.write_text(json.dumps({**told, **change}))
    with pytest.raises(movie.MovieError, match=words):
        movie.load(path)
