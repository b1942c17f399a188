"""Header fields: an immutable, ordered list of lines with case-insensitive lookup.

Refuses to know what any field means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

Lines = Iterable[tuple[str, str]]


class Headers:
    """Field lines in the order they were sent; names are always lower case (RFC 9110 5.1)."""

    __slots__ = ("_lines",)

    def __init__(self, lines: Lines | Mapping[str, str] = ()) -> None:
        pairs = lines.items() if isinstance(lines, Mapping) else lines
        self._lines = tuple([(name.lower(), value) for name, value in pairs])

    @classmethod
    def decode(cls, raw: Iterable[tuple[bytes, bytes]]) -> Headers:
        """Return h11's lines (names already lower case) as text; bytes above 127 are Latin-1."""
        return cls._of(tuple([(str(name, "ascii"), str(value, "latin-1")) for name, value in raw]))

    def encode(self) -> list[tuple[bytes, bytes]]:
        """Return the lines as h11 takes them."""
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in self._lines]

    def get(self, name: str) -> str | None:
        """Return the value of lower-case `name`, lines joined by ", " (RFC 9110 5.3), or None."""
        found = None
        for key, value in self._lines:
            if key == name:
                found = value if found is None else f"{found}, {value}"
        return found

    def items(self, name: str) -> tuple[str, ...]:
        """Return the members of a comma-separated list field, lower case, without blanks."""
        value = self.get(name)
        if value is None:
            return ()
        return tuple(member for part in value.split(",") if (member := part.strip().lower()))

    def names(self) -> frozenset[str]:
        """Return the lower-case names there are."""
        return frozenset([name for name, _ in self._lines])

    def without(self, *names: str) -> Headers:
        """Return these lines less those of lower-case `names`."""
        return Headers._of(tuple([line for line in self._lines if line[0] not in names]))

    def replace(self, lines: Lines | Mapping[str, str]) -> Headers:
        """Return these lines with every field named in `lines` replaced by its lines there."""
        new = Headers(lines)._lines
        names = [name for name, _ in new]
        return Headers._of((*[line for line in self._lines if line[0] not in names], *new))

    @classmethod
    def _of(cls, lines: tuple[tuple[str, str], ...]) -> Headers:
        """Return headers of `lines` whose names are lower case already."""
        headers = cls.__new__(cls)
        headers._lines = lines
        return headers

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._lines)

    def __contains__(self, name: object) -> bool:
        return any(key == name for key, _ in self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._lines == other._lines

    def __hash__(self) -> int:
        return hash(self._lines)

    def __repr__(self) -> str:
        return f"Headers({list(self._lines)!r})"
