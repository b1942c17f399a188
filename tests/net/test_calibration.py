"""A run is valid when its links reached their rates and its events were not late."""

from __future__ import annotations

from math import inf

import pytest

from net.calibration import MAX_LAG, MIN_BUSY, Calibration, LinkClass, calibrate
from net.fabric import Fabric
from net.link import MIN_PERIOD, PAUSE, Segment
from net.topology import Access, Topology, star
from tests.net.timetable import Timetable

RATE = 8e6


class Sender:
    """A carrier that nobody asks."""

    def __init__(self) -> None:
        self.tags = [0.0]

    def crossed(self, segment: Segment) -> None:
        """Nothing follows."""


@pytest.mark.parametrize(
    ("asked", "achieved", "busy", "honoured"),
    [
        (10e6, 10e6, 1.0, True),
        (10e6, 9.5e6, 1.0, True),
        (10e6, 9.49e6, 1.0, False),
        (10e6, 1e6, MIN_BUSY, False),
        (10e6, 1e6, MIN_BUSY * 0.99, True),  # too short to tell
        (10e6, 11e6, 1.0, True),
    ],
)
def test_a_class_is_honoured_within_five_per_cent(
    asked: float, achieved: float, busy: float, honoured: bool
) -> None:
    """A shortfall counts once links were busy long enough to judge them."""
    assert LinkClass("uplink", asked, achieved, busy).honoured is honoured


@pytest.mark.parametrize(
    ("calibration", "reasons"),
    [
        (Calibration(()), ()),
        (Calibration((), mean_lag=MAX_LAG, max_lag=1.0), ()),
        (
            Calibration((), mean_lag=0.0123, max_lag=0.2),
            ("events ran 12.3 ms late on average",),
        ),
        (
            Calibration(
                (LinkClass("uplink", 10e6, 5e6, 1.0), LinkClass("downlink", 1e6, 1e6, 1.0))
            ),
            ("uplink links reached 5.00 of 10.00 Mbit/s",),
        ),
        (
            Calibration((LinkClass("core", 1e6, 0.25e6, 1.0),), mean_lag=0.02),
            ("events ran 20.0 ms late on average", "core links reached 0.25 of 1.00 Mbit/s"),
        ),
    ],
)
def test_a_run_is_invalid_for_stated_reasons(
    calibration: Calibration, reasons: tuple[str, ...]
) -> None:
    """Valid means no reason against it."""
    assert calibration.reasons == reasons
    assert calibration.valid is not bool(reasons)


def busy_uplink(seconds: float, *, lag: float = 0.0, growth: float = 0.0) -> Calibration:
    """The calibration after an uplink sent without pause for `seconds`.

    Events run `lag` seconds late, and later by `growth` of the time that passes.
    """
    time = Timetable()
    fabric = Fabric(star({"a": Access(RATE, RATE), "b": Access()}), time, seed=1)
    sender = Sender()
    time.lag = lag
    for _ in range(round(seconds / 0.001)):
        fabric.uplinks["a"].enqueue(Segment(sender, (), 1_000))  # a millisecond each
    while "busy" in repr(fabric.uplinks["a"]):
        time.run(until=time.now() + 0.001)
        time.lag = lag + growth * time.now()
    return calibrate(fabric, mean_lag=lag)


def test_a_link_on_time_reaches_exactly_its_rate() -> None:
    """Bytes over busy time is the rate; links that sent nothing have no say."""
    calibration = busy_uplink(1.0)
    (uplink,) = calibration.classes
    assert uplink.name == "uplink"
    assert uplink.asked == pytest.approx(RATE)
    assert uplink.achieved == pytest.approx(RATE)
    assert uplink.busy == pytest.approx(1.0)
    assert calibration.valid


def test_a_link_that_falls_behind_is_found_short() -> None:
    """On a machine where a second takes 1.25 s, 8 Mbit/s were 6.4."""
    calibration = busy_uplink(1.0, growth=0.25)
    (uplink,) = calibration.classes
    assert uplink.asked == pytest.approx(RATE)
    assert uplink.achieved == pytest.approx(0.8 * RATE, rel=0.01)
    assert uplink.busy == pytest.approx(1.25, rel=0.01)
    assert calibration.reasons == ("uplink links reached 6.40 of 8.00 Mbit/s",)


def test_a_link_that_is_evenly_late_kept_its_rate() -> None:
    """Everything 5 ms late is a longer delay, not a lower rate."""
    (uplink,) = busy_uplink(1.0, lag=0.005).classes
    assert uplink.achieved == pytest.approx(RATE)


def test_short_busy_periods_do_not_count() -> None:
    """Lag on a period of a few segments says nothing about the rate."""
    assert busy_uplink(MIN_PERIOD / 2, growth=0.5).classes == ()


@pytest.mark.parametrize(("gap", "busy"), [(PAUSE / 2, 0.12), (PAUSE * 2, None)])
def test_a_pause_ends_a_busy_period(gap: float, busy: float | None) -> None:
    """Two halves of 60 ms are one period, of 120 ms, if hardly anything lies between them."""
    time = Timetable()
    fabric = Fabric(star({"a": Access(RATE), "b": Access()}), time, seed=1)
    uplink, sender = fabric.uplinks["a"], Sender()
    uplink.enqueue(Segment(sender, (), 60_000))
    time.run(until=0.06 + gap)
    uplink.enqueue(Segment(sender, (), 60_000))
    time.run()
    found = [link.busy for link in calibrate(fabric).classes]
    assert found == ([] if busy is None else [pytest.approx(busy)])


def test_a_rate_that_changes_is_asked_for_as_it_changed() -> None:
    """Half a second at 8 Mbit/s and one at 4: a mean of 5.3, asked and achieved."""
    time = Timetable()
    fabric = Fabric(star({"a": Access(RATE), "b": Access()}), time, seed=1)
    sender = Sender()
    for _ in range(1_000):
        fabric.uplinks["a"].enqueue(Segment(sender, (), 1_000))
    time.run(until=0.5)
    fabric.set_access("a", up=RATE / 2)
    time.run()
    (uplink,) = calibrate(fabric).classes
    assert uplink.asked == pytest.approx(8e6 / 1.5, rel=0.01)
    assert uplink.achieved == pytest.approx(uplink.asked)


def test_each_kind_of_link_is_a_class_of_its_own() -> None:
    """Uplinks, downlinks and core links are judged apart; unlimited ones not at all."""
    time = Timetable()
    topology = Topology()
    for router in ("left", "right"):
        topology.add_router(router)
    topology.add_link("left", "right", delay=0.0, rate=RATE)
    topology.add_host("a", Access(RATE, inf), router="left")
    topology.add_host("b", Access(inf, RATE), router="right")
    fabric = Fabric(topology, time, seed=1)
    flow = fabric.open_flow(
        "a", "b", deliver=lambda _, size: flow.read(size), finish=lambda: None, room=lambda: None
    )
    flow.send(bytes(500_000))
    time.run()
    classes = {each.name: each for each in calibrate(fabric).classes}
    assert list(classes) == ["uplink", "downlink", "core"]
    assert all(each.achieved == pytest.approx(RATE, rel=1e-6) for each in classes.values())
