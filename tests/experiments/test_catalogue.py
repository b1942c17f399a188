"""Catalogues: sizes, videos, and bytes of their own for every path."""

from __future__ import annotations

import hashlib
import statistics

import pytest

from experiments.catalogue import Catalogue, Library, build, of_sizes
from experiments.quantities import Size
from experiments.scenario.delivery import LARGEST, Fixed, LogNormal, Pareto, Sizes
from experiments.scenario.delivery import Catalogue as Wanted


def made(size: Sizes, *, objects: int = 2000, segments: int = 1, seed: int = 1) -> Catalogue:
    """Build a catalogue."""
    return build(Wanted(objects=objects, size=size, segments=segments), seed)


def test_a_seed_is_a_catalogue() -> None:
    """Equal seeds give equal sizes, others other ones."""
    sizes = LogNormal()
    assert made(sizes).sizes == made(sizes).sizes
    assert made(sizes, seed=2).sizes != made(sizes).sizes


def test_fixed_sizes() -> None:
    """All objects are as large as each other."""
    assert set(made(Fixed(bytes=Size(1000))).sizes.values()) == {1000}


def test_lognormal_sizes_have_their_median() -> None:
    """Half of them are smaller than the median, and the mean is exp(sigma^2 / 2) larger."""
    sizes = list(made(LogNormal(median=Size(10_000), sigma=1.0)).sizes.values())
    assert statistics.median(sizes) == pytest.approx(10_000, rel=0.1)
    assert statistics.fmean(sizes) == pytest.approx(16_487, rel=0.15)


def test_pareto_sizes_stay_within_their_bounds() -> None:
    """The tail falls as a power, and ends."""
    sizes = list(made(Pareto(least=Size(1000), most=Size(10**6), shape=1.0)).sizes.values())
    assert 1000 <= min(sizes) < max(sizes) <= 10**6
    assert sum(size > 10_000 for size in sizes) / len(sizes) == pytest.approx(0.1, abs=0.02)


def test_no_object_outgrows_the_memory() -> None:
    """A heavy tail is cut."""
    assert max(made(LogNormal(median=Size(2**20), sigma=5.0)).sizes.values()) <= LARGEST


def test_a_video_is_its_segments() -> None:
    """Segments are equal to within a byte and add up to the object."""
    item = made(Fixed(bytes=Size(1003)), objects=1, segments=4).items[0]
    assert item.paths == tuple(f"/object-1/{number}" for number in range(4))
    assert (item.sizes, item.size) == ((251, 251, 251, 250), 1003)


def test_every_path_has_bytes_of_its_own() -> None:
    """What is served is as long as promised, hashes as told, and differs from path to path."""
    catalogue = made(Fixed(bytes=Size(500)), objects=20)
    library = Library(catalogue, {"/probe": 700})
    digests = set()
    for path in (*catalogue.sizes, "/probe"):
        resource = library.lookup(path)
        assert resource is not None
        assert hashlib.sha256(resource.content).hexdigest() == library.sha256(path)
        digests.add((library.sha256(path), resource.etag))
    assert len(digests) == 21
    assert library.lookup("/absent") is None


def test_a_trace_makes_a_catalogue() -> None:
    """One item per object, of the size it had."""
    catalogue = of_sizes({"/a": 5, "/b": 7}, 1)
    assert (catalogue.bytes, [item.paths for item in catalogue.items]) == (12, [("/a",), ("/b",)])
