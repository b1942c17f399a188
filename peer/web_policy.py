"""When to take a chunk from a web seed rather than from the swarm, and which one.

A policy sees masks (bit i: chunk i) and how long the swarm has been quiet; it knows no servers,
connections or rates. The idea of a web seed is that of BEP 19.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from peer.picker import bits, nth_bit, rarest

PATIENCE = 1.0  # seconds without a chunk from the swarm after which it needs help


@dataclass(frozen=True, slots=True)
class WebView:
    """What a policy is shown.

    `free` are the missing chunks that nobody was asked for, `late` those of which neighbours were
    asked so long ago that a web seed would bring them sooner. `levels[n]` are the chunks that n
    neighbours have. `order` lists the missing chunks in the order of this web seed, the same for
    all its clients. `quiet` counts the seconds since the swarm last brought a chunk, as of `now`.
    `rivals` counts the neighbours that are as far as we are in the file, and may take the same.
    """

    free: int
    late: int
    levels: Sequence[int]
    order: Iterable[int]
    quiet: float
    now: float = 0.0
    rivals: Callable[[], int] = int


class WebPolicy(Protocol):
    """Decides which chunk to take from a web seed now, if any."""

    def choose(self, view: WebView, rng: random.Random) -> int | None:
        """Return a bit of `view.free` or `view.late`, or None to leave it to the swarm."""


class Always:
    """Whatever nobody was asked for: swarm and web seed work side by side, for the least delay.

    Clients of one web seed ask for nearly the same chunks, so that an edge with an empty cache
    fetches each from its origin once for several of them.
    """

    WINDOW = 4  # chunks of the order among which chance decides

    def choose(self, view: WebView, rng: random.Random) -> int | None:
        """Return one of the next chunks in the web seed's order, or a late one."""
        free = (index for index in view.order if view.free >> index & 1)
        window = list(islice(free, self.WINDOW))
        if window:
            return window[rng.randrange(len(window))]
        return nth_bit(view.late, rng.randrange(view.late.bit_count())) if view.late else None


class WhenIdle:
    """Any chunk, but only while the swarm brings none: the web seed is the last resort."""

    def choose(self, view: WebView, rng: random.Random) -> int | None:
        """Return one of the rarest chunks once the swarm has been quiet for `PATIENCE`."""
        candidates = view.free or view.late
        if view.quiet < PATIENCE or not candidates:
            return None
        return rarest(candidates, view.levels, rng)


class WhenRare:
    """What no neighbour has, as from a seed; else as `WhenIdle`: the swarm carries the rest."""

    def choose(self, view: WebView, rng: random.Random) -> int | None:
        """Return a random one of the free chunks that no neighbour has."""
        rare = view.free & view.levels[0]
        if rare:
            return nth_bit(rare, rng.randrange(rare.bit_count()))
        return WhenIdle().choose(view, rng)


class TakeTurns:
    """What no neighbour has, in order, but one of those who are equally far at a time.

    So viewers who watch the same at the same time each bring some of it, and swap it. Turns are
    exponential times: nobody needs to know whose it is.
    """

    PACE = 0.1  # seconds between the turns of us and our rivals together
    WINDOW = 8  # chunks among which chance decides

    def __init__(self) -> None:
        self._turn: float | None = None

    def choose(self, view: WebView, rng: random.Random) -> int | None:
        """Return one of the first chunks that no neighbour has, if it is our turn."""
        rare = view.free & view.levels[0]
        if not rare:
            return None
        rivals = view.rivals()
        if rivals and self._turn is None:
            self._turn = self._next(view.now, rivals, rng)
        if rivals and self._turn is not None and view.now < self._turn:
            return None
        self._turn = self._next(view.now, rivals, rng) if rivals else None
        soon = list(islice(bits(rare), self.WINDOW)) if rivals else [next(bits(rare))]
        return soon[rng.randrange(len(soon))]

    def _next(self, now: float, rivals: int, rng: random.Random) -> float:
        return now + rng.expovariate(1 / (self.PACE * (1 + rivals)))


class Never:
    """Nothing unless it is urgent."""

    def choose(
        self,
        view: WebView,  # noqa: ARG002 - part of the protocol
        rng: random.Random,  # noqa: ARG002 - part of the protocol
    ) -> int | None:
        """Return None."""
        return None


WEB_POLICIES: Mapping[str, type[WebPolicy]] = {
    "always": Always,
    "when-rare": WhenRare,
    "when-idle": WhenIdle,
    "take-turns": TakeTurns,
    "never": Never,
}


def find_web_policy(name: str) -> type[WebPolicy]:
    """Return the policy called `name`.

    Raises:
        ValueError: there is none; names the nearest.
    """
    if name in WEB_POLICIES:
        return WEB_POLICIES[name]
    near = difflib.get_close_matches(name, WEB_POLICIES, 1)
    fix = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(WEB_POLICIES)}"
    raise ValueError(f"no web seed policy {name!r}; {fix}")
