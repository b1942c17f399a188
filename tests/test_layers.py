"""The map of the house: which package may import which, and what no package may reach for."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

MAY_IMPORT: dict[str, frozenset[str]] = {
    # floor 1: how bytes travel, and what they say
    "net": frozenset(),
    "wire": frozenset(),
    # floor 2: who speaks
    "peer": frozenset({"net", "wire"}),
    "tracker": frozenset({"net", "wire"}),
    "cdn": frozenset({"net", "wire"}),
    # floor 3: what we ask
    "experiments": frozenset({"net", "wire", "peer", "tracker", "cdn"}),
}

NEVER = frozenset({"asyncio"})

# Below `experiments` time and chance are arguments, so a run can be replayed.
REAL_TIME = frozenset(
    f"time.{name}{unit}"
    for name in ("time", "monotonic", "perf_counter", "process_time", "sleep")
    for unit in ("", "_ns")
) | {
    f"datetime.{owner}.{name}"
    for owner in ("datetime", "date")
    for name in ("now", "utcnow", "today")
}
SEEDED_RANDOM = "random.Random"
UNSEEDED = frozenset({"os.urandom", "os.getrandom", "uuid.uuid1", "uuid.uuid4"})


def breaches(package: str, source: str) -> list[str]:
    """Return what `source`, a module of `package`, breaks; each as `line: what`."""
    tree = ast.parse(source)
    found = [f"{line}: {what}" for line, what in _imports(package, tree)]
    if package != "experiments":
        found += [f"{line}: reaches for {name}" for line, name in _ambient(tree)]
    return found


def _imports(package: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    allowed = MAY_IMPORT[package] | {package}
    for node in ast.walk(tree):
        for name in _imported(node):
            root = name.partition(".")[0]
            if root in NEVER or (root in MAY_IMPORT and root not in allowed):
                yield getattr(node, "lineno", 0), f"{package} may not import {root}"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _ambient(tree: ast.AST) -> Iterator[tuple[int, str]]:
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {a.asname: a.name for a in node.names if a.asname}
            known |= {
                top: top for a in node.names for top in [a.name.partition(".")[0]] if not a.asname
            }
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            known |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            name = _dotted(node, known)
            if name and _forbidden(name):
                yield node.lineno, name


def _dotted(node: ast.expr, known: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, known)
        return f"{owner}.{node.attr}" if owner else None
    return None


def _forbidden(name: str) -> bool:
    unseeded = name.startswith("random.") and not f"{name}.".startswith(f"{SEEDED_RANDOM}.")
    return name in REAL_TIME or name in UNSEEDED or name.startswith("secrets.") or unseeded


def modules(package: str) -> list[Path]:
    """Return every module of the installed `package`, wherever it is installed."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.submodule_search_locations
    return sorted(
        path for place in spec.submodule_search_locations for path in Path(place).rglob("*.py")
    )


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_every_module_keeps_to_its_floor(package: str) -> None:
    """No module imports upwards or sideways, or reaches for the real clock or global chance."""
    files = modules(package)
    assert files
    found = {str(path): breaches(package, path.read_text(encoding="utf-8")) for path in files}
    assert {path: what for path, what in found.items() if what} == {}


def test_floors_never_meet_sideways() -> None:
    """The table itself has no cycle: what a package may import may not import it back."""
    for package, lower in MAY_IMPORT.items():
        assert package not in lower
        assert all(package not in MAY_IMPORT[below] for below in lower)


@pytest.mark.parametrize(
    ("package", "source", "expected"),
    [
        ("peer", "import tracker.node", ["1: peer may not import tracker"]),
        ("wire", "from net.seam import Address", ["1: wire may not import net"]),
        ("net", "def late():\n    import experiments", ["2: net may not import experiments"]),
        ("experiments", "import asyncio", ["1: experiments may not import asyncio"]),
        ("cdn", "from asyncio import sleep", ["1: cdn may not import asyncio"]),
        ("cdn", "import time\ntime.time()", ["2: reaches for time.time"]),
        ("cdn", "import time as t\nnow = t.monotonic_ns", ["2: reaches for time.monotonic_ns"]),
        ("net", "from time import sleep\nsleep(1)", ["2: reaches for time.sleep"]),
        ("peer", "import random\nrandom.shuffle([])", ["2: reaches for random.shuffle"]),
        ("peer", "from random import choice\nchoice('ab')", ["2: reaches for random.choice"]),
        ("peer", "import os\nos.urandom(4)", ["2: reaches for os.urandom"]),
        (
            "wire",
            "from datetime import datetime\ndatetime.now()",
            ["2: reaches for datetime.datetime.now"],
        ),
        ("peer", "import random\nrandom.Random('1/a').random()", []),
        ("peer", "from . import picker\nfrom net import seam\nimport wire.frame", []),
        ("experiments", "import time\ntime.perf_counter()", []),
        ("net", "import trio\ntrio.current_time()", []),
    ],
)
def test_the_checker_sees_a_breach(package: str, source: str, expected: list[str]) -> None:
    """Each kind of breach is found in a snippet that commits it, and clean snippets pass."""
    assert breaches(package, source) == expected
