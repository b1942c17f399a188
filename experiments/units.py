"""Reads and writes quantities as people type them: `10Mbps`, `16MiB`, `40ms`.

It knows units and nothing of what is measured. Rates are bit/s, sizes bytes, times seconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

RATES: Mapping[str, float] = {
    "bps": 1, "kbps": 1e3, "Mbps": 1e6, "Gbps": 1e9,
    "Bps": 8, "kBps": 8e3, "MBps": 8e6, "GBps": 8e9,
    "KiBps": 8 * 2**10, "MiBps": 8 * 2**20, "GiBps": 8 * 2**30,
}  # fmt: skip
SIZES: Mapping[str, float] = {
    "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
DURATIONS: Mapping[str, float] = {"us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600}

UNLIMITED = "unlimited"
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?) ?([A-Za-z]+)")


class UnitError(ValueError):
    """A quantity that cannot be read; the message names it and the forms that can."""


def parse_rate(text: str) -> float:
    """Return the rate in bit/s; `unlimited` is infinity.

    Raises:
        UnitError: `text` is not a positive number with a rate's unit.
    """
    if text.strip() == UNLIMITED:
        return math.inf
    return _positive(text, RATES, "a rate", "10Mbps (bits), 512KiBps (bytes) or unlimited")


def parse_size(text: str) -> int:
    """Return the size in whole bytes.

    Raises:
        UnitError: `text` is not a positive whole number of bytes with a size's unit.
    """
    size = _positive(text, SIZES, "a size", "16MiB, 64KiB or 5MB (bytes)")
    if size != int(size):
        raise UnitError(f"'{text}' is not a whole number of bytes")
    return int(size)


def parse_duration(text: str) -> float:
    """Return the time in seconds; zero is a duration.

    Raises:
        UnitError: `text` is not a number with a unit of time.
    """
    return _quantity(text, DURATIONS, "a duration", "40ms, 2s or 1h")


def format_rate(rate: float) -> str:
    """Return `rate` in bit/s so that `parse_rate` reads the same value back."""
    return UNLIMITED if math.isinf(rate) else _shortest(rate, RATES, "bps")


def format_size(size: int) -> str:
    """Return `size` in bytes so that `parse_size` reads the same value back."""
    return _shortest(size, SIZES, "B")


def format_duration(duration: float) -> str:
    """Return `duration` in seconds so that `parse_duration` reads the same value back."""
    return _shortest(duration, DURATIONS, "s")


def _positive(text: str, units: Mapping[str, float], what: str, forms: str) -> float:
    value = _quantity(text, units, what, forms)
    if value <= 0:
        raise UnitError(f"'{text}' is not {what} above zero; write {forms}")
    return value


def _quantity(text: str, units: Mapping[str, float], what: str, forms: str) -> float:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise UnitError(f"'{text}' is not {what}; write {forms}")
    number, unit = match.groups()
    if unit not in units:
        near = [known for known in units if known.lower() == unit.lower()]
        hint = f"did you mean {number}{near[0]}?" if near else f"write {forms}"
        raise UnitError(f"'{text}' is not {what}: unknown unit '{unit}'; {hint}")
    value = float(number) * units[unit]
    if not math.isfinite(value):
        raise UnitError(f"'{text}' is too large")
    return value


def _shortest(value: float, units: Mapping[str, float], base: str) -> str:
    forms = [
        (f"{value / scale:.6g}", unit, scale) for unit, scale in units.items() if value >= scale
    ]
    exact = [
        number + unit
        for number, unit, scale in forms
        if float(number) * scale == value and "e" not in number
    ]
    return min(exact, key=len, default=f"{value!r}{base}")
