"""A video as a swarm shares it: each segment cut into equal chunks, under one manifest.

It knows sizes, places and hashes; not who has what, nor when anything is played.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate, pairwise

from cdn.video.synthetic import Synthetic
from peer.store import ChunkPool, MemoryStore
from peer.web_plan import Part
from wire.errors import ProtocolError
from wire.http.ranges import Span
from wire.manifest import Manifest


@dataclass(frozen=True)
class UnevenManifest(Manifest):
    """A manifest of chunks of different `lengths`, none above `chunk_size`.

    It is made alike by everyone from the video's playlists and is never sent, so it has no
    encoding of its own: that of its hashes names the swarm.
    """

    lengths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Raise `ProtocolError` for lengths that do not fit the rest."""
        fit = sum(self.lengths) == self.size and max(self.lengths, default=0) <= self.chunk_size
        if not fit or len(self.lengths) != len(self.hashes):
            raise ProtocolError(f"manifest: the lengths of {self.name}'s chunks do not fit")

    def length(self, index: int) -> int:
        """Return the bytes of chunk `index`. Raises `IndexError` if there is none."""
        if not 0 <= index < self.chunk_count:
            raise IndexError(f"{self.name}: no chunk {index} of {self.chunk_count}")
        return self.lengths[index]


@dataclass(frozen=True, slots=True)
class Place:
    """Segment `number` of the rendition `rung`."""

    rung: int
    number: int


class SharedVideo:
    """The chunks of a video at all its rungs: segment by segment, and rung by rung within one.

    Always true: every byte of every segment is in exactly one chunk, and no chunk is in two.
    """

    def __init__(self, video: Synthetic, chunk_size: int) -> None:
        """Cut each segment into as few equal chunks as are needed, none above `chunk_size`."""
        self._video = video
        site = video.site()
        self._places: dict[str, Place] = {}
        self._chunks: dict[Place, range] = {}
        parts, pieces = list[Part](), list[memoryview]()
        for number in range(len(video.renditions[0].sizes)):
            for rung, each in enumerate(video.renditions):
                path, first = f"/{each.folder}/{each.file_name(number)}", len(parts)
                content = memoryview(site.resources[path].content)
                for span in cut(len(content), chunk_size):
                    parts.append(Part(path, span, len(content)))
                    pieces.append(content[span.start : span.stop])
                self._places[path] = Place(rung, number)
                self._chunks[Place(rung, number)] = range(first, len(parts))
        self.parts = tuple(parts)
        lengths = tuple([len(piece) for piece in pieces])
        hashes = tuple([sha256(piece).digest() for piece in pieces])
        self.manifest = UnevenManifest("video", sum(lengths), max(lengths), hashes, lengths)
        self._pieces = pieces

    def find(self, path: str) -> Place | None:
        """Return what segment a URL's `path` names, None if none."""
        return self._places.get(path)

    def chunks(self, place: Place) -> range:
        """Return the chunks of a segment; none beyond the video's end."""
        return self._chunks.get(place, range(0))

    def mask(self, places: Iterable[Place]) -> int:
        """Return the chunks of these segments as a mask."""
        found = 0
        for place in places:
            chunks = self.chunks(place)
            found |= (1 << chunks.stop) - (1 << chunks.start)
        return found

    def mask_of_segment(self, number: int) -> int:
        """Return the chunks of segment `number` at every rung as a mask."""
        return self.mask(Place(rung, number) for rung in range(len(self._video.renditions)))

    def duration(self, number: int) -> float:
        """Seconds of segment `number`; 0 beyond the end."""
        first = self._video.renditions[0]
        return first.duration(number) if number < len(first.ticks) else 0.0

    def full_store(self, pool: ChunkPool) -> MemoryStore:
        """Return a store of everything, as a seed has it."""
        store = MemoryStore(self.manifest, pool)
        for index, piece in enumerate(self._pieces):
            store.write(index, piece)
        return store


def cut(size: int, most: int) -> list[Span]:
    """Return as few spans as cover `size` bytes, none above `most`, equal but for a byte."""
    count = max(1, -(-size // most))
    ends = accumulate(((size + i) // count for i in range(count)), initial=0)
    return [Span(start, stop) for start, stop in pairwise(ends)]
