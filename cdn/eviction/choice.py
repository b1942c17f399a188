"""Finds eviction policies: the ones that ship, by name, and anybody's, as `file.py:ClassName`.

It refuses what cannot be one before a cache relies on it; it knows none of their rules.
"""

from __future__ import annotations

import inspect
import random
import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, cast

from cdn.eviction.arc import Arc
from cdn.eviction.belady import Belady
from cdn.eviction.clock import Clock
from cdn.eviction.fifo import Fifo
from cdn.eviction.gdsf import Gdsf
from cdn.eviction.lfu import Lfu
from cdn.eviction.lru import Lru
from cdn.eviction.lru_k import LruK
from cdn.eviction.policy import Eviction
from cdn.eviction.random import Random
from cdn.eviction.s3_fifo import S3Fifo
from cdn.eviction.sieve import Sieve
from cdn.eviction.two_q import TwoQ
from cdn.eviction.w_tiny_lfu import WTinyLfu
from cdn.loading import is_file
from cdn.named import Role

POLICIES: Mapping[str, type[Any]] = {
    "fifo": Fifo,
    "lru": Lru,
    "lfu": Lfu,
    "clock": Clock,
    "2q": TwoQ,
    "arc": Arc,
    "sieve": Sieve,
    "s3-fifo": S3Fifo,
    "w-tiny-lfu": WTinyLfu,
    "gdsf": Gdsf,
    "lru-k": LruK,
    "random": Random,
    "belady": Belady,
}
_METHODS = {
    "touch": "touch(self, key)",
    "insert": "insert(self, key, size)",
    "discard": "discard(self, key)",
    "__contains__": "__contains__(self, key)",
    "__len__": "__len__(self)",
}
_GIVEN = ("capacity", "rng", "future")


class PolicyError(ValueError):
    """There is no such policy, or it is none; the text names it and the fix."""


_ROLE = Role("policy", POLICIES, PolicyError)


def find(name: str) -> type[Any]:
    """Return the policy called `name`: `s3-fifo`, `S3Fifo`, or `path/to/file.py:ClassName`.

    Raises:
        PolicyError: there is none, or it is no policy; names the nearest, or the fault.
    """
    if is_file(name):
        kind = _ROLE.load(name)
        _check(kind, name)
        return kind
    known = {_plain(each): kind for each, kind in POLICIES.items()}
    known |= {_plain(kind.__name__): kind for kind in POLICIES.values()}
    if _plain(name) not in known:
        raise _ROLE.unknown(name, name.lower())
    return known[_plain(name)]


def make(
    name: str, capacity: int, rng: random.Random, future: Sequence[Hashable] | None = None
) -> Eviction[Any]:
    """Return a new policy of `capacity` bytes.

    Its class is called with the capacity and, if its `__init__` names them, with `rng` and with
    `future`, all the requests to come, which only a replay knows.

    Raises:
        PolicyError: as `find`, or it asks for a future that is None.
    """
    kind = find(name)
    given: dict[str, object] = {"rng": rng, "future": future}
    asked = {each: given[each] for each in inspect.signature(kind).parameters if each in given}
    if future is None and "future" in asked:
        raise PolicyError(
            f"{name} must know all requests to come: it can only replay a trace, "
            "with nothing refused on admission"
        )
    policy = kind(capacity, **asked)
    for number in ("used", "capacity"):
        if not isinstance(getattr(policy, number, None), int):
            raise PolicyError(
                f"{name} is no eviction policy: it has no number `{number}`, in bytes"
            )
    return cast("Eviction[Any]", policy)


def _plain(name: str) -> str:
    """Return what `S3Fifo`, `s3-fifo` and `S3_FIFO` have in common."""
    return re.sub(r"[-_ ]", "", name).lower()


def _check(kind: type[object], name: str) -> None:
    for method, shape in _METHODS.items():
        call = getattr(kind, method, None)
        if not callable(call):
            raise PolicyError(f"{name} is no eviction policy: it has no {shape}")
        try:
            inspect.signature(call).bind(*range(shape.count(",") + 1))
        except TypeError:
            raise PolicyError(
                f"{name} is no eviction policy: its {method} cannot be called as {shape}"
            ) from None
    needed = inspect.signature(kind).parameters.values()
    unknown = [
        each.name
        for place, each in enumerate(needed)
        if each.default is each.empty
        and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        and place > 0
        and each.name not in _GIVEN
    ]
    if unknown or not needed:
        raise PolicyError(
            f"{name}: its __init__ must be called as __init__(self, capacity), "
            "and may also ask for rng and future"
        )
