"""What watching comes to: waiting, stalls, bitrates, switches and QoE, per session and together.

Folds over a run's event log; it never looks at a live player. Times are seconds, rates bit/s.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec

from cdn.player.abr.bola import GAMMA_P
from experiments.confidence import interval
from experiments.log import Event

STARTED, ENDED = "session_started", "session_ended"
OPENED, RECEIVED, ABANDONED = "ladder_read", "segment_received", "segment_abandoned"
PLAYING, STALLED, SOUGHT = "playback_started", "playback_stalled", "playback_sought"
PAUSED, UNPAUSED, OVER = "playback_paused", "playback_unpaused", "playback_ended"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One viewer's session in numbers.

    `startup_s` is from its beginning to the first frame, None if there was none. Stalls are
    those nobody asked for; what a seek made the viewer wait is `seeking_s`. `rebuffer_ratio` is
    the share of stalls in stalls and playing. `buffer_s` is the mean of what was buffered, and
    `in_buffer_s` how long a second of video waited there. `qoe_linear` and `qoe_log` are those of
    Yin et al. (2015) per segment: q(R) is R in Mbit/s, or ln(R / R_min); a switch costs the
    difference in q, and a second of stalls or start-up q(R_max). `utility` is what BOLA maximises
    (Spiteri et al. 2016): utility ln(R / R_min) and 5 for playing at all, both per segment's time,
    less as more of the session is waiting. `hits` is the share of segments
    that the nearest cache had, `behind_s` how far behind the live edge playback was on average.
    """

    client: str
    group: int
    abr: str
    ended: str
    segments: int
    bytes: int
    startup_s: float | None
    stalls: int
    stalled_s: float
    seeking_s: float
    played_s: float
    rebuffer_ratio: float
    bitrate: float
    switches: int
    abandoned: int
    wasted_bytes: int
    buffer_s: float
    in_buffer_s: float | None
    hits: float | None
    behind_s: float | None
    qoe_linear: float
    qoe_log: float
    utility: float


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A mean over sessions, and its 95 % interval's half-width; None if one tells of none."""

    mean: float
    half_width: float | None


class VideoMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """All sessions of a run: in how many nothing played, the means, and each of them."""

    sessions: int
    unplayed: int
    stalled: int
    means: dict[str, Estimate]
    each: list[Session]


MEANS = (
    "startup_s", "stalls", "stalled_s", "rebuffer_ratio", "bitrate", "switches", "abandoned",
    "buffer_s", "in_buffer_s", "hits", "behind_s", "qoe_linear", "qoe_log", "utility",
)  # fmt: skip
"""What is averaged over sessions."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who watches: a client of a group (from 1 on), by a rule."""

    client: str
    abr: str
    group: int = 1


def fold(events: Iterable[Event], viewers: Iterable[Viewer]) -> VideoMetrics | None:
    """Return the metrics of the sessions, in the order of `viewers`; None if there was none."""
    books: dict[str, _Book] = {}
    for event in events:
        if event.name == STARTED:
            books[event.host] = _Book(event.time)
        if event.host in books:
            books[event.host].note(event)
    each = [books[who.client].session(who) for who in viewers if who.client in books]
    return summarise(each) if each else None


def summarise(each: Sequence[Session]) -> VideoMetrics:
    """Return the metrics of these sessions, of which there is one at least."""
    return VideoMetrics(
        sessions=len(each),
        unplayed=sum(session.startup_s is None for session in each),
        stalled=sum(session.stalls > 0 for session in each),
        means={name: found for name in MEANS if (found := estimate(each, name)) is not None},
        each=list(each),
    )


def labelled(sessions: Sequence[Session]) -> dict[str, list[Session]]:
    """Return the sessions by rule, or by rule and group where groups share a rule."""
    rules = {each.group: each.abr for each in sessions}
    shared = len(set(rules.values())) < len(rules)
    found: dict[str, list[Session]] = {}
    for each in sessions:
        label = f"{each.group}: {each.abr}" if shared else each.abr
        found.setdefault(label, []).append(each)
    return found


def estimate(each: Iterable[Session], name: str) -> Estimate | None:
    """Return the mean of one number over those sessions that have it, None if none has."""
    values = [value for session in each if (value := getattr(session, name)) is not None]
    if not values:
        return None
    sure = interval(values)
    half_width = None if math.isinf(sure.half_width) else sure.half_width
    return Estimate(mean=sure.mean, half_width=half_width)


def qoe(qualities: Sequence[float], best: float, waited: float, switching: float = 1.0) -> float:
    """Return the QoE of Yin et al. (2015, equation 5) per segment.

    `qualities` are q(R_k) of the segments in order, `best` q(R_max), `waited` the seconds of
    stalls and start-up: mu and mu_s are both `best`, lambda is `switching`.
    """
    if not qualities:
        return -best * waited
    changes = sum(abs(after - before) for before, after in pairwise(qualities))
    return (sum(qualities) - switching * changes - best * waited) / len(qualities)


