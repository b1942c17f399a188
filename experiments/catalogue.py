"""What a CDN's origin has: objects with sizes and paths, and the bytes behind them.

It knows how popular nothing is and who asks; bytes are made from the seed, once for all objects.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cdn.site import MemoryResource
from experiments.scenario.delivery import LARGEST, Fixed, LogNormal, Pareto, Sizes
from experiments.scenario.delivery import Catalogue as Wanted

_APART = 64
EMPTY: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Item:
    """One object: a file or a video, as the paths and sizes (bytes) of its segments."""

    paths: tuple[str, ...]
    sizes: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of all its segments."""
        return sum(self.sizes)


@dataclass(frozen=True)
class Catalogue:
    """All objects; at the start, the most popular first."""

    items: Sequence[Item]
    seed: int

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """The size of what each path names, in bytes."""
        return {
            path: size
            for item in self.items
            for path, size in zip(item.paths, item.sizes, strict=True)
        }

    @property
    def bytes(self) -> int:
        """The size of everything."""
        return sum(self.sizes.values())


def build(wanted: Wanted, seed: int) -> Catalogue:
    """Return the catalogue that `wanted` describes; sizes have nothing to do with popularity."""
    rng = random.Random(f"{seed}/catalogue")
    return Catalogue(
        [
            _item(f"/object-{rank}", _draw(wanted.size, rng), wanted.segments)
            for rank in range(1, wanted.objects + 1)
        ],
        seed,
    )


def of_sizes(sizes: Mapping[str, int], seed: int) -> Catalogue:
    """Return the catalogue of what a trace names."""
    return Catalogue([Item((path,), (size,)) for path, size in sizes.items()], seed)


def _item(name: str, size: int, segments: int) -> Item:
    if segments == 1:
        return Item((name,), (size,))
    whole, rest = divmod(max(size, segments), segments)
    return Item(
        tuple(f"{name}/{number}" for number in range(segments)),
        tuple(whole + (number < rest) for number in range(segments)),
    )


def _draw(sizes: Sizes, rng: random.Random) -> int:
    match sizes:
        case Fixed(bytes=size):
            return int(size)
        case LogNormal(median=median, sigma=sigma):
            return min(LARGEST, max(1, round(rng.lognormvariate(math.log(median), sigma))))
        case Pareto(least=least, most=most, shape=shape):
            tail = 1 - (least / most) ** shape
            return int(least / (1 - rng.random() * tail) ** (1 / shape))


class Library:
    """The catalogue's bytes as a site: every path has its own, cut from one random block."""

    def __init__(self, catalogue: Catalogue, more: Mapping[str, int] = EMPTY) -> None:
        """Take the catalogue, and `more` objects that nobody asks for but who probes."""
        sizes = {**catalogue.sizes, **more}
        length = max(sizes.values(), default=0) + _APART * len(sizes)
        block = memoryview(random.Random(f"{catalogue.seed}/library").randbytes(length))
        self._resources = {
            path: MemoryResource(
                block[_APART * number : _APART * number + size], f'"{number}-{size}"'
            )
            for number, (path, size) in enumerate(sizes.items())
        }
        self._digests: dict[str, str] = {}

    def lookup(self, path: str) -> MemoryResource | None:
        """Return what `path` names, None if nothing."""
        return self._resources.get(path)

    def sha256(self, path: str) -> str:
        """Return the hexadecimal SHA-256 of what `path` names."""
        if path not in self._digests:
            content = self._resources[path].content
            self._digests[path] = hashlib.sha256(content).hexdigest()
        return self._digests[path]
