"""Finds strategies: the ones that ship, by name, and anybody's, by `path/to/file.py:ClassName`.

It makes one instance per peer and refuses what cannot be one; it takes no decisions.
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from peer import choker, picker
from peer.decision import Choker, Picker, StrategyError

PICKERS: Mapping[str, type[Picker]] = {
    "rarest-first": picker.RarestFirst,
    "random": picker.Random,
    "sequential": picker.Sequential,
    "windowed-rarest": picker.WindowedRarest,
}
CHOKERS: Mapping[str, type[Choker]] = {
    "tit-for-tat": choker.TitForTat,
    "block-tit-for-tat": choker.BlockTitForTat,
    "prop-share": choker.PropShare,
    "bit-tyrant": choker.BitTyrant,
    "round-robin": choker.RoundRobin,
    "least-served": choker.LeastServed,
    "seed-linear": choker.SeedLinear,
    "free-rider": choker.FreeRider,
}


@dataclass(frozen=True, slots=True)
class Strategies:
    """How a peer decides, by names; `seed_choker` None is what the choker says it becomes."""

    picker: str = "rarest-first"
    choker: str = "tit-for-tat"
    seed_choker: str | None = None

    def make_picker(self) -> Picker:
        """Return a new picker. Raises `StrategyError` if there is none of that name."""
        return find_picker(self.picker)()

    def make_choker(self) -> Choker:
        """Return a new choker for a downloader. Raises `StrategyError` as above."""
        return find_choker(self.choker)()

    def make_seed_choker(self) -> Choker:
        """Return a new choker for a peer that has everything. Raises `StrategyError` as above."""
        successor = getattr(find_choker(self.choker), "when_complete", "least-served")
        return find_choker(self.seed_choker or successor)()


DEFAULT = Strategies()


def find_picker(name: str) -> type[Picker]:
    """Return the picker called `name`: `rarest-first`, `RarestFirst`, or `file.py:Class`.

    Raises:
        StrategyError: there is none, or it is no picker; names the nearest, or the fault.
    """
    return cast("type[Picker]", _find(name, "picker", PICKERS, "pick", 3))


def find_choker(name: str) -> type[Choker]:
    """Return the choker called `name`: `tit-for-tat`, `TitForTat`, or `file.py:Class`.

    Raises:
        StrategyError: there is none, or it is no choker; names the nearest, or the fault.
    """
    return cast("type[Choker]", _find(name, "choker", CHOKERS, "choose", 1))


def is_file(name: str) -> bool:
    """Whether `name` means a class in a file."""
    return ".py:" in name


def _find(
    name: str, role: str, known: Mapping[str, type[object]], method: str, arguments: int
) -> type[object]:
    if is_file(name):
        path, _, class_name = name.rpartition(":")
        file = Path(path)
        stamp = file.stat().st_mtime_ns if file.is_file() else 0
        kind = _load(file, class_name, stamp)
        _check(kind, name, role, method, arguments)
        return kind
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
    if plain not in known:
        near = difflib.get_close_matches(plain, known, 1)
        fix = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(known)}"
        raise StrategyError(f"no {role} {name!r}; {fix} Or a class: path/to/file.py:ClassName")
    return known[plain]


@cache
def _load(path: Path, class_name: str, _stamp: int) -> type[Any]:
    """Run the file and return its class; a file that has not changed is run once."""
    if not path.is_file():
        raise StrategyError(f"there is no file {str(path)!r}")
    spec = importlib.util.spec_from_file_location(f"strategy_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise StrategyError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # foreign code may raise anything
        raise StrategyError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    kind = getattr(module, class_name, None)
    if not inspect.isclass(kind):
        classes = [each for each, value in vars(module).items() if _defined_in(value, module)]
        raise StrategyError(
            f"{path} has no class {class_name!r}; it has {', '.join(classes) or 'none'}"
        )
    made: type[Any] = kind
    made.strategy_file = str(path)
    return made


def _defined_in(value: object, module: object) -> bool:
    return inspect.isclass(value) and value.__module__ == getattr(module, "__name__", None)


def _check(kind: type[object], name: str, role: str, method: str, arguments: int) -> None:
    """Refuse a class that cannot be made without arguments or called as its role demands."""
    call = getattr(kind, method, None)
    shape = {"pick": "pick(self, candidates, chunks, rng)", "choose": "choose(self, view)"}[method]
    if not callable(call):
        raise StrategyError(f"{name} is no {role}: it has no {shape}")
    try:
        inspect.signature(call).bind(*range(arguments + 1))
    except TypeError:
        raise StrategyError(
            f"{name} is no {role}: its {method} cannot be called as {shape}"
        ) from None
    try:
        inspect.signature(kind).bind()
    except TypeError:
        raise StrategyError(f"{name}: its __init__ must need no arguments") from None
