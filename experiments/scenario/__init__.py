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
    Outage,
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
    Regular,
    Timetable,
)
from experiments.quantities import Duration, Rate, Size
from experiments.scenario.checks import problems
from experiments.scenario.delivery import Catalogue, Cdn, Demand
from experiments.scenario.reading import ScenarioError, load, parse, read
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
from experiments.scenario.sharing import Viewers
from experiments.scenario.streaming import Behaviour, Buffer, ChangingLink, Pause, Quit, Seek, Video
from experiments.scenario.writing import to_toml

__all__ = [
    "AfterSeeding",
    "Arrival",
    "Behaviour",
    "Buffer",
    "Catalogue",
    "Cdn",
    "ChangingLink",
    "Clients",
    "Content",
    "Crash",
    "Crashes",
    "Demand",
    "Departure",
    "Duration",
    "Edges",
    "Fault",
    "FlashCrowd",
    "Freeze",
    "Leave",
    "Network",
    "Never",
    "OnCompletion",
    "Outage",
    "Partition",
    "Pause",
    "Peers",
    "Poisson",
    "Quit",
    "Rate",
    "Regular",
    "Scenario",
    "ScenarioError",
    "Seek",
    "Server",
    "Size",
    "SlowLink",
    "Timetable",
    "TrackerOutage",
    "Video",
    "Viewers",
    "WebSeed",
    "load",
    "parse",
    "problems",
    "read",
    "to_toml",
]  # fmt: skip
