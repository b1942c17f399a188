"""Reads and writes link traces: CSV, and the formats of Mahimahi, Pensieve and Sabre.

It knows how they are written, not where they were measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

from experiments import units
from experiments.capacity.trace import LinkTrace, LinkTraceError, of_steps

MAX_BYTES = 64 * 2**20
PACKET_BITS = 8 * 1500
"""What one line of a Mahimahi trace lets through."""

BIN = 0.5
"""Seconds over which a Mahimahi trace's deliveries are averaged."""


def load(path: Path) -> LinkTrace:
    """Return the trace in the file, whose format is seen from what it holds.

    CSV: `time,rate` with a header or without, seconds and bit/s (or a rate such as 3Mbps); a rate
    holds from its time on, the last as long as the one before. Sabre: a JSON list of periods.
    Mahimahi: a millisecond per line in which a packet of 1,500 bytes may leave. Pensieve: seconds
    and Mbit/s per line; a rate holds until its time, as in its simulator.

    Raises:
        LinkTraceError: it cannot be read; names the file, the line and the fix.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LinkTraceError(f"{path}: larger than {MAX_BYTES // 2**20} MiB")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise LinkTraceError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise LinkTraceError(f"{path}: it is no text") from error
    try:
        return read(text)
    except ValueError as error:
        raise LinkTraceError(f"{path}: {error}") from error


def read(text: str) -> LinkTrace:
    """Return the trace that `text` is. Raises `ValueError` that says what is wrong, and where."""
    if text.lstrip().startswith(("[", "{")):
        return _sabre(text)
    rows = [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not rows:
        raise LinkTraceError("it is empty")
    first = rows[0][1]
    if "," in first:
        return _csv(rows)
    return _mahimahi(rows) if len(first.split()) == 1 else _pensieve(rows)


def _csv(rows: Sequence[tuple[int, str]]) -> LinkTrace:
    if [field.strip().lower() for field in rows[0][1].split(",")] == ["time", "rate"]:
        rows = rows[1:]
    points = []
    for number, line in rows:
        fields = [field.strip() for field in line.split(",")]
        if len(fields) != 2:
            raise LinkTraceError(f"line {number}: expected time,rate and found {line!r}")
        points.append((_number(number, fields[0]), _rate(number, fields[1])))
    if not points:
        raise LinkTraceError("it has a header and no steps")
    gaps = [after - before for (before, _), (after, _) in pairwise(points)]
    lines = [*rows[1:], rows[-1]]
    return _steps([*gaps, gaps[-1] if gaps else 1.0], [rate for _, rate in points], lines)


def _pensieve(rows: Sequence[tuple[int, str]]) -> LinkTrace:
    points = []
    for number, line in rows:
        fields = line.split()
        if len(fields) != 2:
            raise LinkTraceError(f"line {number}: expected seconds and Mbit/s, found {line!r}")
        points.append((_number(number, fields[0]), 1e6 * _number(number, fields[1])))
    if len(points) < 2:
        raise LinkTraceError("a Pensieve trace has two lines at least: the first only sets time 0")
    gaps = [after - before for (before, _), (after, _) in pairwise(points)]
    return _steps(gaps, [rate for _, rate in points[1:]], rows[1:])


def _mahimahi(rows: Sequence[tuple[int, str]]) -> LinkTrace:
    last, packets = 0.0, list[float]()
    for number, line in rows:
        time = _number(number, line) / 1000
        if time < last:
            raise LinkTraceError(f"line {number}: {line} ms comes before the line above")
        last = time
        packets.append(time)
    if not last:
        raise LinkTraceError("its last line is 0 ms: it has no duration")
    counts = [0] * max(1, round(last / BIN))
    width = last / len(counts)
    for time in packets:
        counts[min(int(time / width), len(counts) - 1)] += 1
    return of_steps([(width, count * PACKET_BITS / width) for count in counts])


def _sabre(text: str) -> LinkTrace:
    try:
        periods = json.loads(text)
        steps, delay = list[tuple[float, float]](), 0.0
        for period in periods:
            seconds = float(period["duration_ms"]) / 1000
            steps.append((seconds, 1000 * float(period["bandwidth_kbps"])))
            delay += seconds * float(period["latency_ms"]) / 1000
    except (KeyError, TypeError, ValueError) as error:
        raise LinkTraceError(
            "no Sabre trace: a list of objects with duration_ms, bandwidth_kbps and latency_ms "
            f"({type(error).__name__}: {error})"
        ) from error
    if not steps or any(not seconds > 0 for seconds, _ in steps):
        raise LinkTraceError("no Sabre trace: it needs periods of more than 0 ms")
    return of_steps(steps, delay / sum(seconds for seconds, _ in steps))


def _steps(
    gaps: Sequence[float], rates: Sequence[float], rows: Sequence[tuple[int, str]]
) -> LinkTrace:
    for gap, (number, _) in zip(gaps, rows, strict=True):
        if gap <= 0:
            raise LinkTraceError(f"line {number}: times must ascend")
    return of_steps(list(zip(gaps, rates, strict=True)))


def _number(line: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e12:
        raise LinkTraceError(f"line {line}: {text!r} is no number of at least 0")
    return value


def _rate(line: int, text: str) -> float:
    if text[-1:].isalpha():
        try:
            return units.parse_rate(text)
        except units.UnitError as error:
            raise LinkTraceError(f"line {line}: {error}") from error
    return _number(line, text)


def to_csv(trace: LinkTrace) -> str:
    """Return `trace` as `time,rate` lines; its last step is two, so that its length is seen."""
    steps = list(zip(trace.times, trace.rates, strict=True))
    steps.append(((trace.times[-1] + trace.duration) / 2, trace.rates[-1]))
    lines = [f"{time:.10g},{rate:.10g}" for time, rate in steps]
    return "\n".join(("time,rate", *lines, ""))


def to_pensieve(trace: LinkTrace) -> str:
    """Return `trace` as Pensieve reads it."""
    ends = (*trace.times, trace.duration)
    rates = (0.0, *trace.rates)
    return "".join(f"{end:.10g} {rate / 1e6:.10g}\n" for end, rate in zip(ends, rates, strict=True))


def to_mahimahi(trace: LinkTrace) -> str:
    """Return `trace` as Mahimahi reads it: a line for each packet, at the end of its time."""
    lines, carried, packets = list[str](), 0.0, 0
    ends = (*trace.times[1:], trace.duration)
    for start, end, rate in zip(trace.times, ends, trace.rates, strict=True):
        after = carried + rate * (end - start)
        while (packets + 1) * PACKET_BITS <= after + 1e-6:
            packets += 1
            time = start + (packets * PACKET_BITS - carried) / rate
            lines.append(f"{ceil(1000 * time - 1e-6)}\n")
        carried = after
    return "".join(lines)


def to_sabre(trace: LinkTrace, latency: float = 0.04) -> str:
    """Return `trace` as Sabre reads it; `latency` (s) where the trace tells of none."""
    ends = (*trace.times[1:], trace.duration)
    delay = latency if trace.latency is None else trace.latency
    periods: list[dict[str, Any]] = [
        {
            "duration_ms": round(1000 * (end - start), 6),
            "bandwidth_kbps": rate / 1000,
            "latency_ms": 1000 * delay,
        }
        for start, end, rate in zip(trace.times, ends, trace.rates, strict=True)
    ]
    return json.dumps(periods, indent=1) + "\n"


WRITERS: Mapping[str, tuple[str, Callable[[LinkTrace], str]]] = {
    "csv": ("csv", to_csv),
    "mahimahi": ("up", to_mahimahi),
    "pensieve": ("txt", to_pensieve),
    "sabre": ("json", to_sabre),
}
"""Formats by name: the ending of such files, and how they are written."""
