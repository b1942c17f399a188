"""Whole runs in virtual time: against the bounds, under faults, and twice."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys

import pytest

from experiments import bounds, runner
from experiments.scenario import (
    Clients,
    Content,
    Crash,
    Duration,
    Edges,
    Fault,
    Network,
    Rate,
    Scenario,
    Size,
    SlowLink,
)

MIB = 2**20
MODELS = ("client-server", "p2p", "cdn-pull", "hybrid", "cdn-push")


def scenario(
    model: str,
    clients: int,
    *,
    size: int = 4 * MIB,
    seed: int = 1,
    horizon: float = 3600,
    faults: list[Fault] | None = None,
) -> Scenario:
    """Return a scenario on the default map, with a smaller file."""
    return Scenario(
        name="test",
        model=model,
        seed=seed,
        horizon=Duration(horizon),
        content=Content(size=Size(size)),
        clients=[Clients(count=clients)],
        faults=faults or [],
    )


@pytest.mark.parametrize("clients", [1, 5, 20])
def test_client_server_meets_its_bound(clients: int) -> None:
    """Within 2 % of max{ N F / u_s, F / d_min } plus the set-up time of one download."""
    got = runner.run(scenario("client-server", clients, size=16 * MIB)).metrics
    setup = bounds.setup_time(0.04, 50e6 / clients, 16 * MIB)
    assert got.last_s == pytest.approx(got.bound_s + setup, rel=0.02)
    assert got.valid


@pytest.mark.parametrize(("model", "most"), [("cdn-push", 1.05), ("cdn-pull", 1.20)])
@pytest.mark.parametrize("clients", [5, 20])
def test_a_cdn_meets_its_bound(model: str, most: float, clients: int) -> None:
    """Warm within 5 % of the bound, cold within 20 %."""
    got = runner.run(scenario(model, clients, size=16 * MIB)).metrics
    assert got.ratio is not None
    assert 1 <= got.ratio <= most


def test_p2p_comes_near_its_bound() -> None:
    """Twenty peers, whose uplinks do most of the work."""
    got = runner.run(scenario("p2p", 20, size=8 * MIB)).metrics
    assert got.ratio is not None
    assert 1 <= got.ratio <= 1.7
    assert got.peer_bytes > got.server_bytes


@pytest.mark.parametrize("model", MODELS)
def test_everyone_gets_the_file_whatever_the_model(model: str) -> None:
    """Each client's copy has the file's SHA-256, never sooner than the bound allows."""
    outcome = runner.run(scenario(model, 7, size=MIB + 1))
    assert len(outcome.times) == 7
    assert outcome.failures == []
    assert outcome.times[-1] >= outcome.metrics.bound_s


def test_a_pull_fetches_once_per_edge() -> None:
    """Twelve clients at four cold edges cost the origin four files, not twelve."""
    got = runner.run(scenario("cdn-pull", 12)).metrics
    assert 4 <= got.server_bytes / (4 * MIB) < 4.05
    assert 12 <= got.edge_bytes / (4 * MIB) < 12.05


@pytest.mark.parametrize("model", MODELS)
def test_a_run_without_distance_is_possible(model: str) -> None:
    """With no delay at all every model still ends."""
    asked = scenario(model, 3, size=MIB)
    near = Network(rtt=Duration(0))
    outcome = runner.run(
        Scenario(
            name="near", model=model, content=asked.content, clients=asked.clients, network=near,
            edges=Edges(count=1, up=Rate(5e6)),
        )
    )  # fmt: skip
    assert len(outcome.times) == 3


def test_a_crashed_client_is_not_waited_for() -> None:
    """The others are served; the crash is in the log."""
    crash = Crash(at=Duration(0.5), host="client-2")
    outcome = runner.run(scenario("client-server", 4, faults=[crash]))
    assert len(outcome.times) == 3
    assert outcome.failures == []


def test_a_client_may_crash_before_it_has_begun() -> None:
    """A crash while the peer starts is a crash like any other."""
    outcome = runner.run(scenario("p2p", 4, faults=[Crash(at=Duration(0), host="client-1")]))
    assert (len(outcome.times), outcome.failures) == (3, [])


def test_a_swarm_survives_crashes() -> None:
    """Two of eight peers fail while chunks are under way; six finish."""
    faults: list[Fault] = [
        Crash(at=Duration(0.8), host="client-2"),
        Crash(at=Duration(1.2), host="client-5"),
    ]
    outcome = runner.run(scenario("p2p", 8, faults=faults))
    assert len(outcome.times) == 6


def test_a_server_that_crashes_serves_nobody() -> None:
    """Every client gives up, and says so."""
    crash = Crash(at=Duration(0.5), host="server")
    outcome = runner.run(scenario("client-server", 3, faults=[crash], horizon=900))
    assert outcome.times == []
    assert len(outcome.failures) == 3


def test_a_slowed_link_is_felt() -> None:
    """Half the uplink from half-way on: half as long again."""
    plain = runner.run(scenario("client-server", 5))
    slow = SlowLink(at=Duration(plain.times[-1] / 2), host="server", up=Rate(25e6))
    slowed = runner.run(scenario("client-server", 5, faults=[slow]))
    assert slowed.times[-1] == pytest.approx(1.5 * plain.times[-1], rel=0.02)


def test_the_horizon_ends_a_run() -> None:
    """Who is not served by then has failed."""
    outcome = runner.run(scenario("client-server", 3, horizon=0.5))
    assert outcome.times == []
    assert outcome.failures[0] == "client-1: not served before the horizon"


DIGEST = """
import sys
from experiments import runner
from experiments.scenario import Clients, Content, Scenario, Size
asked = Scenario(
    name="twice", model=sys.argv[1], seed=int(sys.argv[2]),
    content=Content(size=Size(2**20)), clients=[Clients(count=8)],
)
print(runner.run(asked).metrics.digest)
"""


def digest(model: str, seed: int, hash_seed: str) -> str:
    """Return the event log's digest of a run in a plain process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", DIGEST, model, str(seed)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("model", ["p2p", "cdn-pull"])
def test_a_seed_is_a_whole_history(model: str) -> None:
    """Two processes with different hash seeds record the same events; another seed, others."""
    first, second = digest(model, 1, "1"), digest(model, 1, "4242")
    assert first == second != digest(model, 2, "1")
    assert len(first) == 64


def test_the_log_says_what_was_served() -> None:
    """One delivery per client, with size and hash."""
    outcome = runner.run(scenario("client-server", 2, size=MIB))
    lines = [json.loads(line) for line in gzip.decompress(outcome.events).splitlines()]
    served = [line for line in lines if line["event"] == "delivery_completed"]
    assert [(line["bytes"], len(line["sha256"])) for line in served] == [(MIB, 64), (MIB, 64)]
