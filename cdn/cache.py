"""What a web cache keeps: the stored responses of each key, within a number of bytes.

Refuses to know when they were asked for, and whether they are still fresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Protocol
from weakref import WeakSet

from cdn.body import Body
from cdn.eviction import Eviction
from cdn.stored import Part, Stored, of_one_version
from wire.http.headers import Headers
from wire.http.ranges import Span

MOST_VARIANTS = 64
MOST_TAGS = 64
MOST_JOINED = 16 * 2**20
"""Bytes up to which parts that touch are joined: each join copies them."""
SURROGATE_KEY = "surrogate-key"
SLICE = " #"
"""What stands between the key of an object and the number of a slice; no target has a blank."""


Admits = Callable[[str, int], bool]
"""Whether a new name of so many bytes is worth storing."""


class Shelf(Protocol):
    """Where the bytes of stored responses lie. An entry's name is unique and has no line breaks.

    Each counts `overhead` bytes beside its own.
    """

    @property
    def overhead(self) -> int:
        """Bytes that an entry takes here beside its own."""

    def body(self, expected: int | None, limit: int) -> Body:
        """Return a new body, to be filled and then kept here; as `Body`'s arguments."""

    def keep(self, name: str, key: str, stored: Stored) -> Stored:
        """Keep `stored` under `name`, in the place of what was; return it as it lies now.

        Raises:
            OSError: there is no room, or no right; nothing is kept under `name` then.
        """

    def drop(self, name: str) -> None:
        """Keep it no longer."""

    def load(self) -> Iterable[tuple[str, Stored]]:
        """Return what an earlier life has kept: keys and responses, the longest unused first."""


class Memory:
    """Bytes stay where they arrived, and end with the process."""

    overhead = 0

    def body(self, expected: int | None, limit: int) -> Body:
        """Return a body in memory."""
        return Body(expected, limit=limit)

    def keep(self, name: str, key: str, stored: Stored) -> Stored:  # noqa: ARG002 - nothing to do
        """Return `stored` as it is."""
        return stored

    def drop(self, name: str) -> None:
        """Nothing to do."""

    def load(self) -> Iterable[tuple[str, Stored]]:
        """Return nothing: memory has no earlier life."""
        return ()