@dataclass(slots=True)
class _Book:
    """One session as it goes on: `since` when the state is what it is."""

    began: float
    now: float = 0.0
    state: str = STARTED
    paused: bool = False
    level: float = 0.0
    area: float = 0.0
    ended: str = "not ended"
    startup: float | None = None
    stalls: int = 0
    abandoned: int = 0
    wasted: int = 0
    bytes: int = 0
    lowest: float = 0.0
    highest: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)
    bitrates: list[float] = field(default_factory=list)
    durations: list[float] = field(default_factory=list)
    hits: list[bool] = field(default_factory=list)
    behind: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.began

    def note(self, event: Event) -> None:
        fields = event.fields
        if self.ended == "not ended":
            self._let_pass(event.time)
        match event.name:
            case "playback_started" | "playback_stalled" | "playback_sought" | "playback_ended":
                self._enter(event.name, event.time)
            case "playback_paused" | "playback_unpaused":
                self.paused = event.name == PAUSED
            case "ladder_read":
                self.lowest, self.highest = _number(fields["lowest"]), _number(fields["highest"])
            case "segment_received":
                self._receive(fields)
            case "segment_abandoned":
                self.abandoned += fields["instead"] is not None
                self.wasted += int(_number(fields["bytes"]))
            case "session_ended":
                self.ended = str(fields["reason"])

    def _let_pass(self, time: float) -> None:
        lasted, level = time - self.now, self.level
        if self.state == PLAYING and not self.paused:
            self.level = max(0.0, level - lasted)
        self.area += (level + self.level) / 2 * lasted
        self.now = time
        state = PAUSED if self.paused and self.state == PLAYING else self.state
        self.spent[state] = self.spent.get(state, 0.0) + lasted

    def _enter(self, state: str, time: float) -> None:
        if state == PLAYING and self.startup is None:
            self.startup = time - self.began
        self.stalls += state == STALLED
        self.state = state
        if state in (STALLED, SOUGHT):
            self.level = 0.0

    def _receive(self, fields: Mapping[str, str | float | None]) -> None:
        self.bitrates.append(_number(fields["bitrate"]))
        self.durations.append(_number(fields["duration"]))
        self.bytes += int(_number(fields["bytes"]))
        self.level = _number(fields["buffer"])
        if fields["hit"] is not None:
            self.hits.append(bool(fields["hit"]))
        if fields["behind"] is not None:
            self.behind.append(_number(fields["behind"]))

    def session(self, who: Viewer) -> Session:
        stalled, played = self.spent.get(STALLED, 0.0), self.spent.get(PLAYING, 0.0)
        startup = self.spent.get(STARTED, 0.0)
        lasted = self.now - self.began
        seconds = sum(self.durations)
        lowest, highest = self.lowest or 1.0, self.highest or 1.0
        linear = [rate / 1e6 for rate in self.bitrates]
        logarithms = [math.log(rate / lowest) for rate in self.bitrates]
        return Session(
            client=who.client,
            group=who.group,
            abr=who.abr,
            ended=self.ended,
            segments=len(self.bitrates),
            bytes=self.bytes,
            startup_s=self.startup,
            stalls=self.stalls,
            stalled_s=stalled,
            seeking_s=self.spent.get(SOUGHT, 0.0),
            played_s=played,
            rebuffer_ratio=stalled / (stalled + played) if stalled + played else 0.0,
            bitrate=_weighted(self.bitrates, self.durations),
            switches=sum(before != after for before, after in pairwise(self.bitrates)),
            abandoned=self.abandoned,
            wasted_bytes=self.wasted,
            buffer_s=self.area / lasted if lasted else 0.0,
            in_buffer_s=self.area / seconds if seconds else None,
            hits=_mean(self.hits),
            behind_s=_mean(self.behind),
            qoe_linear=qoe(linear, highest / 1e6, stalled + startup),
            qoe_log=qoe(logarithms, math.log(highest / lowest), stalled + startup),
            utility=_utility(_weighted(logarithms, self.durations), seconds, stalled + startup),
        )


def _utility(quality: float, seconds: float, waited: float) -> float:
    return (quality + GAMMA_P) * seconds / (seconds + waited) if seconds else 0.0


def _weighted(values: Sequence[float], weights: Sequence[float]) -> float:
    total = sum(weights)
    return sum(v * w for v, w in zip(values, weights, strict=True)) / total if total else 0.0


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _number(value: str | float | None) -> float:
    return float(value or 0)
