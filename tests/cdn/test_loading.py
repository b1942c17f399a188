"""Anybody's class from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdn.loading import LoadError, is_file, load_class


@pytest.mark.parametrize(
    ("name", "file"), [("a.py:A", True), ("a/b.py:A", True), ("lru", False), ("a.py", False)]
)
def test_names_of_files_are_told_apart(name: str, *, file: bool) -> None:
    """By the file's ending and the colon."""
    assert is_file(name) is file


def test_a_file_is_run_once(tmp_path: Path) -> None:
    """So that its class is one class, however its path is written."""
    path = tmp_path / "mine.py"
    path.write_text("class Mine: pass\n")
    again = tmp_path / "x" / ".." / "mine.py"
    (tmp_path / "x").mkdir()
    assert load_class(f"{path}:Mine") is load_class(f"{again}:Mine")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("from pathlib import Path\nclass One: pass\n", "has no class 'Mine'; it has One"),
        ("Mine = 1\n", "has no class 'Mine'; it has none"),
        ("raise SystemExit(1)\n", "cannot be loaded: SystemExit: 1"),
        ("def broken(:\n", "cannot be loaded: SyntaxError"),
    ],
)
def test_a_file_without_the_class_is_refused(tmp_path: Path, content: str, fault: str) -> None:
    """With the file's name and what it has instead."""
    path = tmp_path / "mine.py"
    path.write_text(content)
    with pytest.raises(LoadError) as error:
        load_class(f"{path}:Mine")
    assert str(path) in str(error.value)
    assert fault in str(error.value)
