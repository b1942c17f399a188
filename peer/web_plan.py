"""What to fetch from web seeds, from which, and when: limits, deadlines, and retreat on failure.

It takes the time as an argument and returns errands; it sends nothing and knows no HTTP.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from net.seam import Address
from peer.download import Download
from peer.neighbour import Neighbour
from peer.web_policy import WebView, find_web_policy
from wire.http.ranges import Span
from wire.manifest import Manifest

LOOK = 0.1  # seconds between looks whether the policy now wants something
FIRST_PAUSE = 0.5  # seconds a web seed is left alone after a failure, doubled with each
LONGEST_PAUSE = 60.0
MOST_CORRUPT = 3  # chunks with the wrong bytes after which a web seed is not asked again
AT_LEAST = 2  # chunks under way, so that the server is not idle for want of a request
AHEAD = 0.2  # seconds of the present rate under way beyond that
LEAD = 3.0  # times the usual time of a fetch that an urgent one is begun before its deadline
SHORTEST_LEAD = 0.5  # seconds
AS_FAR = 4  # chunks before the first missing one: who has any from there on is as far as we are
_SMOOTHING = 0.25  # weight of the last fetch in the usual time and rate


class Part(NamedTuple):
    """Where a chunk lies: a span of the object of `size` bytes at a request's target."""

    target: str
    span: Span
    size: int


@dataclass(frozen=True, slots=True)
class WebAddress:
    """Where a file can be had over HTTP: a server, and the request's target on it.

    The target is the whole file, asked for by ranges; or, if `in_chunks`, each chunk is an object
    of its own, below the target by its number, which any cache on the way can keep by itself. A
    file that is spread over several objects has `parts`, one per chunk, and no other target.
    """

    server: Address
    target: str
    in_chunks: bool = False
    parts: tuple[Part, ...] = field(default=(), repr=False, hash=False)

    def __str__(self) -> str:
        return f"http://{self.server}{self.target}"

    def part(self, index: int, manifest: Manifest) -> Part:
        """Return where chunk `index` of the file of `manifest` is."""
        if self.parts:
            return self.parts[index]
        length = manifest.length(index)
        if self.in_chunks:
            return Part(f"{self.target}/{index}", Span(0, length), length)
        start = index * manifest.chunk_size
        return Part(self.target, Span(start, start + length), manifest.size)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The web seeds of a peer, the first that answers being used, and how much they are used.

    `policy` is one of `WEB_POLICIES`, `fetches` bounds the chunks under way at a time, `rate`
    (bit/s) how fast new ones are begun, `silence` (s) how long a server may say nothing. What is
    urgent is fetched whatever policy and rate say.
    """

    addresses: tuple[WebAddress, ...]
    policy: str = "when-rare"
    fetches: int = 16
    rate: float = inf
    silence: float = 5.0

    def __post_init__(self) -> None:
        """Raise `ValueError` for values no peer can work with."""
        find_web_policy(self.policy)
        if self.fetches < 1:
            raise ValueError(f"fetches must be at least 1, not {self.fetches}")
        if not self.rate > 0:
            raise ValueError(f"rate must be more than 0 bit/s, not {self.rate}")
        if not self.silence > 0:
            raise ValueError(f"silence must be more than 0 s, not {self.silence}")


class WebSource:
    """One web seed as its client sees it.

    `as_neighbour` stands for it among those who were asked for chunks.
    """

    def __init__(self, address: WebAddress, chunk_count: int, now: float) -> None:
        self.address = address
        self.as_neighbour = Neighbour(address.server.host, b"", now)
        self.failures = 0  # in a row
        self.retry_at = now
        self.spoilt = 0  # chunks it has the wrong bytes of, as a mask
        self._whole_order = list(range(chunk_count))
        random.Random(str(address)).shuffle(self._whole_order)
        self._order = self._whole_order
        self._ordered = (1 << chunk_count) - 1  # the chunks in `_order`, as a mask

    def ready(self, now: float) -> bool:
        """Whether it may be asked; after a failure one chunk at a time, until one comes."""
        probing = self.failures > 0 and bool(self.as_neighbour.requested)
        return now >= self.retry_at and not probing

    def order(self, missing: int) -> Iterator[int]:
        """Yield the chunks of the mask `missing` in this web seed's own order."""
        if missing & ~self._ordered:
            self._order = self._whole_order
            self._ordered = (1 << len(self._order)) - 1
        if len(self._order) > 2 * missing.bit_count():
            self._order = [index for index in self._order if missing >> index & 1]
            self._ordered = missing
        return (index for index in self._order if missing >> index & 1)


@dataclass(frozen=True, slots=True)
class Errand:
    """One chunk to fetch from one web seed."""

    source: WebSource
    index: int
    begun: float


