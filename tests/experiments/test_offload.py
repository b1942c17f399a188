"""The offload: what clients brought each other, from event logs written by hand."""

from __future__ import annotations

import pytest

from experiments.log import Event
from experiments.offload import offload


def delivered(host: str) -> Event:
    """Return the delivery of 100 bytes."""
    return Event(9.0, host, "delivery_completed", {"bytes": 100, "sha256": "..."})


def chunk(host: str, source: str, *, event: str = "chunk_received") -> Event:
    """Return a chunk of 50 bytes that came to `host`."""
    return Event(1.0, host, event, {"chunk": 0, "source": source, "bytes": 50})


CAME = [Event(0.0, f"client-{n}", "client_arrived", {}) for n in (1, 2)]
A, B = delivered("client-1"), delivered("client-2")


@pytest.mark.parametrize(
    ("events", "share"),
    [
        ([], None),
        ([A, B], 0.0),
        ([chunk("client-1", "edge-1"), chunk("client-1", "client-2"), A], 0.5),
        (
            [
                chunk("client-1", "edge-1"),
                chunk("client-2", "edge-1"),
                chunk("client-1", "client-2"),
                chunk("client-2", "client-1"),
                A,
                B,
            ],
            0.5,
        ),
        ([chunk("client-1", "client-2"), chunk("client-1", "client-2"), A, B], 0.5),
        ([chunk("client-1", "server"), chunk("client-1", "server"), A], 0.0),
        (
            [
                chunk("client-2", "client-1"),
                chunk("client-1", "client-2"),
                chunk("client-1", "client-2"),
                chunk("client-1", "edge-1", event="chunk_duplicated"),
                A,
            ],
            0.5,
        ),
    ],
)
def test_what_counts(events: list[Event], share: float | None) -> None:
    """Nobody served; plain downloads; half and half; one of two; a seed; a chunk sent twice."""
    assert offload([*CAME, *events]) == share


def test_addresses_are_told_apart() -> None:
    """On real sockets sources are known by their addresses."""
    named = [
        Event(0.0, "client-2", "host_named", {"address": "127.1.0.7"}),
        Event(0.0, "edge-1", "host_named", {"address": "127.1.0.3"}),
    ]
    chunks = [
        chunk("client-2", "127.1.0.3"),
        chunk("client-1", "127.1.0.7"),
        chunk("client-1", "127.1.0.3"),
    ]
    assert offload([*CAME, *named, *chunks, A]) == 0.5
