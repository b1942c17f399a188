"""Movies as Sabre describes them: segment duration, bitrates, and each segment's sizes.

It turns such a file into a synthetic video and back; it plays nothing.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from cdn.video.playlist import MAX_ENTRIES
from cdn.video.rendition import Rendition
from cdn.video.synthetic import Synthetic

_LARGEST = 256 * 2**20
_MAX_BITRATES = 64


class MovieError(ValueError):
    """A movie that cannot be read; the text names the file and the fix."""


def load(path: Path, *, seed: int = 1) -> Synthetic:
    """Return the video in Sabre's movie JSON at `path`, filled with bytes made from `seed`.

    It has `segment_duration_ms`, `bitrates_kbps`, and `segment_sizes_bits`, a list per segment.

    Raises:
        MovieError: it cannot be read.
    """
    try:
        movie = json.loads(path.read_text(encoding="utf-8"))
        ticks = round(1000 * float(movie["segment_duration_ms"]))
        rates = [float(each) for each in movie["bitrates_kbps"]]
        sizes = [[-(-int(bits) // 8) for bits in row] for row in movie["segment_sizes_bits"]]
    except OSError as error:
        raise MovieError(f"{path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise MovieError(f"{path}: no Sabre movie: {type(error).__name__}: {error}") from error
    if not 0 < len(sizes) <= MAX_ENTRIES or not 0 < ticks <= 60_000_000:
        raise MovieError(f"{path}: needs 1 to {MAX_ENTRIES} segments of at most 60,000 ms")
    if not 0 < len(rates) <= _MAX_BITRATES or any(len(row) != len(rates) for row in sizes):
        raise MovieError(f"{path}: needs a size for each segment at each of its bitrates")
    if any(not 0 < size <= _LARGEST for row in sizes for size in row):
        raise MovieError(f"{path}: sizes must be above 0 and at most 256 MiB")
    return Synthetic(
        tuple(
            _rendition(rate, ticks, tuple(row[place] for row in sizes))
            for place, rate in sorted(enumerate(rates), key=lambda pair: pair[1])
        ),
        seed,
    )


def _rendition(rate: float, ticks: int, sizes: tuple[int, ...]) -> Rendition:
    name = f"{rate:g}k"
    return Rendition(
        name=name,
        digest=hashlib.sha256(f"{name} {sizes}".encode()).hexdigest()[:16],
        timescale=1_000_000,
        ticks=(ticks,) * len(sizes),
        sizes=sizes,
        resolution=(1280, 720),
    )


def to_sabre(video: Synthetic) -> str:
    """Return `video` as Sabre's movie JSON; its last segment counts as long as the first."""
    count = len(video.renditions[0].sizes)
    seconds = video.renditions[0].duration(0)
    return json.dumps(
        {
            "segment_duration_ms": 1000 * seconds,
            "bitrates_kbps": [
                round(8 * sum(each.sizes) / sum(each.durations) / 1000) for each in video.renditions
            ],
            "segment_sizes_bits": [
                [8 * each.sizes[place] for each in video.renditions] for place in range(count)
            ],
        }
    )
