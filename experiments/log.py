"""The event log of one run: who did what, when; the record that metrics are folded from.

It orders and writes events and gives them one digest; it does not know what they mean.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from net.trace import Trace

Field = str | float | None


@dataclass(frozen=True, slots=True)
class Event:
    """`host` did `name` at `time` seconds."""

    time: float
    host: str
    name: str
    fields: dict[str, Field]

    def line(self) -> bytes:
        """Return the event as one line of canonical JSON: sorted keys, no spaces."""
        record = {"t": self.time, "host": self.host, "event": self.name, **self.fields}
        return msgspec.json.encode(record, order="sorted") + b"\n"


def read(compressed: bytes) -> list[Event]:
    """Return the events in what `EventLog.compressed` wrote."""
    events = []
    for line in gzip.decompress(compressed).splitlines():
        record = msgspec.json.decode(line)
        time, host, name = (record.pop(key) for key in ("t", "host", "event"))
        events.append(Event(time, host, name, record))
    return events


class EventLog:
    """All events of a run, in the order in which they happened.

    Always true: two logs with equal events have equal digests.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._events: list[Event] = []
        self._closed = False

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def trace(self, host: str) -> Trace:
        """Return the trace through which nodes on `host` report."""

        def record(event: str, /, **fields: Field) -> None:
            if not self._closed:
                self._events.append(Event(self._now(), host, event, fields))

        return record

    def close(self) -> None:
        """End the record: how nodes say goodbye after the experiment is no part of it."""
        self._closed = True

    def digest(self) -> str:
        """Return the SHA-256, in hex, of the lines."""
        digest = hashlib.sha256()
        for event in self._events:
            digest.update(event.line())
        return digest.hexdigest()

    def compressed(self) -> bytes:
        """Return the lines as a gzip file with stable bytes (no time, no name)."""
        buffer = io.BytesIO()
        with gzip.GzipFile(filename="", fileobj=buffer, mode="wb", compresslevel=6, mtime=0) as out:
            out.writelines(event.line() for event in self._events)
        return buffer.getvalue()
