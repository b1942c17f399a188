"""Rules for choosing rates, side by side on many links and ladders: what is run, what it comes to.

It plans runs and sums them up; it runs nothing itself. All rules meet the same link, each on a link
of its own, so that differences between them can be paired.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cdn.loading import is_file
from experiments.capacity import find
from experiments.confidence import interval
from experiments.scenario import (
    Buffer,
    Clients,
    Duration,
    Network,
    Rate,
    Scenario,
    Server,
    Size,
    Video,
)
from experiments.video_metrics import Estimate, Session, estimate

LADDERS: Mapping[str, str] = {
    "three": "240p:400k,480p:1M,720p:2.5M",
    "six": "240p:300k,360p:750k,480p:1.2M,576p:1.85M,720p:2.85M,1080p:4.3M",
    "ten": "144p:230k,180p:331k,240p:477k,288p:688k,360p:991k,432p:1.427M,480p:2.056M,576p:2.962M,"
    "720p:5.027M,1080p:6M",
}
"""A short ladder, and two as long as those of the literature (Pensieve's and BOLA's rates)."""

COMPARED = ("qoe_linear", "qoe_log", "utility")
MEASURES = (*COMPARED, "bitrate", "rebuffer_ratio", "switches", "startup_s")
HORIZON = 4 * 3600.0
_BUFFER = Buffer()


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One rule on one ladder, or on all (None): means over link traces with 95 % intervals.

    `over` has, for each other rule, the mean of the paired differences in QoE: this rule's less
    that rule's on the same link and ladder.
    """

    ladder: str | None
    rule: str
    sessions: int
    means: dict[str, Estimate]
    over: dict[str, dict[str, Estimate]]


@dataclass(frozen=True)
class Contest:
    """Which rules meet which links with which ladders (by name), and how they watch."""

    rules: Sequence[str]
    traces: Sequence[str]
    ladders: Mapping[str, str]
    duration: float = 180.0
    segment: float = 4.0
    buffer: Buffer = _BUFFER
    seed: int = 1
    movie: str | None = None

    def scenarios(self) -> list[Scenario]:
        """Return one scenario per link trace and ladder: a client of each rule."""
        return [self._scenario(ladder, trace) for ladder in self.ladders for trace in self.traces]

    def name(self, ladder: str, trace: str) -> str:
        """Return what the run of a ladder on a trace is called; files may share a name."""
        return f"{ladder}-{self.traces.index(trace) + 1:02}-{Path(trace).stem}"

    def _scenario(self, ladder: str, trace: str) -> Scenario:
        link = find(trace)
        clients = [
            Clients(count=1, down=Rate(link.rates[0]), trace=trace, abr=rule) for rule in self.rules
        ]
        return Scenario(
            name=self.name(ladder, trace),
            model="video-server",
            seed=self.seed,
            horizon=Duration(HORIZON),
            server=Server(up=Rate(math.inf)),
            clients=clients,
            network=Network(rtt=Duration(link.latency or 0.04), segment=Size(16 * 1024)),
            video=Video(
                ladder=self.ladders[ladder],
                movie=self.movie,
                duration=Duration(self.duration),
                segment=Duration(self.segment),
                buffer=self.buffer,
            ),
        )

    def rows(self, done: Mapping[str, Sequence[Session]]) -> list[Row]:
        """Return a row per ladder and rule, then one per rule over all ladders.

        `done` has the sessions of each run that is there, by the scenario's name.
        """
        by_ladder = {
            ladder: [
                done[name] for trace in self.traces if (name := self.name(ladder, trace)) in done
            ]
            for ladder in self.ladders
        }
        rows = [row for ladder, runs in by_ladder.items() for row in self._rows(ladder, runs)]
        if len(by_ladder) > 1:
            rows += self._rows(None, [run for runs in by_ladder.values() for run in runs])
        return rows

    def _rows(self, ladder: str | None, runs: Sequence[Sequence[Session]]) -> list[Row]:
        """Return a row per rule; each run has a session per rule, in their order."""
        by_rule = {
            short(rule): [run[place] for run in runs] for place, rule in enumerate(self.rules)
        }
        return [
            Row(
                ladder=ladder,
                rule=rule,
                sessions=len(own),
                means=_means(own),
                over={
                    other: _differences(own, theirs)
                    for other, theirs in by_rule.items()
                    if other != rule
                },
            )
            for rule, own in by_rule.items()
            if own
        ]


def short(rule: str) -> str:
    """Return what a rule is called in a table."""
    return rule.rpartition("/")[2] if is_file(rule) else rule


def _means(own: Sequence[Session]) -> dict[str, Estimate]:
    return {name: found for name in MEASURES if (found := estimate(own, name)) is not None}


def _differences(own: Sequence[Session], theirs: Sequence[Session]) -> dict[str, Estimate]:
    found = {}
    for name in COMPARED:
        sure = interval(
            [getattr(a, name) - getattr(b, name) for a, b in zip(own, theirs, strict=True)]
        )
        half_width = None if math.isinf(sure.half_width) else sure.half_width
        found[name] = Estimate(mean=sure.mean, half_width=half_width)
    return found
