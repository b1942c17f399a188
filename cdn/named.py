"""Finds a class that ships by its name, and anybody's by `path/to/file.py:ClassName`.

It checks that the class has the methods its role asks for; it makes no instance.
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path


class NamedError(ValueError):
    """No such class, or none that can play the role; names the nearest, or the fault."""


def find(
    name: str, role: str, known: Mapping[str, type[object]], methods: Mapping[str, Sequence[str]]
) -> type[object]:
    """Return the class called `name`: `hash-ring`, `HashRing`, or `file.py:Class`.

    `methods` are those a `role` needs, with the names of their arguments.

    Raises:
        NamedError: there is none, or it cannot be a `role`.
    """
    if is_file(name):
        path, _, class_name = name.rpartition(":")
        file = Path(path)
        kind = _load(file, class_name, file.stat().st_mtime_ns if file.is_file() else 0)
        for method, arguments in methods.items():
            _check(kind, name, role, method, arguments)
        return kind
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    if plain not in known:
        near = difflib.get_close_matches(plain, known, 1)
        fix = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(known)};"
        raise NamedError(f"no {role} {name!r}; {fix} or a class: path/to/file.py:ClassName")
    return known[plain]


def is_file(name: str) -> bool:
    """Return whether `name` means a class in a file."""
    return ".py:" in name


@cache
def _load(path: Path, class_name: str, _stamp: int) -> type[object]:
    """Run the file and return its class; a file that has not changed is run once."""
    if not path.is_file():
        raise NamedError(f"there is no file {str(path)!r}")
    spec = importlib.util.spec_from_file_location(f"named_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise NamedError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # foreign code may raise anything
        raise NamedError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    kind: object = getattr(module, class_name, None)
    if not inspect.isclass(kind):
        own = [
            each
            for each, value in vars(module).items()
            if inspect.isclass(value) and value.__module__ == module.__name__
        ]
        raise NamedError(f"{path} has no class {class_name!r}; it has {', '.join(own) or 'none'}")
    return kind


def _check(kind: type[object], name: str, role: str, method: str, arguments: Sequence[str]) -> None:
    shape = f"{method}({', '.join(('self', *arguments))})"
    call = getattr(kind, method, None)
    if not callable(call):
        raise NamedError(f"{name} is no {role}: it has no {shape}")
    try:
        inspect.signature(call).bind(*range(len(arguments) + 1))
        inspect.signature(kind).bind()
    except TypeError as error:
        raise NamedError(
            f"{name} is no {role}: it must be made without arguments and have {shape} ({error})"
        ) from None
