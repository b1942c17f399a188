"""How much of a message goes into one send: small parts joined, large ones by reference.

Refuses to know what the parts mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wire.http.message import Buffer

JOINED = 64 * 1024


def sends(parts: Sequence[Buffer], piece: int) -> Iterator[Buffer]:
    """Yield what to send, in order, in buffers of at most `piece` bytes.

    Parts of together at most 64 KiB are joined: one system call costs more than their copy.
    """
    if len(parts) > 1 and sum(map(len, parts)) <= JOINED:
        parts = [b"".join(parts)]
    for part in parts:
        view = memoryview(part)
        for start in range(0, len(view), piece):
            yield view[start : start + piece]