class Cache:
    """Stored responses by key, several to a key if Vary or ranges tell them apart.

    Invariant: exactly the names that the eviction policy holds have a response, so `used`, the
    sum of their costs, never exceeds `capacity` bytes; a key's responses are newest first.
    """

    def __init__(
        self,
        eviction: Eviction[str],
        admits: Admits | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        self._eviction = eviction
        self._admits = admits
        self._shelf: Shelf = Memory() if shelf is None else shelf
        self._stored: dict[str, list[Stored]] = {}
        self._keys: dict[str, str] = {}
        self._pieces: dict[str, dict[str, None]] = {}
        self._tagged: dict[str, dict[str, None]] = {}
        self._unstored: WeakSet[Body] = WeakSet()
        for key, stored in self._shelf.load():
            if self._insert(key, stored) is None:
                self._shelf.drop(key + stored.variant)

    @property
    def capacity(self) -> int:
        """Bytes there are."""
        return self._eviction.capacity

    @property
    def used(self) -> int:
        """Bytes what is stored counts."""
        return self._eviction.used

    @property
    def beside(self) -> int:
        """Bytes of memory in bodies that are arriving, or were dropped while clients read them."""
        return sum([body.held for body in self._unstored])

    def body(self, expected: int | None) -> Body:
        """Return a body for a new response of `expected` bytes, None where that is unknown."""
        body = self._shelf.body(expected, self.capacity)
        self._unstored.add(body)
        return body

    def find(self, key: str, request: Headers) -> Stored | None:
        """Return the newest response under `key` that may answer `request`; counts as a use."""
        variants = self._stored.get(key)
        if variants is None:
            return None
        for stored in variants:
            if stored.matches(request):
                self._eviction.touch(key + stored.variant)
                return stored
        return None

    def variants(self, key: str) -> tuple[Stored, ...]:
        """Return all responses under `key`, newest first."""
        return tuple(self._stored.get(key, ()))

    def put(self, key: str, stored: Stored) -> list[tuple[str, Stored]] | None:
        """Store a complete response; return what had to go for it, None if it cannot stay.

        It takes the place of what it supersedes, and is joined with parts it touches.
        """
        with suppress(OSError):  # where the parts cannot be read, the new one stands alone
            stored = self._joined(key, stored)
        name = key + stored.variant
        known = name in self._keys
        if self._admits is not None and not known and not self._admits(name, stored.cost):
            return None
        return self._insert(key, stored)

    def pieces(self, key: str) -> tuple[str, ...]:
        """Return the keys of the slices that are stored of the object called `key`."""
        return tuple(self._pieces.get(key, ()))

    def _insert(self, key: str, stored: Stored) -> list[tuple[str, Stored]] | None:
        name = key + stored.variant
        cost = stored.cost + len(name) + self._shelf.overhead
        if cost > self.capacity:
            return None
        self._supersede(key, stored)
        try:
            stored = self._shelf.keep(name, key, stored)
        except OSError:
            return None
        self._unstored.discard(stored.body)
        self._stored.setdefault(key, []).insert(0, stored)
        self._keys[name] = key
        if (whole := key.partition(SLICE)[0]) != key:
            self._pieces.setdefault(whole, {})[key] = None
        for tag in tags(stored):
            self._tagged.setdefault(tag, {})[name] = None
        victims = self._eviction.insert(name, cost)
        gone = [(self._keys[victim], self._forget(victim)) for victim in victims]
        return None if name in victims else gone

    def update(self, key: str, old: Stored, new: Stored) -> list[tuple[str, Stored]] | None:
        """Put `new` in the place of `old`, which it updates, unless `old` has gone meanwhile."""
        if not any(stored is old for stored in self._stored.get(key, ())):
            return None
        name = key + new.variant
        self._remove(key + old.variant, kept=name)
        gone = self._insert(key, new)
        if gone is None:
            self._shelf.drop(name)
        return gone

    def drop(self, key: str, stored: Stored) -> None:
        """Drop one response, if it is still there."""
        if any(one is stored for one in self._stored.get(key, ())):
            self._remove(key + stored.variant)

    def discard(self, key: str) -> int:
        """Drop all that is stored under `key`; return how many responses that were."""
        variants = self.variants(key)
        for stored in variants:
            self._remove(key + stored.variant)
        return len(variants)

    def expire(self, key: str, now: float) -> int:
        """Declare all that is stored under `key` stale at `now`; return how many that were."""
        variants = self.variants(key)
        for stored in reversed(variants):
            self.update(key, stored, stored.expired(now))
        return len(variants)

    def tagged(self, tag: str) -> tuple[str, ...]:
        """Return the keys of responses whose Surrogate-Key has `tag`."""
        return tuple(dict.fromkeys(self._keys[name] for name in self._tagged.get(tag, ())))

    def _joined(self, key: str, new: Stored) -> Stored:
        """Return `new` with the stored parts that it touches."""
        for old in self.variants(key):
            if old.selecting == new.selecting:
                new = join(old, new) or new
        return new

    def _supersede(self, key: str, new: Stored) -> None:
        """Drop what `new` makes useless: the same variant, unless both are parts of one version."""
        variants, kept = self.variants(key), key + new.variant
        for old in variants:
            apart = new.part is not None and old.part is not None and of_one_version(old, new)
            if old.selecting == new.selecting and not (apart and not _covers(new.part, old.part)):
                self._remove(key + old.variant, kept=kept)
        for old in self.variants(key)[MOST_VARIANTS - 1 :]:
            self._remove(key + old.variant)

    def _remove(self, name: str, kept: str | None = None) -> None:
        """Drop the response called `name`; the shelf replaces it if its successor is `kept`."""
        if name in self._keys:
            self._eviction.discard(name)
            self._forget(name, kept=kept)

    def _forget(self, name: str, kept: str | None = None) -> Stored:
        """Drop the response called `name`, which the policy holds no longer."""
        key = self._keys.pop(name)
        variants = self._stored[key]
        stored = next(one for one in variants if key + one.variant == name)
        variants.remove(stored)
        if not variants:
            del self._stored[key]
            _take_out(self._pieces, key.partition(SLICE)[0], key)
        for tag in tags(stored):
            _take_out(self._tagged, tag, name)
        if name != kept:
            self._shelf.drop(name)
        self._unstored.add(stored.body)
        return stored

    def __iter__(self) -> Iterator[str]:
        """Yield the keys."""
        return iter(self._stored)

    def __contains__(self, key: str) -> bool:
        return key in self._stored

    def __len__(self) -> int:
        """Return how many responses are stored."""
        return len(self._keys)


def join(old: Stored, new: Stored) -> Stored | None:
    """Return `new` with the bytes of `old` as well (RFC 9111 3.4).

    None if they don't touch, or would be too much to copy.
    """
    if new.part is None or old.status != new.status or not of_one_version(old, new):
        return None
    if old.part is None:
        return replace(new, body=old.body, part=None)
    first, second = (old, new) if old.part.span.start <= new.part.span.start else (new, old)
    here, there = _span(first), _span(second)
    if there.start > here.stop:
        return None
    if max(here.stop, there.stop) - here.start > MOST_JOINED:
        return None
    tail = second.body.whole()[here.stop - there.start :] if there.stop > here.stop else b""
    span = Span(here.start, max(here.stop, there.stop))
    size = new.part.size
    part = None if len(span) == size else Part(span, size)
    return replace(new, body=Body.of(first.body.whole() + tail), part=part)


def _span(stored: Stored) -> Span:
    if stored.part is None:
        raise ValueError("the whole has no span")
    return stored.part.span


def _covers(new: Part | None, old: Part | None) -> bool:
    if new is None or old is None:
        return new is None
    return new.span.start <= old.span.start and old.span.stop <= new.span.stop


def _take_out(groups: dict[str, dict[str, None]], group: str, name: str) -> None:
    names = groups.get(group, {})
    names.pop(name, None)
    if not names:
        groups.pop(group, None)


def tags(stored: Stored) -> list[str]:
    """Return the keys in a response's Surrogate-Key."""
    return (stored.headers.get(SURROGATE_KEY) or "").split()[:MOST_TAGS]
