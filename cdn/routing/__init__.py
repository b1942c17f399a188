"""Which edge serves a request: the routers of practice and literature, each a small class.

A router is asked once per request, for a client and a key; it refuses to know how the client
learns the answer and what the edges hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from cdn.named import find, is_file
from cdn.routing.fleet import Delay, Fleet, Router
from cdn.routing.jump import JumpHash, jump
from cdn.routing.maglev import Maglev
from cdn.routing.plain import LeastLoaded, Nearest, OriginOnly, RandomChoice, RoundRobin
from cdn.routing.rendezvous import Rendezvous
from cdn.routing.ring import BoundedLoad, HashRing

__all__ = [
    "ROUTERS", "BoundedLoad", "Delay", "Fleet", "HashRing", "JumpHash", "LeastLoaded", "Maglev",
    "Nearest", "OriginOnly", "RandomChoice", "Rendezvous", "RoundRobin", "Router", "find_router",
    "is_file", "jump",
]  # fmt: skip

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


def find_router(name: str) -> type[Router]:
    """Return the router called `name`: `hash-ring`, `HashRing`, or `file.py:Class`.

    Raises:
        NamedError: there is none, or it is no router; names the nearest, or the fault.
    """
    found = find(name, "router", ROUTERS, {"route": ("client", "key", "fleet")})
    return cast("type[Router]", found)
