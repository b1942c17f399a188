"""Classes by what they are called, whatever they are for."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdn.named import Role


class OddError(ValueError):
    """There is no such singer."""


class LowBird:
    """Sings low."""

    def sing(self, song: str) -> str:
        """Return the song."""
        return song.lower()


SINGERS = Role("singer", {"low-bird": LowBird}, OddError, also=("bird:PITCH",))


@pytest.mark.parametrize("name", ["low-bird", "LowBird", "Low-Bird"])
def test_who_ships_is_found_by_either_name(name: str) -> None:
    """The name in the table, or the class's own."""
    assert SINGERS.find(name, "sing(self, song)") is LowBird


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lowbird", "no singer 'lowbird'; did you mean 'low-bird'? Or a class: "
         "path/to/file.py:ClassName"),
        ("moon", "no singer 'moon'; there are low-bird, bird:PITCH. Or a class: "
         "path/to/file.py:ClassName"),
        ("FILE:Mute", "FILE:Mute is no singer: it has no sing(self, song)"),
        ("FILE:Short", "FILE:Short is no singer: it must be made without arguments and have "
         "sing(self, song) (too many positional arguments)"),
        ("FILE:Proud", "FILE:Proud is no singer: it must be made without arguments and have "
         "sing(self, song) (missing a required argument: 'fee')"),
        ("FILE:Gone", "FILE has no class 'Gone'; it has Mute, Short, Proud"),
    ],
)  # fmt: skip
def test_who_is_none_is_refused_as_its_role_says(name: str, text: str, tmp_path: Path) -> None:
    """With the role's own error, and in its words."""
    file = tmp_path / "some.py"
    file.write_text(
        "class Mute:\n    sing = 'nothing'\n"
        "class Short:\n    def sing(self): pass\n"
        "class Proud:\n    def __init__(self, fee): pass\n    def sing(self, song): pass\n"
    )
    with pytest.raises(OddError) as error:
        SINGERS.find(name.replace("FILE", str(file)), "sing(self, song)")
    assert str(error.value) == text.replace("FILE", str(file))
