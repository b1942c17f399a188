"""`swarmbed cache`: what it prints, draws and refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.cache_figures import miss_ratios, short_size
from experiments.cli.cache import cache
from experiments.cli.errors import CommandError

COMMAND = [sys.executable, "-c", "from experiments.cli import main; raise SystemExit(main())"]
FIELDS = {
    "policy", "admission", "size", "requests", "hits", "hit_ratio", "bytes", "hit_bytes",
    "byte_hit_ratio", "evictions", "refused", "requests_per_s", "che_hit_ratio",
}  # fmt: skip
TRACE = "time,object,size\n0,a,10\n1,b,20\n2,a,10\n3,c,30\n4,b,20\n"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Return a trace of five requests for 60 bytes of objects."""
    path = tmp_path / "trace.csv"
    path.write_text(TRACE)
    return path


def test_json_has_a_row_per_size_and_policy(
    trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sizes ascend; a share is of the bytes of all objects; only data is on stdout."""
    assert cache(trace, policy="lru,belady", size="100%,50%,10", json=True) == 0
    out, talk = capsys.readouterr()
    rows = json.loads(out)
    assert all(set(row) == FIELDS for row in rows)
    assert [(row["size"], row["policy"], row["hits"]) for row in rows] == [
        (10, "lru", 1), (10, "belady", 1), (30, "lru", 1), (30, "belady", 1),
        (60, "lru", 2), (60, "belady", 2),
    ]  # fmt: skip
    assert all(row["che_hit_ratio"] is None for row in rows)
    about, *notes = talk.splitlines()
    assert about == "5 requests for 3 objects of 0.0 MB in all"
    assert [note.split()[1:4] for note in notes] == [
        ["lru", "refused", "3"], ["belady", "refused", "3"],
    ]  # fmt: skip


def test_the_table_has_che_beside_lru(capsys: pytest.CaptureFixture[str]) -> None:
    """For Zipf demand, and nothing else beside other policies."""
    cache(zipf=0.9, objects=1000, requests=20_000, policy="lru,sieve", quiet=True)
    out, talk = capsys.readouterr()
    assert "by Che" in out
    lru, sieve = (
        next(line.split() for line in out.splitlines() if f" {name} " in line)
        for name in ("lru", "sieve")
    )
    assert abs(float(lru[3]) - float(lru[4])) < 0.01
    assert len(lru) == len(sieve) + 1
    assert talk == ""


def test_the_figure_is_drawn(trace: Path, tmp_path: Path) -> None:
    """In the form its name asks for, and the same each time."""
    pictures = []
    for name in ("miss.svg", "again/miss.svg", "miss.png"):
        cache(trace, size="20%,100%", figure=tmp_path / name, quiet=True, json=True)
        pictures.append((tmp_path / name).read_bytes())
    assert pictures[0] == pictures[1]
    assert pictures[0].startswith(b"<?xml")
    assert pictures[2].startswith(b"\x89PNG")


def test_as_many_curves_as_there_are_policies() -> None:
    """More than there are colours."""
    curves = {f"policy-{n}": [(10, n / 20), (1000, n / 30)] for n in range(14)}
    assert set(miss_ratios(curves, caption="")) == {"png", "svg"}


@pytest.mark.parametrize(
    ("size", "text"), [(7, "7 B"), (65_362_806, "65.4 MB"), (2 * 10**9, "2 GB"), (1500, "1.5 kB")]
)
def test_sizes_are_short(size: int, text: str) -> None:
    """Three digits and a unit."""
    assert short_size(size) == text


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({}, "give a TRACE, or --zipf 0.9 to draw one"),
        ({"zipf": 0.9, "trace": Path("x")}, "give a TRACE, or --zipf"),
        ({"trace": Path("none.csv")}, "none.csv: No such file"),
        ({"zipf": 0.9, "policy": "lur"}, "--policy: no policy 'lur'; did you mean 'lru'?"),
        ({"zipf": 0.9, "policy": ","}, "--policy: name at least one"),
        ({"zipf": 0.9, "size": "1GB,x"}, "--size: 'x' is not a size"),
        ({"zipf": 0.9, "size": "0%"}, "--size: '0%' is no size"),
        ({"zipf": 0.9, "size": ","}, "--size: ',' is no size"),
        ({"zipf": 0.9, "admission": "no"}, "--admission: no admission 'no'"),
        ({"zipf": -1.0}, "--zipf: -1.0 is not from 0"),
        ({"zipf": 0.9, "objects": 0}, "--objects: 0 is not from 1"),
        ({"zipf": 0.9, "requests": 0}, "--requests: 0 is not from 1"),
        ({"zipf": 0.9, "object_size": "big"}, "--object-size: 'big' is not a size"),
        ({"zipf": 0.9, "figure": Path("x.pdf")}, "--figure: x.pdf must end in .png or .svg"),
    ],
)
def test_what_cannot_be_done_is_refused(options: dict[str, object], fault: str) -> None:
    """With the option and the fix, before anything is replayed."""
    small: dict[str, object] = {"objects": 10, "requests": 10, "quiet": True}
    with pytest.raises(CommandError) as error:
        cache(**{**small, **options})  # type: ignore[arg-type] # a table of options
    assert fault in str(error.value)


def test_the_command_line_reads_its_options(trace: Path) -> None:
    """In a process of its own: exit code 0, and 2 for what is wrong."""

    def swarmbed(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, "cache", *arguments], capture_output=True, text=True, check=False, timeout=60
        )

    done = swarmbed(str(trace), "--policy", "fifo", "--size", "50%", "--json", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert [row["size"] for row in json.loads(done.stdout)] == [30]
    done = swarmbed(str(trace), "--size", "much")
    assert done.returncode == 2
    assert "--size: 'much' is not a size" in done.stderr
