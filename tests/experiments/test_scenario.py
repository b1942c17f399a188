"""Scenarios: what is read, what is refused, and how the refusal helps."""

from __future__ import annotations

import math
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from experiments import scenario as scenarios
from experiments.models import models
from experiments.scenario import Clients, Content, Crash, Rate, Scenario, ScenarioError, Size

MODELS = tuple(models())
LIBRARY = sorted(
    entry.name
    for entry in (resources.files("experiments") / "scenarios").iterdir()
    if entry.name.endswith(".toml")
)
SMALL = """
name = "small"
model = "p2p"
[content]
size = "1MiB"
[[clients]]
count = 3
up = "5Mbps"
"""


def read(text: str) -> Scenario:
    """Parse `text` as the file small.toml."""
    return scenarios.parse(tomllib.loads(text), MODELS, source="small.toml")


def test_what_is_not_said_has_a_default() -> None:
    """A scenario needs a name, a model, content and clients; the rest is the usual case."""
    assert read(SMALL) == Scenario(
        name="small",
        model="p2p",
        content=Content(size=Size(2**20)),
        clients=[Clients(count=3, up=Rate(5e6))],
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("up =", "upp ="), "clients[0].upp: unknown key; did you mean 'up'?"),
        (("model =", "modell ="), "modell: unknown key; did you mean 'model'?"),
        (("size =", "sise ="), "content.sise: unknown key; did you mean 'size'?"),
        (('"5Mbps"', '"5MiB"'), "clients[0].up: '5MiB' is not a rate: unknown unit 'MiB'"),
        (('"5Mbps"', "5"), "clients[0].up: 5 has no unit; write it in quotes"),
        (('"1MiB"', '"0MiB"'), "content.size: '0MiB' is not a size above zero"),
        (("count = 3", "count = 0"), "clients[0].count: 0 is below 1"),
        (("count = 3", "count = 20000"), "clients: 20000 clients are more than"),
        (('"p2p"', '"p3p"'), "model: no model 'p3p'; one of client-server, p2p"),
        (('size = "1MiB"', ""), "content: give either file or size"),
        (('size = "1MiB"', 'file = "absent.bin"'), "content.file: there is no file"),
        (('size = "1MiB"', 'size = "1MiB"\nchunk_size = "1B"'), "content.chunk_size: must be"),
        (
            ("count = 3", "count = 3\naccess = { dsl = 0.5 }"),
            "clients[0].access: the shares add up to",
        ),
        (
            ("count = 3", "count = 3\naccess = { isdn = 1.0 }"),
            "clients[0].access.isdn: no such line",
        ),
        (
            ("count = 3", 'count = 3\narrival = { kind = "trace", times = ["1s"] }'),
            "clients[0].arrival.times: 1 times for 3 clients",
        ),
        (
            ("count = 3", 'count = 3\narrival = { kind = "poisson", mean_gap = "0s" }'),
            "clients[0].arrival.mean_gap: must be longer than 0s",
        ),
        (("count = 3", "count = 3\n[edges]\ncount = 0"), "edges.count: 0 is not between"),
        (("count = 3", "count = 3\n[network]\nrtt = '4'"), "network.rtt: '4' is not a duration"),
    ],
)
def test_a_refusal_names_file_key_and_fix(change: tuple[str, str], says: str) -> None:
    """Every error begins with the file, then the key's path, then what to write."""
    with pytest.raises(ScenarioError) as caught:
        read(SMALL.replace(*change))
    assert f"small.toml: {says}" in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ('kind = "crash"\nat = "1s"\nhost = "client-33"', "did you mean 'client-3'?"),
        ('kind = "crash"\nat = "1s"\nhost = "moon"', "hosts are server, tracker, edge-1 to edge-4"),
        ('kind = "crash"\nat = "25h"\nhost = "server"', "faults[0].at: comes after the horizon"),
        ('kind = "slow-link"\nat = "1s"\nhost = "server"', "faults[0]: a slow-link needs up or"),
        ('kind = "crashes"\nat = "1s"\nlasts = "1s"\nshare = 2.0', "share: 2 is not above 0"),
        ('kind = "partition"\nat = "1s"\nhosts = []', "hosts: a partition needs at least one"),
        ('kind = "partition"\nat = "1s"\nhosts = ["moon"]', "hosts[0]: no host 'moon'"),
        (
            'kind = "tracker-outage"\nat = "1s"\nlasts = "1s"\nhost = "server"',
            "faults[0].host: 'server' is no tracker; one of tracker",
        ),
        ('kind = "freeze"\nat = "1s"\nlast = "1s"\nhost = "server"', "did you mean 'lasts'?"),
        ('kind = "flood"\nat = "1s"\nhost = "server"', "faults[0].kind: Invalid value 'flood'"),
    ],
)
def test_an_impossible_fault_is_refused(fault: str, says: str) -> None:
    """Faults name hosts that exist, times within the horizon, and a change."""
    with pytest.raises(ScenarioError) as caught:
        read(f"{SMALL}\n[[faults]]\n{fault}")
    assert says in str(caught.value)


def test_faults_are_told_apart_by_kind() -> None:
    """`kind` decides the fault's type."""
    text = f'{SMALL}\n[[faults]]\nkind = "crash"\nat = "1s"\nhost = "client-2"'
    assert read(text).faults == [Crash(at=scenarios.Duration(1), host="client-2")]


@pytest.mark.parametrize("name", LIBRARY)
def test_the_library_is_runnable_and_survives_writing(name: str) -> None:
    """Each scenario that ships is accepted, and its resolved form reads back as the same."""
    with resources.as_file(resources.files("experiments") / "scenarios" / name) as path:
        scenario = scenarios.load(path, MODELS)
    written = scenarios.to_toml(scenario)
    assert scenarios.parse(tomllib.loads(written), MODELS, source="written") == scenario


def test_unlimited_survives_writing() -> None:
    """Infinity is written as the word for it."""
    again = read(scenarios.to_toml(read(SMALL)))
    assert again.server.down == math.inf


def test_a_file_is_looked_for_beside_the_scenario(tmp_path: Path) -> None:
    """A relative `content.file` does not depend on where the command is run."""
    (tmp_path / "data.bin").write_bytes(b"x" * 2000)
    path = tmp_path / "small.toml"
    path.write_text(SMALL.replace('size = "1MiB"', 'file = "data.bin"'))
    assert scenarios.load(path, MODELS).content.file == str(tmp_path / "data.bin")


@pytest.mark.parametrize(
    ("text", "says"), [("name = ", "not TOML"), (None, "No such file or directory")]
)
def test_an_unreadable_file_is_named(tmp_path: Path, text: str | None, says: str) -> None:
    """Broken TOML and absent files are errors about that file."""
    path = tmp_path / "broken.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ScenarioError, match=f"broken.toml: .*{says}"):
        scenarios.load(path, MODELS)
