"""Whose requested chunk is sent next: neighbours take turns, by shares if they have any.

It knows who waits and how much each is due, not what they asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from peer.neighbour import Neighbour


class Turns:
    """The neighbours with requests queued.

    Always true: with equal shares the order is round robin; with others, over time each gets
    turns in proportion to its share, and who was away has saved up none. Source: Goyal, Vin and
    Cheng, "Start-time Fair Queuing" (SIGCOMM 1996), with a turn as the unit.
    """

    def __init__(self) -> None:
        self._waiting: dict[Neighbour, None] = {}
        self._shares: Mapping[bytes, float] | None = None
        self._due: dict[Neighbour, float] = {}  # start tags
        self._clock = 0.0

    def __iter__(self) -> Iterator[Neighbour]:
        """Those who wait, next first; turns may be taken meanwhile."""
        if self._shares is None:
            return iter(list(self._waiting))
        return iter(sorted(self._waiting, key=self._start))

    def share(self, shares: Mapping[bytes, float]) -> None:
        """Give turns by these shares, by peer id, from now on; the others' shares are average."""
        equal = len(set(shares.values())) <= 1
        self._shares = None if equal else _scaled(shares)
        if equal:
            self._due.clear()
            self._clock = 0.0

    def wait(self, neighbour: Neighbour) -> None:
        """`neighbour` has something queued."""
        self._waiting.setdefault(neighbour)

    def take(self, neighbour: Neighbour) -> None:
        """`neighbour`, who waits, takes a turn; if it waits again, behind the others."""
        del self._waiting[neighbour]
        if self._shares is not None:
            self._clock = self._start(neighbour)
            self._due[neighbour] = self._clock + 1 / self._shares.get(neighbour.peer_id, 1.0)

    def leave(self, neighbour: Neighbour) -> None:
        """`neighbour` has nothing queued any more."""
        self._waiting.pop(neighbour, None)

    def forget(self, neighbour: Neighbour) -> None:
        """`neighbour` is gone."""
        self._waiting.pop(neighbour, None)
        self._due.pop(neighbour, None)

    def _start(self, neighbour: Neighbour) -> float:
        return max(self._clock, self._due.get(neighbour, 0.0))


def _scaled(shares: Mapping[bytes, float]) -> dict[bytes, float]:
    average = sum(shares.values()) / len(shares)
    return {each: share / average for each, share in shares.items()}
