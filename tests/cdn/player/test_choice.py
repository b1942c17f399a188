"""Finding rules by name and in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdn.player.abr import AbrError, Bola, Fixed, RobustMpc, find_rule
from tests.cdn.player.views import view


@pytest.mark.parametrize(
    ("name", "kind"),
    [("bola", Bola), ("Bola", Bola), ("robust-mpc", RobustMpc), ("RobustMpc", RobustMpc)],
)
def test_a_rule_is_found_by_either_name(name: str, kind: type) -> None:
    """Rules go by their class and by its name in words."""
    assert isinstance(find_rule(name)(), kind)


def test_fixed_takes_a_rung() -> None:
    """`fixed:1` is the second rung."""
    rule = find_rule("fixed:1")()
    assert isinstance(rule, Fixed)
    assert rule.choose(view()) == 1


def test_a_class_in_a_file_is_a_rule(tmp_path: Path) -> None:
    """Anybody's class with `choose` will do."""
    (tmp_path / "mine.py").write_text(
        "class Mine:\n    def choose(self, view):\n        return 1\n"
    )
    assert find_rule(f"{tmp_path}/mine.py:Mine")().choose(view()) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bolla", "did you mean 'bola'"),
        ("nonsense", "robust-mpc"),
        ("nowhere.py:Mine", "no file"),
        ("FILE:None", "has no class"),
        ("FILE:Bare", "has no choose"),
        ("FILE:Odd", "choose(self, view)"),
        ("FILE:Picky", "without arguments"),
    ],
)
def test_what_is_no_rule_is_refused(name: str, words: str, tmp_path: Path) -> None:
    """The error names the fault and the fix."""
    file = tmp_path / "some.py"
    file.write_text(
        "class Bare:\n    pass\n"
        "class Odd:\n    def choose(self):\n        return 0\n"
        "class Picky:\n    def __init__(self, x):\n        pass\n"
        "    def choose(self, view):\n        return 0\n"
    )
    with pytest.raises(AbrError) as caught:
        find_rule(name.replace("FILE", str(file)))
    assert words in str(caught.value)
