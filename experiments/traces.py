"""Request traces: who asked for what, read from files or drawn from Zipf's law.

It reads `time,object,size` lines and oracleGeneral records; it refuses to know caches.
Sizes are bytes, times seconds.
"""

from __future__ import annotations

import csv
import random
import struct
from array import array
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import exp, isfinite
from pathlib import Path
from typing import BinaryIO, NamedTuple

RECORD = struct.Struct("<IQIq")  # time, object, size, index of the next access or -1
_PACKED = {b"\x28\xb5\x2f\xfd": "zstd -d", b"\x1f\x8b": "gunzip", b"BZh": "bunzip2"}
_BATCH = 4096
_LARGEST_SIZE = 2**63 - 1
_LARGEST_KEY = 2**64 - 1
_DIGITS = len(str(_LARGEST_KEY))


class TraceError(ValueError):
    """A trace that cannot be read; the text names the file, the place and the fix."""


class Request(NamedTuple):
    """Somebody asks for `key`, an object of `size` bytes, at `time`."""

    time: float
    key: int | str
    size: int


@dataclass(frozen=True)
class Trace:
    """All requests of a trace, in order: `keys[n]` of `sizes[n]` bytes."""

    keys: Sequence[int | str]
    sizes: Sequence[int]

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def objects(self) -> dict[int | str, int]:
        """The size of each object when it was first asked for."""
        first: dict[int | str, int] = {}
        for key, size in zip(self.keys, self.sizes, strict=True):
            first.setdefault(key, size)
        return first

    @cached_property
    def footprint(self) -> int:
        """Bytes of a cache that holds every object."""
        return sum(self.objects.values())

    @cached_property
    def bytes(self) -> int:
        """Bytes asked for."""
        return sum(self.sizes)


def load(path: Path) -> Trace:
    """Return the whole trace in the file. Raises `TraceError` as `read`, or if it is empty."""
    known: dict[int | str, int | str] = {}
    keys, sizes = [], array("Q")
    for request in read(path):
        keys.append(known.setdefault(request.key, request.key))
        sizes.append(request.size)
    if not keys:
        raise TraceError(f"{path}: no requests")
    return Trace(keys, sizes)


def read(path: Path) -> Iterator[Request]:
    """Yield the requests in the file, which is oracleGeneral if it has zero bytes, else CSV.

    Requests for objects of no bytes are left out, as they are by libcachesim.

    Raises:
        TraceError: it cannot be opened, or a line or record is none; names the place.
    """
    try:
        with path.open("rb") as file:
            start = file.read(RECORD.size)
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror}") from error
    for magic, command in _PACKED.items():
        if start.startswith(magic):
            raise TraceError(f"{path} is compressed; unpack it first: {command} {path}")
    requests = _oracle_general(path) if b"\0" in start else _csv(path)
    return (request for request in requests if request.size)


def write_csv(path: Path, requests: Iterable[Request]) -> None:
    """Write the requests as `time,object,size` lines."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("time", "object", "size"), *requests])


def write_oracle_general(path: Path, requests: Sequence[Request]) -> None:
    """Write the requests as oracleGeneral records; their keys are numbers."""
    upcoming: dict[int | str, int] = {}
    following = array("q", bytes(8 * len(requests)))
    for at in range(len(requests) - 1, -1, -1):
        following[at] = upcoming.get(requests[at].key, -1)
        upcoming[requests[at].key] = at
    with path.open("wb") as file:
        for (time, key, size), after in zip(requests, following, strict=True):
            file.write(RECORD.pack(int(time), int(key), size, after))


def _oracle_general(path: Path) -> Iterator[Request]:
    with path.open("rb") as file:
        number = 0
        while data := _records(file):
            whole = len(data) // RECORD.size * RECORD.size
            for time, key, size, _ in RECORD.iter_unpack(data[:whole]):
                yield Request(float(time), key, size)
            number += whole // RECORD.size
            if whole < len(data):
                raise TraceError(
                    f"{path}: record {number + 1} is cut short after {len(data) - whole} of "
                    f"{RECORD.size} bytes: the file is incomplete, or not oracleGeneral"
                )


def _records(file: BinaryIO) -> bytes:
    return file.read(RECORD.size * _BATCH)


def _csv(path: Path) -> Iterator[Request]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        try:
            for row in rows:
                if row and not (rows.line_num == 1 and _is_header(row)):
                    yield _request(row)
        except (csv.Error, ValueError) as error:
            what = "it is no text" if isinstance(error, UnicodeDecodeError) else error
            raise TraceError(f"{path}, line {max(rows.line_num, 1)}: {what}") from error


def _is_header(row: list[str]) -> bool:
    return [field.strip().lower() for field in row] == ["time", "object", "size"]


def _request(row: list[str]) -> Request:
    """Return the request of one line. Raises `ValueError` that says what is wrong with it."""
    if len(row) != 3:
        raise ValueError(f"expected time,object,size and found {len(row)} fields")
    time, key, size = (field.strip() for field in row)
    try:
        seconds = float(time)
    except ValueError:
        seconds = float("nan")
    if not isfinite(seconds):
        raise ValueError(f"the time {time!r} is no number of seconds")
    number = size.isdecimal() and size.isascii() and len(size) <= _DIGITS
    if not number or int(size) > _LARGEST_SIZE:
        raise ValueError(f"the size {size!r} is no whole number of bytes")
    if not key:
        raise ValueError("the object has no name")
    return Request(seconds, _key(key), int(size))


def _key(text: str) -> int | str:
    """Return the number that is written so, else the text itself."""
    plain = text.isdecimal() and text.isascii() and (text[0] != "0" or text == "0")
    if plain and len(text) <= _DIGITS and int(text) <= _LARGEST_KEY:
        return int(text)
    return text


@dataclass(frozen=True, slots=True)
class Zipf:
    """Independent requests for `objects`, the n-th most popular with weight n ** -alpha.

    The independent reference model: no request depends on another. Object n is number n - 1.
    Sizes are drawn once per object from a lognormal law around `size` with `sigma`, all equal
    if that is 0. The same `seed` draws the same trace.
    """

    alpha: float
    objects: int
    requests: int
    seed: int = 1
    size: int = 1
    sigma: float = 0.0

    def popularity(self) -> list[float]:
        """Return the probability of each object to be the next one asked for."""
        weights = [(rank + 1) ** -self.alpha for rank in range(self.objects)]
        total = sum(weights)
        return [weight / total for weight in weights]

    def sizes(self) -> list[int]:
        """Return the size of each object in bytes; their mean is about `size`."""
        rng = random.Random(f"{self.seed}/zipf/sizes")
        if self.sigma == 0:
            return [self.size] * self.objects
        fair = exp(-(self.sigma**2) / 2)
        return [
            max(1, round(self.size * fair * rng.lognormvariate(0, self.sigma)))
            for _ in range(self.objects)
        ]

    def trace(self) -> Trace:
        """Return the requests."""
        rng = random.Random(f"{self.seed}/zipf/requests")
        bounds, sizes = list(accumulate(self.popularity())), self.sizes()
        last = self.objects - 1
        keys = [min(bisect(bounds, rng.random()), last) for _ in range(self.requests)]
        return Trace(keys, [sizes[key] for key in keys])
