"""What one run is asked to do: hosts, links, content, model and faults, as one typed value.

Reads and writes TOML and refuses what cannot be run; it starts nothing and knows no network.
"""

from __future__ import annotations

from experiments.faults import (
    Crash,
    Crashes,
    Fault,
    Freeze,
    Leave,
    Partition,
    SlowLink,
    TrackerOutage,
)
from experiments.population import (
    AfterSeeding,
    Arrival,
    Departure,
    FlashCrowd,
    Never,
    OnCompletion,
    Poisson,
    Timetable,
)
from experiments.quantities import Duration, Rate, Size
from experiments.scenario.checks import problems
from experiments.scenario.reading import ScenarioError, load, parse
from experiments.scenario.sections import (
    Clients,
    Content,
    Edges,
    Network,
    Peers,
    Scenario,
    Server,
    WebSeed,
)
from experiments.scenario.writing import to_toml

__all__ = [
    "AfterSeeding", "Arrival", "Clients", "Content", "Crash", "Crashes", "Departure", "Duration",
    "Edges", "Fault", "FlashCrowd", "Freeze", "Leave", "Network", "Never", "OnCompletion",
    "Partition", "Peers", "Poisson", "Rate", "Scenario", "ScenarioError", "Server", "Size",
    "SlowLink", "Timetable", "TrackerOutage", "WebSeed", "load", "parse", "problems", "to_toml",
]  # fmt: skip
