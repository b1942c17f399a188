"""Finds rules: the ones that ship, by name, and anybody's, as `file.py:ClassName`.

It refuses what cannot be one before a player relies on it; it chooses no rate.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

from cdn.loading import LoadError, is_file, load_class
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
_SHAPE = "choose(self, view)"
_FIXED = re.compile(r"fixed:([0-9]{1,3})")


class AbrError(ValueError):
    """There is no such rule, it is none, or it failed; the text names it and the fix."""


def find_rule(name: str) -> Callable[[], Abr]:
    """Return what makes a rule: `robust-mpc`, `RobustMpc`, `fixed:2`, `mine.py:ClassName`.

    Raises:
        AbrError: there is none, or it is no rule; names the nearest, or the fault.
    """
    if is_file(name):
        return _from_file(name)
    rung = _FIXED.fullmatch(name.lower())
    if rung is not None:
        return partial(Fixed, int(rung[1]))
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    if plain not in RULES:
        near = difflib.get_close_matches(plain, RULES, 1)
        fix = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(RULES)}, fixed:RUNG."
        raise AbrError(f"no ABR rule {name!r}; {fix} Or a class: path/to/file.py:ClassName")
    return RULES[plain]


def _from_file(name: str) -> Callable[[], Abr]:
    try:
        kind = load_class(name)
    except LoadError as error:
        raise AbrError(str(error)) from error
    call = getattr(kind, "choose", None)
    if not callable(call):
        raise AbrError(f"{name} is no ABR rule: it has no {_SHAPE}")
    try:
        inspect.signature(call).bind(*range(2))
        inspect.signature(kind).bind()
    except TypeError as error:
        raise AbrError(
            f"{name} is no ABR rule: it must be made without arguments and have {_SHAPE} ({error})"
        ) from None
    return cast("Callable[[], Abr]", kind)
