"""The command line in processes of its own: what it prints where, and its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.cli import demo

COMMAND = [sys.executable, "-c", "from experiments.cli import main; raise SystemExit(main())"]
SMALL = ["compare", "--size", "256KiB", "--clients", "1,3", "--models", "client-server,cdn-pull"]
FIELDS = {
    "model", "clients", "seed", "first_s", "median_s", "p95_s", "last_s", "server_bytes",
    "edge_bytes", "peer_bytes", "bound_s", "ratio", "offload", "valid", "digest", "wall_s",
}  # fmt: skip


def swarmbed(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in `cwd` and return what it said."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=100
    )


def test_compare_prints_exactly_the_promised_json(tmp_path: Path) -> None:
    """One object per model and N on stdout, the talk on stderr, and the directory in place."""
    done = swarmbed(*SMALL, "--json", "--out", "out", cwd=tmp_path)
    rows = json.loads(done.stdout)
    assert done.returncode == 0
    assert all(set(row) == FIELDS for row in rows)
    assert [(row["model"], row["clients"]) for row in rows] == [
        ("client-server", 1), ("client-server", 3), ("cdn-pull", 1), ("cdn-pull", 3),
    ]  # fmt: skip
    assert "figure" in done.stderr
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {
        "delivery-time.png", "completion-cdf.png",
    }  # fmt: skip
    assert json.loads((tmp_path / "out/manifest.json").read_text())["state"] == "complete"


def test_results_do_not_depend_on_the_number_of_jobs(tmp_path: Path) -> None:
    """One process or two: the same digests, and the same figures byte for byte."""
    one = swarmbed(*SMALL, "--json", "--quiet", "--jobs", "1", "--out", "one", cwd=tmp_path)
    two = swarmbed(*SMALL, "--json", "--quiet", "--jobs", "2", "--out", "two", cwd=tmp_path)
    digests = [[row["digest"] for row in json.loads(done.stdout)] for done in (one, two)]
    assert digests[0] == digests[1]
    assert one.stderr == two.stderr == ""
    for figure in ("delivery-time.png", "completion-cdf.svg"):
        pair = [(tmp_path / out / figure).read_bytes() for out in ("one", "two")]
        assert pair[0] == pair[1]


def test_a_real_file_is_delivered(tmp_path: Path) -> None:
    """`--file` names the bytes; the table names the models."""
    (tmp_path / "some file.bin").write_bytes(os.urandom(300_000))
    done = swarmbed(
        "compare", "--file", "some file.bin", "--clients", "2", "--models", "cdn-push",
        "--quiet", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0
    assert "cdn-push" in done.stdout
    assert "last ÷ bound" in done.stdout


def test_every_run_reports_whether_its_links_kept_their_rates(tmp_path: Path) -> None:
    """In full for one run, in a line for several, and in the results directory for each."""
    (tmp_path / "one.toml").write_text(
        'name = "one"\nmodel = "client-server"\n[content]\nsize = "1MiB"\n'
        '[server]\nup = "10Mbps"\n[[clients]]\ncount = 2\n'
    )
    one = swarmbed("run", "one.toml", "--quiet", cwd=tmp_path)
    assert "uplink       10.000 of 10.000 Mbit/s (100.0 %), busy " in one.stdout
    several = swarmbed(*SMALL, "--server-up", "10Mbps", "--out", "out", "--quiet", cwd=tmp_path)
    assert "links    kept their rates: uplink 100.0 %" in several.stdout
    kept = json.loads(
        (tmp_path / "results/one/runs/client-server-0002.calibration.json").read_text()
    )
    assert kept["rates"][0]["asked_bps"] == pytest.approx(10e6)
    assert len(list((tmp_path / "out/runs").glob("*.calibration.json"))) == 4


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compare", "--up", "10"], "--up: '10' is not a rate; write 10Mbps"),
        (["compare", "--size", "1Mb"], "--size: '1Mb' is not a size"),
        (["compare", "--clients", "1,x"], "--clients: '1,x' is not a list like 1,5,20"),
        (["compare", "--clients", "0"], "--clients: 0 is below 1"),
        (["compare", "--models", "p3p"], "--models: no model 'p3p'; one of client-server"),
        (["compare", "--file", "absent"], "--file: there is no file"),
        (["compare", "--sizes", "1MiB"], "Did you mean --size?"),
        (["compare", "--jobs", "0"], "--jobs: 0 is below 1"),
        (["run", "absent"], "no scenario that ships: cdn-cold-warm, "),
        (["fetch", "absent.manifest"], "absent.manifest"),
        (["get", "ftp://x/y"], "ftp://x/y"),
        (["seed", "absent.bin"], "absent.bin"),
        (["origin", "absent"], "absent is not a directory"),
        (["fetch", "x", "--tracker", "nowhere"], "--tracker: 'nowhere' is not HOST:PORT"),
    ],
)
def test_usage_errors_exit_2_and_name_the_fix(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    """Nothing starts, nothing is written, stdout stays empty."""
    done = swarmbed(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []


def test_a_scenario_error_names_file_and_key(tmp_path: Path) -> None:
    """`run` refuses before anything starts."""
    (tmp_path / "bad.toml").write_text('name = "x"\nmodel = "p2p"\nsede = 3\n')
    done = swarmbed("run", "bad.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "bad.toml: sede: unknown key; did you mean 'seed'?" in done.stderr


def test_a_run_that_serves_nobody_exits_1(tmp_path: Path) -> None:
    """The failures are named, the results kept and marked."""
    (tmp_path / "short.toml").write_text(
        'name = "short"\nmodel = "client-server"\nhorizon = "100ms"\n'
        '[content]\nsize = "1MiB"\n[[clients]]\ncount = 1\n'
    )
    done = swarmbed("run", "short.toml", cwd=tmp_path)
    assert done.returncode == 1
    assert "client-1: not served before the horizon" in done.stderr
    manifest = json.loads((tmp_path / "results/short/manifest.json").read_text())
    assert manifest["state"] == "failed"


def test_a_strangers_directory_is_refused(tmp_path: Path) -> None:
    """`--out` never deletes what is not ours."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years")
    done = swarmbed(*SMALL, "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert (tmp_path / "out" / "thesis.tex").exists()


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path) -> None:
    """130, a manifest that says interrupted, and the rows that were done."""
    process = subprocess.Popen(
        [*COMMAND, "compare", "--size", "16MiB", "--clients", "1,900", "--models",
         "client-server", "--jobs", "1", "--out", "out", "--json"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert "N = 1:" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert [row["clients"] for row in json.loads(stdout)] == [1]
    assert json.loads((tmp_path / "out/manifest.json").read_text())["state"] == "interrupted"


def test_help_is_quick_because_it_imports_little(tmp_path: Path) -> None:
    """`--help` needs neither the figures nor the network; that is what keeps it under 0.3 s."""
    script = (
        "import sys\nfrom experiments.cli import main\nsys.argv = ['swarmbed', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'matplotlib', 'trio', 'networkx', 'msgspec', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert "compare" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_doctor_finds_this_machine_fit(tmp_path: Path) -> None:
    """Where the suite runs, experiments run."""
    done = swarmbed("doctor", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert all({"check", "ok", "detail"} == set(row) for row in json.loads(done.stdout))


def test_the_demo_finds_a_real_file() -> None:
    """At least 5 MB, on any machine with Python and our dependencies."""
    assert demo.real_file().stat().st_size >= 5_000_000
