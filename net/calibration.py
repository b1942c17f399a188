"""Whether a run honoured its own link rates: asked against achieved, per class of link.

It judges links by what they carried while busy; it knows nothing of what was carried.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from net.fabric import Fabric
from net.link import Link

TOLERANCE = 0.05  # a class may fall short of its rate by this share
MIN_BUSY = 0.25  # seconds; links busy for less say nothing about their rate
MAX_LAG = 0.010  # mean seconds an event may run late


@dataclass(frozen=True, slots=True)
class LinkClass:
    """One class of links: mean rates in bit/s over their busy time, and that time in seconds."""

    name: str
    asked: float
    achieved: float
    busy: float

    @property
    def honoured(self) -> bool:
        """Whether the class reached its rate, within the tolerance."""
        return self.busy < MIN_BUSY or self.achieved >= (1 - TOLERANCE) * self.asked


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a run was asked for and what the machine gave; lags in seconds (0 in virtual time)."""

    classes: tuple[LinkClass, ...]
    mean_lag: float = 0.0
    max_lag: float = 0.0

    @property
    def valid(self) -> bool:
        """Whether the timings of the run can be trusted."""
        return self.mean_lag <= MAX_LAG and all(each.honoured for each in self.classes)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the run is invalid; empty if it is valid."""
        late = [f"events ran {self.mean_lag * 1e3:.1f} ms late on average"]
        short = [
            f"{each.name} links reached {each.achieved / 1e6:.2f} of {each.asked / 1e6:.2f} Mbit/s"
            for each in self.classes
            if not each.honoured
        ]
        return (*(late if self.mean_lag > MAX_LAG else ()), *short)


def calibrate(fabric: Fabric, *, mean_lag: float = 0.0, max_lag: float = 0.0) -> Calibration:
    """Compare what the links of `fabric` carried while busy with what their rates allowed."""
    classes = (
        _link_class("uplink", fabric.uplinks.values()),
        _link_class("downlink", fabric.downlinks.values()),
        _link_class("core", fabric.core.values()),
    )
    return Calibration(tuple(each for each in classes if each is not None), mean_lag, max_lag)


def _link_class(name: str, links: Iterable[Link]) -> LinkClass | None:
    rated = [link for link in links if link.rate < inf]
    for link in rated:
        link.settle()
    busy = sum(link.busy_time for link in rated)
    if not busy:
        return None
    carried = 8 * sum(link.busy_bytes for link in rated)
    asked = sum(link.busy_bits_asked for link in rated)
    return LinkClass(name, asked / busy, carried / busy, busy)
