"""Swarms under every fault a scenario can name: those who remain end with the right bytes."""

from __future__ import annotations

import gzip
import json
from typing import Any

from experiments import runner
from experiments.runner import Outcome
from experiments.scenario import (
    Clients,
    Content,
    Crashes,
    Duration,
    Fault,
    Freeze,
    Leave,
    Network,
    Partition,
    Rate,
    Scenario,
    Server,
    Size,
    TrackerOutage,
)

MIB = 2**20


def run(clients: int, faults: list[Fault], *, trackers: int = 1, size: int = 4 * MIB) -> Outcome:
    """Run a swarm of 10 Mb/s uplinks with `faults`."""
    return runner.run(
        Scenario(
            name="faults",
            model="p2p",
            horizon=Duration(1800),
            content=Content(size=Size(size)),
            server=Server(up=Rate(20e6)),
            clients=[Clients(count=clients)],
            network=Network(segment=Size(32 * 1024)),
            trackers=trackers,
            faults=faults,
        )
    )


def events(outcome: Outcome, *names: str) -> list[dict[str, Any]]:
    """Return the events of these names."""
    lines = (json.loads(line) for line in gzip.decompress(outcome.events).splitlines())
    return [line for line in lines if line["event"] in names]


def test_three_in_ten_crash_without_a_tracker_and_nobody_else_loses_anything() -> None:
    """The tracker is down from the first second on; every survivor has the right bytes."""
    outcome = run(
        20,
        [
            TrackerOutage(at=Duration(0.5), lasts=Duration(30)),
            Crashes(at=Duration(0.6), lasts=Duration(2), share=0.3),
        ],
    )
    crashed = {event["host"] for event in events(outcome, "host_crashed")}
    served = {event["host"] for event in events(outcome, "delivery_completed")}
    assert (len(crashed), len(served), outcome.failures) == (6, 14, [])
    assert not crashed & served


def test_a_tracker_that_was_killed_comes_back_where_it_was() -> None:
    """It starts anew on the same port, and peers that announce again find it."""
    outage = TrackerOutage(at=Duration(0.2), lasts=Duration(1))
    slow = Partition(at=Duration(0.5), lasts=Duration(100), hosts=["client-1"])
    outcome = run(4, [outage, slow])
    told = events(outcome, "process_stopped", "process_started", "peer_announced")
    back = next(event["t"] for event in told if event["event"] == "process_started")
    assert any(event["event"] == "peer_announced" and event["t"] > back for event in told)
    assert len(outcome.times) == 4


def test_a_second_tracker_stands_in_for_the_first() -> None:
    """With the first down from the beginning, peers meet at the second."""
    outage = TrackerOutage(at=Duration(0), lasts=Duration(60))
    assert run(4, [outage], trackers=2).times[-1] < 10


def test_a_partition_heals_and_everybody_finishes() -> None:
    """Half the peers are cut off from the seed; nothing reaches them meanwhile."""
    island = [f"client-{i}" for i in range(1, 6)]
    outcome = run(10, [Partition(at=Duration(1), lasts=Duration(20), hosts=island)])
    assert len(outcome.times) == 10
    inside = [e for e in events(outcome, "chunk_received") if e["host"] in island]
    during = [e for e in inside if 2.5 < e["t"] < 20.5]
    assert all(event["source"] in island for event in during)
    assert any(event["t"] > 21 for event in inside)


def test_two_partitions_may_overlap() -> None:
    """Healing one leaves what the other separates."""
    outcome = run(
        6,
        [
            Partition(at=Duration(1), lasts=Duration(5), hosts=["client-1", "client-2"]),
            Partition(at=Duration(2), lasts=Duration(20), hosts=["client-2", "client-3"]),
        ],
    )
    assert len(outcome.times) == 6
    late = {e["host"] for e in events(outcome, "delivery_completed") if e["t"] > 21}
    assert late == {"client-2", "client-3"}


def test_a_frozen_neighbour_holds_nobody_up_for_good() -> None:
    """It answers nothing for a minute, keeps its connections, and finishes when it is back."""
    outcome = run(8, [Freeze(at=Duration(1), lasts=Duration(60), host="client-4")])
    done = {e["host"]: e["t"] for e in events(outcome, "delivery_completed")}
    assert len(done) == 8
    assert max(done, key=done.__getitem__) == "client-4"


def test_a_client_that_leaves_early_is_not_waited_for() -> None:
    """It says goodbye, and is neither served nor a failure."""
    outcome = run(4, [Leave(host="client-2", at=Duration(1))])
    assert (len(outcome.times), outcome.failures) == (3, [])
