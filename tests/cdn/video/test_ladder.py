"""Ladders as people write them."""

from __future__ import annotations

import pytest

from cdn.video.ladder import DEFAULT, LadderError, Rung, parse_ladder


@pytest.mark.parametrize(
    ("text", "rungs"),
    [
        ("240p:400k", (Rung(240, 400_000),)),
        ("720p:2.5M, 240p:400kbps", (Rung(240, 400_000), Rung(720, 2_500_000))),
        ("360p:750000", (Rung(360, 750_000),)),
        (DEFAULT, (Rung(240, 400_000), Rung(480, 1_000_000), Rung(720, 2_500_000))),
    ],
)
def test_rungs_are_read_lowest_rate_first(text: str, rungs: tuple[Rung, ...]) -> None:
    """Heights and rates with their units."""
    assert parse_ladder(text) == rungs


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "'' is no rung; write HEIGHTp:RATE"),
        ("240:400k", "'240:400k' is no rung"),
        ("240p:400x", "'240p:400x' is no rung"),
        ("240p:-1k", "'240p:-1k' is no rung"),
        ("241p:400k", "'241p:400k': the height must be even"),
        ("32p:400k", "the height must be even, from 64 to 4320"),
        ("240p:1k", "the rate must be from 10k to 200M"),
        ("240p:1M,240p:2M", "two rungs of height 240"),
        ("240p:1M,480p:1M", "two rungs of rate 1000000"),
        (",".join(f"{64 + 2 * n}p:{n + 1}00k" for n in range(17)), "17 rungs; at most 16"),
    ],
)
def test_what_is_wrong_is_named(text: str, error: str) -> None:
    """One fault each."""
    with pytest.raises(LadderError) as caught:
        parse_ladder(text)
    assert error in str(caught.value)
