"""Histories of requests, and what a cache makes of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cdn.eviction import POLICIES, Eviction, make

ONLINE = [name for name in POLICIES if name != "belady"]


def policy(name: str, capacity: int, future: Sequence[Any] | None = None) -> Eviction[Any]:
    """Return a new policy; chance is the same each time."""
    return make(name, capacity, random.Random("tests"), future)


@dataclass
class Cache:
    """What a cache holds that believes everything its policy says."""

    policy: Eviction[Any]
    hits: int = 0
    held: dict[Any, int] = field(default_factory=dict)

    def ask(self, key: Any, size: int = 1) -> list[Any]:
        """Ask for `key` and return what is given up for it."""
        if key in self.policy:
            self.hits += 1
            self.policy.touch(key)
            return []
        gone = list(self.policy.insert(key, size))
        self.held[key] = size
        for each in gone:
            del self.held[each]
        return gone

    def discard(self, key: Any) -> None:
        """Hold `key` no longer."""
        self.held.pop(key, None)
        self.policy.discard(key)


def hits(name: str, capacity: int, keys: Sequence[Any]) -> int:
    """Return the hits of unit-sized requests."""
    cache = Cache(policy(name, capacity, keys))
    for key in keys:
        cache.ask(key)
    return cache.hits
