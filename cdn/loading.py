"""Loads anybody's class: `path/to/file.py:ClassName`.

It runs the file once and returns the class; what the class must be able to do, others check.
"""

from __future__ import annotations

import importlib.util
import inspect
from functools import cache
from pathlib import Path
from types import ModuleType


class LoadError(ValueError):
    """There is no such class; the text names the file and the fix."""


def is_file(name: str) -> bool:
    """Whether `name` means a class in a file."""
    return ".py:" in name


def load_class(name: str) -> type[object]:
    """Return the class that `name`, such as `mine.py:Mine`, means.

    Raises:
        LoadError: no such file, it does not run, or it has no such class.
    """
    path, _, class_name = name.rpartition(":")
    file = Path(path).resolve()
    if not file.is_file():
        raise LoadError(f"there is no file {path!r}")
    module = _run(file, file.stat().st_mtime_ns)
    kind = getattr(module, class_name, None)
    if inspect.isclass(kind):
        return kind
    own = [each for each, value in vars(module).items() if _is_class_of(module, value)]
    raise LoadError(f"{path} has no class {class_name!r}; it has {', '.join(own) or 'none'}")


def _is_class_of(module: ModuleType, value: object) -> bool:
    return inspect.isclass(value) and value.__module__ == module.__name__


@cache
def _run(file: Path, _stamp: int) -> ModuleType:
    """Return the module in the file; one that has not changed is run once."""
    spec = importlib.util.spec_from_file_location(f"loaded_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise LoadError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # foreign code may raise anything
        raise LoadError(f"{file} cannot be loaded: {type(error).__name__}: {error}") from error
    return module
