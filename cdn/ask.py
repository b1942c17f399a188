"""What a web cache wants fetched, and what comes of it: values.

They refuse to know who fetches, and where it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdn.cache import SLICE
from cdn.pool import PooledResponse
from cdn.stored import Stored
from wire.http.message import Request


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be fetched: `key` for `request`, which `stale` could not answer unvalidated.

    `range` is the Range field to ask with, None for the whole; `slice` counts aligned ranges,
    which are stored apart.
    """

    request: Request
    key: str
    stale: Stored | None = None
    range: str | None = None
    slice: int | None = None

    @property
    def audience(self) -> str:
        """What the answer can be shared by: what is told to one with credentials may be for it."""
        return f"{self.key} authorized" if "authorization" in self.request.headers else self.key

    @property
    def slot(self) -> str:
        """Asks of one slot at one time can share a fetch."""
        return self.audience if self.range is None else f"{self.audience} {self.range}"

    @property
    def slots(self) -> tuple[str, ...]:
        """The fetches that this one can wait for: of the same bytes, or of the whole."""
        whole = (self.key, self.audience)
        if self.range is None:
            return whole
        return *whole, *(f"{name} {self.range}" for name in whole)

    @property
    def place(self) -> str:
        """The key that what comes is stored under."""
        return self.key if self.slice is None else f"{self.key}{SLICE}{self.slice}"


@dataclass(frozen=True, slots=True)
class Arriving:
    """A response that may answer.

    `new` if it is stored, or being stored, because of this fetch; `aged` if upstream gave it an
    age.
    """

    stored: Stored
    status: int
    aged: bool
    new: bool = False


@dataclass(frozen=True, slots=True)
class Passing:
    """A response for the asking client alone, and why it is not stored."""

    response: PooledResponse
    why: str
