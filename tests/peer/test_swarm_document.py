"""docs/swarm.md says what the code does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import peer.node
from peer.settings import PeerSettings

DOCUMENT = Path(__file__).parents[2] / "docs" / "swarm.md"

pytestmark = pytest.mark.skipif(
    not DOCUMENT.exists(), reason="the documentation is not part of the wheel"
)


@pytest.fixture
def text() -> str:
    """Return the document."""
    return DOCUMENT.read_text(encoding="utf-8")


def rows(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading, without its head."""
    section = text.split(f"## {heading}\n")[1].split("\n## ", maxsplit=1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_setting_is_explained(text: str) -> None:
    """The table has each setting, in order, with its default."""
    told = [(name, default) for name, default, _meaning in rows(text, "Settings")]
    assert told == [
        (each.name, f"{each.default:g}" if each.type != "bool" else str(each.default))
        for each in fields(PeerSettings)
    ]


def test_every_event_is_explained(text: str) -> None:
    """The table has each event that a peer's modules trace, with its fields."""
    traced: dict[str, set[str]] = {}
    for module in Path(peer.node.__file__).parent.glob("*.py"):
        source = module.read_text(encoding="utf-8")
        for event, rest in re.findall(r'_trace\(\s*"(\w+)"((?:[^()]|\([^()]*\))*)\)', source):
            traced.setdefault(event, set()).update(re.findall(r"(\w+)=", rest))
    told = {event: set(said.split(", ")) for event, said, _meaning in rows(text, "Events")}
    assert told == traced


def test_the_example_runs(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A reader who pastes it sees every leecher complete."""
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found
    exec(compile(found[1], str(DOCUMENT), "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert all(re.fullmatch(r"leecher-\d complete at \d\.\d\d s", line) for line in lines)
