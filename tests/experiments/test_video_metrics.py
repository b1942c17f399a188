"""What watching comes to, from an event log: worked examples."""

from __future__ import annotations

from math import log

import pytest

from experiments import session_history
from experiments.log import Event
from experiments.video_metrics import Viewer, fold, labelled, qoe

Field = str | float | None


def event(time: float, name: str, **fields: Field) -> Event:
    """Return an event of the viewer."""
    return Event(time, "client-1", name, fields)


def segment(time: float, rate: float, level: float, hit: bool | None = None) -> Event:
    """Return the arrival of a 4 s segment at `rate` bit/s that fills the buffer to `level`."""
    return event(
        time, "segment_received", bitrate=rate, duration=4.0, bytes=rate / 2, seconds=1.0,
        buffer=level, hit=hit, behind=None,
    )  # fmt: skip


SESSION = [
    event(9.0, "link_changed", up=None, down=5e6),
    event(10.0, "session_started"),
    event(10.0, "ladder_read", rungs=2, lowest=1e6, highest=4e6),
    segment(12.0, 1e6, 4.0, hit=True),
    event(12.0, "playback_started"),
    event(14.0, "link_changed", up=None, down=1e6),
    event(16.0, "playback_stalled"),
    segment(19.0, 4e6, 4.0, hit=False),
    event(19.0, "playback_started"),
    event(20.0, "playback_paused"),
    event(25.0, "playback_unpaused"),
    event(26.0, "segment_abandoned", instead=0, bytes=1000.0),
    event(27.0, "playback_sought"),
    segment(28.0, 1e6, 4.0),
    event(28.0, "playback_started"),
    event(32.0, "playback_ended"),
    event(32.0, "session_ended", reason="ended", played=11.0),
]


def test_a_session_is_counted() -> None:
    """Start-up 2 s, a stall of 3 s, a seek of 1 s, 11 s of playing, two switches of 3 Mbit/s."""
    metrics = fold(SESSION, [Viewer("client-1", "bola")])
    assert metrics is not None
    (own,) = metrics.each
    assert (own.startup_s, own.stalls, own.stalled_s, own.seeking_s) == (2.0, 1, 3.0, 1.0)
    assert own.played_s == 4 + 1 + 2 + 4
    assert own.rebuffer_ratio == pytest.approx(3 / 14)
    assert (own.segments, own.switches, own.bitrate) == (3, 2, 2e6)
    assert (own.abandoned, own.wasted_bytes, own.hits) == (1, 1000, 0.5)
    assert own.qoe_linear == pytest.approx((6 - 6 - 4 * 5) / 3)
    assert own.qoe_log == pytest.approx((log(4) - 2 * log(4) - log(4) * 5) / 3)
    assert own.utility == pytest.approx((log(4) / 3 + 5) * 12 / 17)
    # 4 s drained, nothing, 1 s drained, 5 s held at 3, 2 s drained, nothing, 4 s drained
    assert own.buffer_s == pytest.approx((8 + 3.5 + 15 + 4 + 8) / 22)
    assert own.in_buffer_s == pytest.approx((8 + 3.5 + 15 + 4 + 8) / 12)


def test_a_session_is_drawn_from_the_same_events() -> None:
    """Capacity, choices, waits and levels are relative to the session's beginning."""
    history = session_history.fold(SESSION, "client-1")
    assert history.capacity == [(0.0, 5e6), (4.0, 1e6)]
    assert history.waits == [
        (0.0, 2.0, "start-up"), (6.0, 9.0, "stall"), (10.0, 15.0, "pause"), (17.0, 18.0, "seek"),
    ]  # fmt: skip
    assert history.chosen == [
        (1.0, 2.0, 1e6, True),
        (8.0, 9.0, 4e6, False),
        (17.0, 18.0, 1e6, None),
    ]
    assert history.ended == 22.0
    assert (6.0, 0.0) in history.levels
    assert history.levels[-1] == (22.0, 0.0)


def test_qoe_is_that_of_the_paper() -> None:
    """Yin et al. 2015, equation 5, over the number of segments."""
    assert qoe([1, 1, 3], best=3, waited=0.5) == pytest.approx((5 - 2 - 1.5) / 3)
    assert qoe([], best=3, waited=2) == -6


def test_nothing_played_is_told() -> None:
    """A session that failed counts, without a start-up delay; no session is no metrics."""
    events = [event(0.0, "session_started"), event(5.0, "session_ended", reason="404", played=0)]
    metrics = fold(events, [Viewer("client-1", "bola"), Viewer("client-2", "bola")])
    assert metrics is not None
    assert (metrics.sessions, metrics.unplayed) == (1, 1)
    assert metrics.each[0].startup_s is None
    assert "startup_s" not in metrics.means
    assert fold(events[1:], [Viewer("client-1", "bola")]) is None


def test_groups_that_share_a_rule_are_told_apart() -> None:
    """One label per rule, and per group where rules do not tell."""
    events = [
        Event(0.0, f"client-{n}", name, {"reason": "left"})
        for n in (1, 2)
        for name in ("session_started", "session_ended")
    ]
    for rules, labels in ((("a", "b"), ["a", "b"]), (("a", "a"), ["1: a", "2: a"])):
        viewers = [Viewer(f"client-{n}", rule, n) for n, rule in enumerate(rules, 1)]
        metrics = fold(events, viewers)
        assert metrics is not None
        assert list(labelled(metrics.each)) == labels
