"""The course of a swarm: progress, copies, and who was there."""

from __future__ import annotations

from experiments import history
from experiments.history import History
from experiments.log import Event


def got(time: float, host: str, chunk: int, source: str, name: str = "chunk_received") -> Event:
    """Return the event of a chunk of ten bytes."""
    return Event(time, host, name, {"chunk": chunk, "source": source, "bytes": 10})


PAST = history.fold(
    [
        Event(1.0, "experiment", "demand_started", {}),
        Event(1.0, "client-1", "client_arrived", {}),
        Event(3.0, "client-2", "client_arrived", {}),
        got(2.0, "client-1", 0, "server"),
        got(4.0, "client-2", 0, "client-1"),
        got(4.5, "client-2", 0, "server", "chunk_duplicated"),
        got(5.0, "client-2", 1, "server"),
        Event(5.0, "client-2", "delivery_completed", {}),
        Event(6.0, "client-1", "host_crashed", {}),
        Event(7.0, "server", "host_left", {}),
    ],
    server="server",
    chunk_count=2,
)


def test_progress_is_the_share_of_those_who_are_there() -> None:
    """Times count from demand; a duplicate is no progress; nobody has a share while away."""
    assert PAST.progress([0.5, 1.0, 3.5, 5.5]) == {
        "client-1": [0.0, 0.5, 0.5, None],
        "client-2": [None, None, 0.5, 1.0],
    }


def test_copies_go_with_their_holders() -> None:
    """The server's count until it leaves, a client's until it crashes."""
    assert PAST.copies([0.0, 1.0, 4.5, 5.5, 6.5]) == [[1, 1], [2, 1], [3, 2], [2, 2], [1, 1]]


def test_the_end_is_the_last_delivery() -> None:
    """And half-way is when half of all chunks that were new had come."""
    assert (PAST.end, PAST.half_way, PAST.clients) == (4.0, 3.0, ("client-1", "client-2"))
    assert PAST.crashed == {"client-1"}


def test_nothing_happened_is_a_history_too() -> None:
    """No events, no end."""
    empty: History = history.fold([], server="server", chunk_count=1)
    assert (empty.end, empty.half_way, empty.clients) == (0.0, 0.0, ())
