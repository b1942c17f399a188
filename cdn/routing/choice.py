"""Finds routers: the ones that ship, by name, and anybody's, as `file.py:ClassName`.

It refuses what cannot be one before a client relies on it; it routes nobody.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Mapping
from typing import cast

from cdn.loading import LoadError, is_file, load_class
from cdn.routing.fleet import Router
from cdn.routing.jump import JumpHash
from cdn.routing.maglev import Maglev
from cdn.routing.plain import LeastLoaded, Nearest, OriginOnly, RandomChoice, RoundRobin
from cdn.routing.rendezvous import Rendezvous
from cdn.routing.ring import BoundedLoad, HashRing

ROUTERS: Mapping[str, type[Router]] = {
    "origin-only": OriginOnly,
    "random": RandomChoice,
    "nearest": Nearest,
    "least-loaded": LeastLoaded,
    "round-robin": RoundRobin,
    "hash-ring": HashRing,
    "jump-hash": JumpHash,
    "rendezvous": Rendezvous,
    "maglev": Maglev,
    "bounded-load": BoundedLoad,
}
_SHAPE = "route(self, client, key, fleet)"


class RouterError(ValueError):
    """There is no such router, or it is none; the text names it and the fix."""


def find_router(name: str) -> type[Router]:
    """Return the router called `name`: `hash-ring`, `HashRing`, or `path/to/file.py:ClassName`.

    Raises:
        RouterError: there is none, or it is no router; names the nearest, or the fault.
    """
    if is_file(name):
        try:
            kind = load_class(name)
        except LoadError as error:
            raise RouterError(str(error)) from error
        _check(kind, name)
        return cast("type[Router]", kind)
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    if plain not in ROUTERS:
        near = difflib.get_close_matches(plain, ROUTERS, 1)
        fix = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(ROUTERS)}."
        raise RouterError(f"no router {name!r}; {fix} Or a class: path/to/file.py:ClassName")
    return ROUTERS[plain]


def _check(kind: type[object], name: str) -> None:
    call = getattr(kind, "route", None)
    if not callable(call):
        raise RouterError(f"{name} is no router: it has no {_SHAPE}")
    try:
        inspect.signature(call).bind(*range(4))
        inspect.signature(kind).bind()
    except TypeError as error:
        raise RouterError(
            f"{name} is no router: it must be made without arguments and have {_SHAPE} ({error})"
        ) from None
