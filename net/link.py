"""A link: one direction of a wire, shared fairly by the flows that cross it.

It serves one segment at a time at its rate, in start-time fair-queueing order (Goyal, Vin and
Cheng, SIGCOMM 1996). It knows neither connections nor where a segment goes next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Protocol

from net.clock import Scheduler

Piece = bytes | memoryview

MIN_PERIOD = 0.1  # seconds a link must be busy without a pause for its rate to be judged
PAUSE = 0.001  # seconds; a shorter gap between two segments is none
EXPRESS_BACKLOG = 0.005  # seconds of small messages that may overtake the queue


class Carrier(Protocol):
    """Whatever sends segments over links: a flow, or a host's datagrams."""

    tags: list[float]  # per hop: the fair-queueing finish tag of its last segment there

    def crossed(self, segment: Segment) -> None:
        """`segment` has left the link at its present hop."""


class Segment:
    """Up to one segment size of a carrier's bytes on their way; `hop` counts links crossed."""

    __slots__ = ("carrier", "hop", "pieces", "size")

    def __init__(self, carrier: Carrier, pieces: Sequence[Piece], size: int) -> None:
        self.carrier = carrier
        self.pieces = pieces
        self.size = size
        self.hop = 0


@dataclass(slots=True)
class _BusyPeriod:
    """A time without a real pause: its ends by plan and as they were, and what passed in it."""

    began: float
    really_began: float
    bytes_before: int
    paused: float = 0.0  # between segments, too short to count as a pause
    ended: float = inf  # while it goes on
    really_ended: float = inf
    bytes_after: int = 0
    allowed_bits: float = 0.0


class Link:
    """A fair-queued link of `rate` bit/s.

    Always true: at most one segment is in service, and between the start and the end of a
    busy period the link has carried no more than rate x time (small messages that overtook
    the queue are charged to the segments behind them).
    """

    def __init__(self, name: str, rate: float, scheduler: Scheduler) -> None:
        self.name = name
        self.bytes_carried = 0
        self.busy_bytes = 0  # carried in busy periods that were long enough to judge by
        self.busy_time = 0.0  # how long those really lasted
        self.busy_bits_asked = 0.0  # what the rate allowed in them
        self._scheduler = scheduler
        self._queue: list[tuple[float, int, Segment]] = []
        self._sequence = count()
        self._virtual = 0.0
        self._serving: Segment | None = None
        self._period: _BusyPeriod | None = None
        self._ends = 0.0
        self._left = 0.0  # bytes still to serve, kept while the rate is 0
        self._owed = 0.0
        self._express_until = 0.0
        self._rate = rate
        self._byte_time = _byte_time(rate)

    def __repr__(self) -> str:
        state = "idle" if self._serving is None else f"busy, {len(self._queue)} waiting"
        return f"<Link {self.name} {self._rate / 1e6:g} Mbit/s, {state}>"

    @property
    def rate(self) -> float:
        """The rate in bit/s; 0 means that nothing passes, `inf` that nothing waits."""
        return self._rate

    def enqueue(self, segment: Segment) -> None:
        """Take a segment in; its carrier hears of it again through `crossed`."""
        tags = segment.carrier.tags
        hop = segment.hop
        start = tags[hop]
        start = max(start, self._virtual)
        tags[hop] = start + segment.size
        if self._serving is None and not self._queue and self._rate:
            self._virtual = start
            if hop and not self._byte_time:
                self.bytes_carried += segment.size
                segment.carrier.crossed(segment)
                return
            now = self._scheduler.now()
            self._serve(segment, max(self._express_until, now))
        else:
            heappush(self._queue, (start, next(self._sequence), segment))

    def has_express_room(self, now: float) -> bool:
        """Whether a small message may cross ahead of the queue.

        A flow that has nothing else under way goes first, as the sparse flows of FQ-CoDel do
        (RFC 8290, section 4.1), as long as such messages together stay within the rate.
        """
        return self._rate > 0 and self._express_until - now <= EXPRESS_BACKLOG

    def carry_express(self, size: int, now: float) -> float:
        """Take a small message across ahead of the queue; returns the seconds it takes."""
        service = size * self._byte_time
        self._express_until = max(self._express_until, now) + service
        if self._serving is not None:
            self._owed += service
        self.bytes_carried += size
        return service

    def set_rate(self, rate: float) -> None:
        """Change the rate; what is in service goes on at the new one."""
        now = self._scheduler.now()
        if self._rate:
            self._left = max(0.0, self._ends - now) / self._byte_time if self._byte_time else 0.0
        self._rate = rate
        self._byte_time = _byte_time(rate)
        if self._serving is None:
            self._next(now)
        elif rate == 0:
            self._ends = inf
        elif self._ends > now:
            self._ends = now + self._left * self._byte_time
            self._scheduler.call_at(self._ends, self._complete, self._serving)

    def settle(self) -> None:
        """Add the last busy period, if it is over, to what the link's rate is judged by."""
        period = self._period
        if period is None or period.ended == inf:
            return
        planned = period.ended - period.began - period.paused
        if planned >= MIN_PERIOD:
            lasted = period.really_ended - period.really_began - period.paused
            self.busy_bytes += period.bytes_after - period.bytes_before
            self.busy_time += lasted
            self.busy_bits_asked += period.allowed_bits / planned * lasted
        self._period = None

    def _serve(self, segment: Segment, begin: float) -> None:
        self._serving = segment
        service = segment.size * self._byte_time + self._owed
        self._ends = begin + service
        self._owed = 0.0
        if self._byte_time:
            period = self._period
            if period is None or begin - period.ended > PAUSE:
                self.settle()
                late = self._scheduler.actual() - self._scheduler.now()
                self._period = period = _BusyPeriod(begin, begin + late, self.bytes_carried)
            elif period.ended < inf:
                period.paused += begin - period.ended
            period.ended = inf
            period.allowed_bits += service * self._rate
        self._scheduler.call_at(self._ends, self._complete, segment)

    def _complete(self, segment: Segment) -> None:
        now = self._scheduler.now()
        if segment is not self._serving or now < self._ends:
            return  # the rate changed meanwhile, and another event stands for the new end
        self.bytes_carried += segment.size
        segment.carrier.crossed(segment)
        self._serving = None
        self._next(now)

    def _next(self, now: float) -> None:
        if self._queue and self._rate:
            start, _, segment = heappop(self._queue)
            self._virtual = start
            self._serve(segment, now)
        elif self._period is not None:
            self._period.ended, self._period.really_ended = now, self._scheduler.actual()
            self._period.bytes_after = self.bytes_carried


def _byte_time(rate: float) -> float:
    return 8 / rate if rate else inf
