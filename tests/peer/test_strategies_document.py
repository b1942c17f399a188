"""docs/strategies.md says what there is, and its example runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from peer.decision import choose
from peer.strategy import CHOKERS, PICKERS, Strategies, find_choker
from peer.view import NeighbourView, RoundView
from tests.peer.views import neighbour, round_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "strategies.md"

pytestmark = pytest.mark.skipif(
    not DOCUMENT.exists(), reason="the documentation is not part of the wheel"
)


@pytest.fixture
def text() -> str:
    """Return the document."""
    return DOCUMENT.read_text(encoding="utf-8")


def rows(text: str, after: str) -> list[list[str]]:
    """Return the cells of the first table after a line, without its head."""
    lines = text[text.index(after) :].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    end = next(i for i, line in enumerate(lines) if i > start and not line.startswith("|"))
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines[start + 2 : end]
    ]


def test_every_strategy_is_told(text: str) -> None:
    """By its name, with what it becomes and whether it fills free slots."""
    assert [row[0].strip("`") for row in rows(text, "## Pickers")] == list(PICKERS)
    told = rows(text, "## Chokers")
    assert [row[0].strip("`") for row in told] == list(CHOKERS)
    for name, _, _, filled, successor, _ in told:
        kind = find_choker(name.strip("`"))
        assert filled == ("yes" if getattr(kind, "work_conserving", False) else "no")
        seeding = Strategies(choker=name.strip("`")).make_seed_choker()
        assert isinstance(seeding, CHOKERS[successor.strip("`")])


@pytest.mark.parametrize(
    ("after", "fields"),
    [
        ("The round, `view`", set(RoundView._fields)),
        ("Each neighbour in", {*NeighbourView._fields, "last"}),
    ],
)
def test_every_field_of_the_views_is_told(text: str, after: str, fields: set[str]) -> None:
    """No more and no fewer than there are."""
    assert {name for row in rows(text, after) for name in re.findall(r"`(\w+)`", row[0])} == fields


def test_the_example_runs(text: str, tmp_path: Path) -> None:
    """Saved as a file, it is a choker, and it decides as it says."""
    source = text.split("```python\n")[1].split("```", maxsplit=1)[0]
    assert len([line for line in source.splitlines() if line.strip()]) <= 15
    (tmp_path / "loyal.py").write_text(source)
    choker = find_choker(f"{tmp_path}/loyal.py:Loyal")()
    everyone = [neighbour(name, received=size) for name, size in {"a": 1, "b": 9, "c": 5}.items()]
    names = [each.strip(b"-").decode() for each in choose(choker, round_of(everyone, slots=2))]
    assert names[0] == "b"
    assert names[1] in {"a", "c"}
