"""Replays a request trace through a cache policy, without a network, and counts.

It knows traces, admission and eviction; what is stored under the keys nobody asks.
"""

from __future__ import annotations

import inspect
import random
import time
from dataclasses import dataclass
from typing import Any, cast

from cdn.admission import Admission, Always, Probability, SecondHit, SizeLimit
from cdn.eviction import PolicyError, make
from cdn.loading import LoadError, is_file, load_class
from experiments import units
from experiments.traces import Trace

ADMISSIONS = ("always", "second-hit", "size-limit=1MiB", "probability=0.5")


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a trace: counts, bytes, and the seconds the replay took."""

    policy: str
    admission: str
    capacity: int
    requests: int
    hits: int
    bytes: int
    hit_bytes: int
    evictions: int
    refused: int
    seconds: float

    @property
    def hit_ratio(self) -> float:
        """Share of the requests that were hits."""
        return self.hits / self.requests

    @property
    def byte_hit_ratio(self) -> float:
        """Share of the bytes asked for that were hits."""
        return self.hit_bytes / self.bytes

    @property
    def rate(self) -> float:
        """Requests replayed per second."""
        return self.requests / self.seconds if self.seconds else float("inf")


def replay(
    trace: Trace, policy: str, capacity: int, admission: str = "always", seed: int = 1
) -> Replayed:
    """Ask for everything in `trace` once, in order, of an empty cache of `capacity` bytes.

    Raises:
        PolicyError: there is no such policy, its file cannot be used, or it holds too much.
        AdmissionError: there is no such admission, or it cannot go with the policy.
    """
    future = trace.keys if admission == "always" else None
    held = make(policy, capacity, random.Random(f"{seed}/eviction"), future)
    admits = find_admission(admission, random.Random(f"{seed}/admission")).admits
    touch, insert = held.touch, held.insert
    hits = hit_bytes = evictions = refused = 0
    start = time.perf_counter()
    for key, size in zip(trace.keys, trace.sizes, strict=True):
        if key in held:
            touch(key)
            hits += 1
            hit_bytes += size
        elif admits(key, size):
            gone = insert(key, size)
            if held.used > capacity:
                raise PolicyError(f"{policy} holds {held.used} bytes in a cache of {capacity}")
            if gone:
                evictions += len(gone)
                if key not in held:
                    evictions -= 1
                    refused += 1
        else:
            refused += 1
    seconds = time.perf_counter() - start
    return Replayed(
        policy, admission, capacity, len(trace), hits, trace.bytes, hit_bytes, evictions,
        refused, seconds,
    )  # fmt: skip


class AdmissionError(ValueError):
    """There is no such admission; the text names it and the forms there are."""


def find_admission(text: str, rng: random.Random) -> Admission:
    """Return the admission called `always`, `second-hit`, `size-limit=1MiB`, `probability=0.5`.

    `second-hit=100000` remembers that many objects. `path/to/file.py:Class` is anybody's: a class
    with `admits(self, key, size)` whose `__init__` asks for nothing, or for `rng`.

    Raises:
        AdmissionError: there is none; names it and the fix.
    """
    if is_file(text):
        return _load(text, rng)
    name, given, value = text.partition("=")
    try:
        if name == "always" and not given:
            return Always()
        if name == "second-hit":
            return SecondHit(_whole(value)) if given else SecondHit()
        if name == "size-limit":
            return SizeLimit(units.parse_size(value))
        if name == "probability":
            return Probability(_share(value), rng)
    except ValueError as error:
        raise AdmissionError(f"admission {text!r}: {error}") from error
    raise AdmissionError(f"no admission {text!r}; there are {', '.join(ADMISSIONS)}")


def _load(text: str, rng: random.Random) -> Admission:
    try:
        kind = load_class(text)
        call = inspect.signature(kind.admits) if hasattr(kind, "admits") else None
        if call is None:
            raise AdmissionError(f"{text} is no admission: it has no admits(self, key, size)")
        call.bind("self", "key", "size")
        asked = inspect.signature(kind).parameters
        made: Any = kind(**({"rng": rng} if "rng" in asked else {}))
    except LoadError as error:
        raise AdmissionError(str(error)) from error
    except TypeError as error:
        raise AdmissionError(f"{text} is no admission: {error}") from error
    return cast("Admission", made)


def _whole(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 2**32:
        raise ValueError(f"{text!r} is no number of objects to remember, such as 100000")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r} is no probability from 0 to 1")
    return share
