"""Counting events."""

from __future__ import annotations

from cdn.tally import Tally
from tests.cdn.internet import Journal


def test_events_are_counted_and_passed_on() -> None:
    """How often, and how many bytes where they tell them."""
    journal = Journal()
    tally = Tally(journal)
    tally("cache_hit", bytes=3, path="/a")
    tally("cache_hit", bytes=4, path="/b")
    tally("cache_missed", path="/c")
    assert (tally.count("cache_hit"), tally.bytes("cache_hit")) == (2, 7)
    assert (tally.count("cache_missed"), tally.bytes("cache_missed")) == (1, 0)
    assert (tally.count("nothing"), tally.bytes("nothing")) == (0, 0)
    assert journal.events[1] == ("cache_hit", {"bytes": 4, "path": "/b"})
