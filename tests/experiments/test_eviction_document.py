"""docs/eviction.md says what there is, and its commands and examples run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cdn.eviction import POLICIES
from experiments.cli import app
from experiments.replay import replay
from experiments.traces import Zipf

DOCUMENT = Path(__file__).parents[2] / "docs" / "eviction.md"

pytestmark = pytest.mark.skipif(
    not DOCUMENT.exists(), reason="the documentation is not part of the wheel"
)


@pytest.fixture
def text() -> str:
    """Return the document."""
    return DOCUMENT.read_text(encoding="utf-8")


def test_every_policy_is_told(text: str) -> None:
    """In its table, in the order of the code."""
    table = text[text.index("## The policies") : text.index("All count bytes")]
    assert re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE) == list(POLICIES)


def test_every_command_parses(text: str) -> None:
    """With the options there are."""
    joined = text.replace("\\\n", " ")
    lines = re.findall(r"^    (?:\$ )?swarmbed (.*)$", joined, re.MULTILINE)
    assert len(lines) == 5
    for line in lines:
        app.parse_args(shlex.split(line), exit_on_error=False)


def test_the_example_works_as_it_is_written(text: str, tmp_path: Path) -> None:
    """From its file, next to a policy that ships."""
    path = tmp_path / "mine.py"
    path.write_text(text[text.index("```python\n") + 10 :].partition("```")[0])
    trace = Zipf(0.9, 300, 5000, size=1000, sigma=1.5).trace()
    mine = replay(trace, f"{path}:Largest", trace.footprint // 10)
    assert mine.hits > replay(trace, "lru", trace.footprint // 10).hits
    assert mine.byte_hit_ratio < mine.hit_ratio


def test_its_first_output_is_what_the_command_prints(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """All but the speed: the same seed has the same hits."""
    first = text[text.index("    $ swarmbed cache") : text.index("`--zipf 0.9` draws")]
    command, *output = first.splitlines()
    app(shlex.split(command.partition("swarmbed ")[2]))
    printed = [line.split()[:-1] for line in capsys.readouterr().out.splitlines() if "MB" in line]
    assert printed
    assert [line.split()[:-1] for line in output if " MB   " in line] == printed
