"""Quantities as people type them."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import units


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10Mbps", 10e6),
        ("512KiBps", 512 * 1024 * 8),
        ("1.5Gbps", 1.5e9),
        ("300 kbps", 300e3),
        ("1MBps", 8e6),
        ("unlimited", math.inf),
    ],
)
def test_rates_are_bits_per_second(text: str, rate: float) -> None:
    """A capital B counts bytes, a small b bits."""
    assert units.parse_rate(text) == rate


@pytest.mark.parametrize(
    ("text", "size"),
    [("16MiB", 16 * 2**20), ("64KiB", 65536), ("5MB", 5_000_000), ("1.5KiB", 1536), ("7B", 7)],
)
def test_sizes_are_bytes(text: str, size: int) -> None:
    """Binary and decimal prefixes are told apart."""
    assert units.parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"), [("40ms", 0.04), ("2s", 2), ("1h", 3600), ("0ms", 0), ("5min", 300)]
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    """Zero is a duration; it is neither a rate nor a size."""
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("parse", "text", "says"),
    [
        (units.parse_rate, "10", "'10' is not a rate; write 10Mbps"),
        (units.parse_rate, "10mbps", "did you mean 10Mbps?"),
        (units.parse_rate, "10MiB", "unknown unit 'MiB'; write 10Mbps"),
        (units.parse_rate, "0Mbps", "above zero"),
        (units.parse_rate, "-1Mbps", "is not a rate"),
        (units.parse_rate, "nanMbps", "is not a rate"),
        (units.parse_rate, "1e999Mbps", "too large"),
        (units.parse_size, "16Mb", "did you mean 16MB?"),
        (units.parse_size, "1.5B", "whole number"),
        (units.parse_duration, "40", "write 40ms"),
        (units.parse_duration, "40MS", "did you mean 40ms?"),
    ],
)
def test_errors_name_the_value_and_the_fix(
    parse: Callable[[str], float], text: str, says: str
) -> None:
    """What cannot be read is refused with the value and the accepted forms."""
    with pytest.raises(units.UnitError) as caught:
        parse(text)
    assert says in str(caught.value)


@given(st.floats(min_value=1, max_value=1e15) | st.integers(1, 10**6).map(lambda k: k * 1e4))
def test_rates_survive_writing(rate: float) -> None:
    """What is written is read back as the same number."""
    assert units.parse_rate(units.format_rate(rate)) == rate


@given(st.integers(1, 2**50))
def test_sizes_survive_writing(size: int) -> None:
    """What is written is read back as the same number."""
    assert units.parse_size(units.format_size(size)) == size


@given(st.floats(min_value=0, max_value=1e9))
def test_durations_survive_writing(duration: float) -> None:
    """What is written is read back as the same number."""
    assert units.parse_duration(units.format_duration(duration)) == duration


def test_written_forms_are_the_short_ones() -> None:
    """Round values are written as a person would."""
    assert units.format_rate(10e6) == "10Mbps"
    assert units.format_rate(math.inf) == "unlimited"
    assert units.format_size(16 * 2**20) == "16MiB"
    assert units.format_duration(0.04) == "40ms"
