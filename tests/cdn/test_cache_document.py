"""docs/cache.md says what the tables say, and names tests that are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from cdn.freshness import LIFETIMES, OBJECTIONS, ON_FAILURE, REUSE, Rule

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "cache.md"

pytestmark = pytest.mark.skipif(
    not DOCUMENT.exists(), reason="the documentation is not part of the wheel"
)


@pytest.mark.parametrize(
    ("test", "table"),
    [
        ("test_storing", OBJECTIONS),
        ("test_lifetimes", LIFETIMES),
        ("test_reuse", REUSE),
        ("test_failing_origins", ON_FAILURE),
    ],
)
def test_every_rule_is_told(test: str, table: Sequence[Rule[object]]) -> None:
    """Its clause, what it says, and its test, in the order in which the rules speak."""
    rows = [
        f"| {rule.clause} | {rule.says} | `test_freshness.py::{test}[{rule.name}]` |"
        for rule in table
    ]
    assert "\n".join(rows) in DOCUMENT.read_text(encoding="utf-8")


def test_every_test_named_exists() -> None:
    """A row without a test would be a promise."""
    named = re.findall(r"`(test_\w+\.py)::(\w+)", DOCUMENT.read_text(encoding="utf-8"))
    assert len(named) > 50
    for file in {file for file, _ in named}:
        tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
        tests = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert {name for where, name in named if where == file} <= tests