class WebPlan:
    """Decides which chunks a peer takes from its web seeds.

    Always true: at most `fetches` errands are under way, none for a chunk another is under way
    for, and a web seed that failed is left alone until its pause is over.
    """

    def __init__(
        self,
        settings: WebSettings,
        manifest: Manifest,
        download: Download,
        *,
        rng: random.Random,
        now: float,
        neighbours: Collection[Neighbour] = (),
    ) -> None:
        """`neighbours` are those of the swarm at any time."""
        self._neighbours = neighbours
        self._settings = settings
        self._manifest = manifest
        self._download = download
        self._policy = find_web_policy(settings.policy)()
        self._rng = rng
        self._sources = [
            WebSource(address, manifest.chunk_count, now) for address in settings.addresses
        ]
        self._deadlines: dict[int, float] = {}
        self._under_way = 0  # chunks, as a mask
        self._paced_until = now
        self._usual = SHORTEST_LEAD  # seconds a fetch takes
        self._chunks_per_second = AT_LEAST / AHEAD
        self._progress_at = now
        self._missing_then = download.missing

    def want(self, index: int, by: float) -> None:
        """Chunk `index` is needed at the time `by`; the last word counts, `inf` is no hurry.

        If the swarm has not brought it shortly before, it is fetched whatever the policy says.

        Raises:
            IndexError: there is no such chunk.
        """
        self._manifest.length(index)
        if by < inf and self._download.missing >> index & 1:
            self._deadlines[index] = by
        else:
            self._deadlines.pop(index, None)

    def next(self, now: float) -> Errand | None:
        """Return the next chunk to fetch, which counts as asked for from now on; None: wait."""
        self._notice_progress(now)
        if self._under_way.bit_count() >= self._room:
            return None
        for source in self._sources:
            if source.ready(now):
                index = self._choose(source, now)
                if index is not None:
                    return self._begin(source, index, now)
        return None

    def wake_at(self, now: float) -> float:
        """Return when to ask for the `next` chunk again, if nothing happens before."""
        if not self._download.missing:
            return inf
        soonest = now + LOOK
        if self._paced_until > now:
            soonest = min(soonest, self._paced_until)
        due = min(self._deadlines.values(), default=inf) - self._lead
        return min(soonest, due) if due > now else soonest

    def brought(self, errand: Errand, now: float) -> None:
        """The errand has ended well, or the swarm was faster."""
        self._notice_progress(now)
        errand.source.failures = 0
        took = max(now - errand.begun, 1e-3)
        at_once = self._under_way.bit_count()  # over the time each takes: Little's law
        self._usual += _SMOOTHING * (took - self._usual)
        self._chunks_per_second += _SMOOTHING * (at_once / took - self._chunks_per_second)
        self._end(errand)

    def failed(self, errand: Errand, now: float, *, pause: float = 0.0) -> float:
        """The errand has failed; returns for how long (s) its web seed is left alone.

        That is at least `pause`; each further failure in a row doubles it, up to a minute.
        """
        source = errand.source
        source.failures += 1
        doubled = FIRST_PAUSE * 2.0 ** min(source.failures - 1, 10)
        length = min(max(pause, doubled), LONGEST_PAUSE) * self._rng.uniform(0.8, 1.2)
        source.retry_at = max(source.retry_at, now + length)
        self._end(errand)
        return source.retry_at - now

    def spoilt(self, errand: Errand, now: float) -> float:
        """The chunk came with the wrong bytes: do not ask there for it again; as `failed`."""
        source = errand.source
        source.spoilt |= 1 << errand.index
        pause = self.failed(errand, now)
        if source.spoilt.bit_count() >= MOST_CORRUPT:
            source.retry_at = inf
            return inf
        return pause

    @property
    def _room(self) -> int:
        """How many chunks may be under way: more where they come fast."""
        return min(AT_LEAST + int(AHEAD * self._chunks_per_second), self._settings.fetches)

    @property
    def _lead(self) -> float:
        """How long before its deadline an urgent chunk is fetched."""
        return max(SHORTEST_LEAD, LEAD * self._usual)

    def _choose(self, source: WebSource, now: float) -> int | None:
        missing = self._download.missing & ~self._under_way & ~source.spoilt
        if not missing:
            return None
        urgent = self._most_urgent(missing, now)
        if urgent is not None or now < self._paced_until:
            return urgent
        free = missing & ~self._download.in_flight
        view = WebView(
            free=free,
            late=0 if free else self._late(missing, now),
            levels=self._download.availability.levels,
            order=source.order(self._download.missing),
            quiet=now - self._progress_at,
            now=now,
            rivals=self._rivals,
        )
        return self._policy.choose(view, self._rng)

    def _rivals(self) -> int:
        """Count the neighbours that are as far as we are: the others want other chunks."""
        missing = self._download.missing
        first = (missing & -missing).bit_length() - 1
        return sum(each.have >> max(0, first - AS_FAR) != 0 for each in self._neighbours)

    def _most_urgent(self, missing: int, now: float) -> int | None:
        due = [
            (by, index)
            for index, by in self._deadlines.items()
            if by - self._lead <= now and missing >> index & 1
        ]
        return min(due)[1] if due else None

    def _late(self, missing: int, now: float) -> int:
        """Of `missing`, the chunks neighbours were asked for twice a fetch's usual time ago."""
        before = now - 2 * self._usual
        late = 0
        for index, requesters in self._download.requesters.items():
            if missing >> index & 1 and all(each.requested[index] < before for each in requesters):
                late |= 1 << index
        return late

    def _begin(self, source: WebSource, index: int, now: float) -> Errand:
        source.as_neighbour.outbox.clear()  # a server is told of nothing
        source.as_neighbour.heard = now
        self._under_way |= 1 << index
        self._download.claim(source.as_neighbour, index, now)
        cost = 8 * self._manifest.length(index) / self._settings.rate
        self._paced_until = max(now, self._paced_until) + cost
        return Errand(source, index, now)

    def _end(self, errand: Errand) -> None:
        self._under_way &= ~(1 << errand.index)

    def _notice_progress(self, now: float) -> None:
        """Note when the swarm brings a chunk; those under way from web seeds do not count."""
        missing = self._download.missing
        if missing != self._missing_then:
            if self._missing_then & ~missing & ~self._under_way:
                self._progress_at = now
            self._missing_then = missing
            for index in [index for index in self._deadlines if not missing >> index & 1]:
                del self._deadlines[index]
