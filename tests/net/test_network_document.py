"""docs/network.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from net import calibration, fabric, flow, link

DOCUMENT = Path(__file__).parents[2] / "docs" / "network.md"

pytestmark = pytest.mark.skipif(
    not DOCUMENT.exists(), reason="the documentation is not part of the wheel"
)


@pytest.fixture
def text() -> str:
    """Return the document."""
    return DOCUMENT.read_text(encoding="utf-8")


def block(text: str, kind: str) -> str:
    """Return the first code block of that kind."""
    found = re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL)
    assert found, f"no {kind} block"
    return found[1]


def test_the_example_prints_what_the_page_says(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The twenty lines run, and virtual time makes their output exact."""
    exec(compile(block(text, "python"), str(DOCUMENT), "exec"), {"__name__": "example"})
    assert capsys.readouterr().out == block(text, "text")


def test_the_numbers_are_the_code_s(text: str) -> None:
    """Each constant the page names."""
    transport = flow.Transport()
    for phrase in (
        f"({transport.segment // 1024} KiB unless told otherwise",
        f"message of up to {flow.PACKET:,} bytes",
        f"at most {link.EXPRESS_BACKLOG * 1e3:.0f} ms of such messages",
        f"its buffer of {transport.receive_buffer // 2**20} MiB; a sender waits until",
        f"W₀ = {flow.INITIAL_WINDOW:,} B",
        f"The window stops at {transport.window // 2**20} MiB",
        f"when {fabric.DATAGRAM_QUEUE // 1024} KiB wait",
        f"{fabric.MAX_DATAGRAM:,} bytes is the most",
        f"busy for {link.MIN_PERIOD * 1e3:.0f} ms or more without a pause",
        f"more than {calibration.TOLERANCE:.0%} below".replace("%", " %"),
        f"more than {calibration.MAX_LAG * 1e3:.0f} ms\nlate on average",
    ):
        assert phrase in text
