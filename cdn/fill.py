"""Fetches under way, each shared by everyone who asks for the same meanwhile.

Refuses to know how a fetch is made; it only tells those who wait what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import trio

from cdn.cache import tags
from cdn.conditions import Validators
from cdn.stored import Stored
from wire.http.headers import Headers


@dataclass(frozen=True, slots=True)
class Shared:
    """The response may answer everyone; its body may still be arriving."""

    stored: Stored


@dataclass(frozen=True, slots=True)
class Private:
    """The response belongs to the request that fetched it; the others must ask for their own."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No response came; `status` (502 or 504) and `reason` tell why."""

    status: int
    reason: str


Outcome = Shared | Private | Failed


class Fill:
    """A fetch of `key` under way, for all who ask for the same `slot`.

    Invariant: the outcome is decided once, and nobody waits after that. `pouring` says that a
    body is being read for everyone, `joinable` that newcomers may share it, and `outdated` that
    its object has changed, so that it serves only who has joined and is not stored.
    """

    def __init__(self, key: str, slot: str, *, joinable: bool) -> None:
        self.key = key
        self.slot = slot
        self.joinable = joinable
        self.pouring = False
        self.outdated = False
        self._decided = trio.Event()
        self._outcome: Outcome = Failed(502, "the fetch was abandoned")

    @property
    def shared(self) -> Stored | None:
        """The response for everyone, None while undecided and where there is none."""
        return self._outcome.stored if isinstance(self._outcome, Shared) else None

    def decide(self, outcome: Outcome) -> None:
        """Tell everyone, unless they have been told already."""
        if not self._decided.is_set():
            self._outcome = outcome
            self._decided.set()

    async def outcome(self) -> Outcome:
        """Return what came of it, once that is known."""
        await self._decided.wait()
        return self._outcome

    def promises(self, slots: tuple[str, ...], request: Headers) -> bool:
        """Return whether it is worth waiting for, to answer `request` in one of `slots`."""
        if not self.joinable:
            return False
        if self._decided.is_set():
            found = self.shared
            return found is not None and not found.body.broken and found.matches(request)
        return self.slot in slots

    def may_carry(self, tag: str) -> bool:
        """Return whether the response has, or may yet have, Surrogate-Key `tag`."""
        if not self._decided.is_set():
            return True
        return self.shared is not None and tag in tags(self.shared)


class Fills:
    """The fetches of one cache under way.

    Invariant: those of a key are in the order in which they began.
    """

    def __init__(self) -> None:
        self._of_key: dict[str, list[Fill]] = {}

    def begin(self, key: str, slot: str, *, joinable: bool) -> Fill:
        """Return a new fetch."""
        fill = Fill(key, slot, joinable=joinable)
        self._of_key.setdefault(key, []).append(fill)
        return fill

    def end(self, fill: Fill) -> None:
        """Forget a fetch that is over."""
        fills = self._of_key.get(fill.key, [])
        if fill in fills:
            fills.remove(fill)
        if not fills:
            self._of_key.pop(fill.key, None)

    def promising(self, key: str, slots: tuple[str, ...], request: Headers) -> Fill | None:
        """Return a fetch that may answer `request`."""
        fills = self._of_key.get(key, ())
        return next((fill for fill in fills if fill.promises(slots, request)), None)

    def forget(self, key: str) -> None:
        """Let nothing of the fetches of `key` be stored: the object has changed."""
        for fill in self._of_key.get(key, ()):
            fill.outdated, fill.joinable = True, False

    def overtake(self, fill: Fill, stored: Stored) -> None:
        """Let what `fill` brought stand against other versions that were asked for before it."""
        for older in self._of_key.get(fill.key, ()):
            if older is fill:
                return
            if older.shared is not None and _replaces(stored, older.shared):
                older.outdated, older.joinable = True, False

    def tagged(self, tag: str) -> tuple[str, ...]:
        """Return the keys of fetches that bring, or may bring, Surrogate-Key `tag`."""
        return tuple(
            key for key, fills in self._of_key.items() if any(one.may_carry(tag) for one in fills)
        )


def _replaces(new: Stored, old: Stored) -> bool:
    same = new.validators == old.validators != Validators()
    return new.selecting == old.selecting and not same
