"""Synthetic videos: ladders with the segment sizes of real ones and filler for content.

Refuses to know codecs: no player can show them, but every cache and every rate rule meets the
sizes it would meet with a real video.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from cdn.site import MemoryResource, MemorySite, media_type
from cdn.video.delivery import cache_control
from cdn.video.documents import documents
from cdn.video.ladder import Rung
from cdn.video.playlist import MAX_ENTRIES
from cdn.video.rendition import INIT, Rendition

PEAK = 2.0
"""No segment has more than this many times its rung's mean rate."""
FLOOR = 0.25
"""No segment but rounding has less than this share of its rung's mean rate."""

_TIMESCALE = 1_000_000
_SCENE = 8.0
_SPREAD, _FLUTTER, _LEANING = 0.45, 0.12, 0.05
_INIT_SIZE = 800
_STRIDE = 65_537


@dataclass(frozen=True, slots=True)
class Synthetic:
    """A video of `renditions`, whose bytes are a function of `seed`."""

    renditions: tuple[Rendition, ...]
    seed: int

    def site(self, prefix: str = "/") -> MemorySite:
        """Return everything under `prefix`; segments share one block of memory."""
        largest = max(_INIT_SIZE, *(max(each.sizes) for each in self.renditions))
        filler = memoryview(random.Random(self.seed).randbytes(largest + _STRIDE))
        files = {
            f"{prefix}{path}": MemoryResource.of(
                path, text.encode(), cache_control=cache_control(path)
            )
            for path, text in documents(self.renditions).items()
        }
        place = 0
        for each in self.renditions:
            names = [INIT, *(each.file_name(number) for number in range(len(each.sizes)))]
            for name, size in zip(names, (_INIT_SIZE, *each.sizes), strict=True):
                path = f"{each.folder}/{name}"
                place = (place + 7919) % _STRIDE
                files[f"{prefix}{path}"] = MemoryResource(
                    filler[place : place + size],
                    f'"{each.digest}-{name}"',
                    media_type=media_type(name),
                    cache_control=cache_control(path),
                )
        return MemorySite(files)


def synthesize(
    ladder: Sequence[Rung], *, duration: float, segment: float, seed: int = 1
) -> Synthetic:
    """Return a video of `duration` (s) in segments of `segment` (s), the last one shorter.

    Scenes of about 8 s have a complexity each, log-normal and shared by all rungs; sizes follow
    it around the rung's rate, within `FLOOR` and `PEAK`. The coefficient of variation is 0.3 to
    0.6, as in videos encoded with a capped variable rate (Qin et al., CoNEXT 2018).

    Raises:
        ValueError: the durations are not positive, or make too many segments.
    """
    if not (0 < segment <= 60 and duration > 0 and duration / segment <= MAX_ENTRIES):
        raise ValueError(
            f"{duration:g} s in segments of {segment:g} s: segments last up to 60 s, "
            f"and a video has at most {MAX_ENTRIES} of them"
        )
    rng = random.Random(f"synthetic {seed}")
    ticks = _cut(duration, segment)
    weights = [value * rng.lognormvariate(0, _FLUTTER) for value in _complexity(ticks, rng)]
    return Synthetic(tuple(_rendition(rung, ticks, weights, seed, rng) for rung in ladder), seed)


def _cut(duration: float, segment: float) -> tuple[int, ...]:
    whole, step = round(duration * _TIMESCALE), max(1, round(segment * _TIMESCALE))
    full, rest = divmod(max(1, whole), step)
    return (step,) * full + ((rest,) if rest else ())


def _complexity(ticks: Sequence[int], rng: random.Random) -> list[float]:
    """Return the mean complexity of the scenes that each segment shows."""
    values, left, scene = [], 0.0, 1.0
    for length in ticks:
        seconds = missing = length / _TIMESCALE
        total = 0.0
        while missing > 0:
            if left <= 0:
                left, scene = rng.expovariate(1 / _SCENE), rng.lognormvariate(0, _SPREAD)
            shown = min(left, missing)
            total += shown * scene
            left -= shown
            missing -= shown
        values.append(total / seconds)
    return values


def _rendition(
    rung: Rung, ticks: tuple[int, ...], weights: Sequence[float], seed: int, rng: random.Random
) -> Rendition:
    leaning = [weight * rng.lognormvariate(0, _LEANING) for weight in weights]
    shares = _level(leaning, ticks)
    sizes = tuple(
        max(1, math.floor(rung.rate * length / _TIMESCALE / 8 * share))
        for length, share in zip(ticks, shares, strict=True)
    )
    named = f"{rung.name} {seed} {sizes}".encode()
    return Rendition(
        name=rung.name,
        digest=hashlib.sha256(named).hexdigest()[:16],
        timescale=_TIMESCALE,
        ticks=ticks,
        sizes=sizes,
        resolution=(2 * round(rung.height * 8 / 9), rung.height),
        frame_rate=30.0,
    )


def _level(weights: Sequence[float], ticks: Sequence[int]) -> list[float]:
    """Return `weights` scaled and clamped to `FLOOR`..`PEAK` so that their mean over time is 1."""
    low, high = 0.0, PEAK / min(weights)
    for _ in range(64):
        scale = (low + high) / 2
        shares = [min(PEAK, max(FLOOR, scale * weight)) for weight in weights]
        mean = sum(share * length for share, length in zip(shares, ticks, strict=True)) / sum(ticks)
        low, high = (scale, high) if mean < 1 else (low, scale)
    return shares
