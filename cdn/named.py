"""Finds classes by what they are called: the ones that ship, and anybody's in a file.

It refuses to know what they do; who needs them says what they are and what they must have.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from cdn.loading import LoadError, is_file, load_class

Maker = TypeVar("Maker")


@dataclass(frozen=True, slots=True)
class Role(Generic[Maker]):
    """What is looked for: its `noun`, those that ship by name, and the error when there is none.

    `also` are other names that are understood, for the error to tell.
    """

    noun: str
    known: Mapping[str, Maker]
    error: type[ValueError]
    also: tuple[str, ...] = ()

    def find(self, name: str, shape: str) -> Maker:
        """Return the one called `name`: `hash-ring`, `HashRing`, or `path/to/file.py:ClassName`.

        A class from a file must have the method `shape`, such as `choose(self, view)`, and be
        made without arguments.

        Raises:
            ValueError: there is none, or it is none; as `error`, with the nearest or the fault.
        """
        if is_file(name):
            kind = self.load(name)
            self._check(kind, name, shape)
            return cast("Maker", kind)
        plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
        if plain not in self.known:
            raise self.unknown(name, plain)
        return self.known[plain]

    def load(self, name: str) -> type[object]:
        """Return the class in a file, unchecked. Raises `ValueError` as `find`."""
        try:
            return load_class(name)
        except LoadError as error:
            raise self.error(str(error)) from error

    def unknown(self, name: str, plain: str) -> ValueError:
        """Return the error for `name`, with the known name nearest to `plain`."""
        near = difflib.get_close_matches(plain, self.known, 1)
        there = ", ".join((*self.known, *self.also))
        fix = f"did you mean {near[0]!r}?" if near else f"there are {there}."
        return self.error(f"no {self.noun} {name!r}; {fix} Or a class: path/to/file.py:ClassName")

    def _check(self, kind: type[object], name: str, shape: str) -> None:
        call = getattr(kind, shape.partition("(")[0], None)
        if not callable(call):
            raise self.error(f"{name} is no {self.noun}: it has no {shape}")
        try:
            inspect.signature(call).bind(*range(shape.count(",") + 1))
            inspect.signature(kind).bind()
        except TypeError as error:
            raise self.error(
                f"{name} is no {self.noun}: "
                f"it must be made without arguments and have {shape} ({error})"
            ) from None
