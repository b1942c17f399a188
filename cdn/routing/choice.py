"""Finds routers: the ones that ship, by name, and anybody's, as `file.py:ClassName`.

It refuses what cannot be one before a client relies on it; it routes nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdn.named import Role
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


class RouterError(ValueError):
    """There is no such router, or it is none; the text names it and the fix."""


_ROLE = Role("router", ROUTERS, RouterError)


def find_router(name: str) -> type[Router]:
    """Return the router called `name`: `hash-ring`, `HashRing`, or `path/to/file.py:ClassName`.

    Raises:
        RouterError: there is none, or it is no router; names the nearest, or the fault.
    """
    return _ROLE.find(name, "route(self, client, key, fleet)")
