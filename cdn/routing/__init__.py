"""Which edge serves a request: the routers of practice and literature, each a small class.

A router is asked once per request, for a client and a key; it refuses to know how the client
learns the answer and what the edges hold.
"""

from cdn.routing.choice import ROUTERS, RouterError, find_router
from cdn.routing.fleet import Delay, Fleet, Router
from cdn.routing.jump import JumpHash, jump
from cdn.routing.maglev import Maglev
from cdn.routing.plain import LeastLoaded, Nearest, OriginOnly, RandomChoice, RoundRobin
from cdn.routing.rendezvous import Rendezvous
from cdn.routing.ring import BoundedLoad, HashRing

__all__ = [
    "ROUTERS", "BoundedLoad", "Delay", "Fleet", "HashRing", "JumpHash", "LeastLoaded", "Maglev",
    "Nearest", "OriginOnly", "RandomChoice", "Rendezvous", "RoundRobin", "Router", "RouterError",
    "find_router", "jump",
]  # fmt: skip
