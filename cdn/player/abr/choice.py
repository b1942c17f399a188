"""Finds rules: the ones that ship, by name, and anybody's, as `file.py:ClassName`.

It refuses what cannot be one before a player relies on it; it chooses no rate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from cdn.named import Role
from cdn.player.abr.bola import Bola
from cdn.player.abr.buffer_based import BufferBased
from cdn.player.abr.dynamic import Dynamic
from cdn.player.abr.ewma import Ewma
from cdn.player.abr.fixed import Fixed
from cdn.player.abr.robust_mpc import RobustMpc
from cdn.player.abr.throughput import Throughput
from cdn.player.view import Abr

RULES: Mapping[str, Callable[[], Abr]] = {
    "fixed": Fixed,
    "throughput": Throughput,
    "ewma": Ewma,
    "buffer-based": BufferBased,
    "bola": Bola,
    "robust-mpc": RobustMpc,
    "dynamic": Dynamic,
}
_FIXED = re.compile(r"fixed:([0-9]{1,3})")


class AbrError(ValueError):
    """There is no such rule, it is none, or it failed; the text names it and the fix."""


_ROLE = Role("ABR rule", RULES, AbrError, also=("fixed:RUNG",))


def find_rule(name: str) -> Callable[[], Abr]:
    """Return what makes a rule: `robust-mpc`, `RobustMpc`, `fixed:2`, `mine.py:ClassName`.

    Raises:
        AbrError: there is none, or it is no rule; names the nearest, or the fault.
    """
    rung = _FIXED.fullmatch(name.lower())
    if rung is not None:
        return partial(Fixed, int(rung[1]))
    return _ROLE.find(name, "choose(self, view)")
