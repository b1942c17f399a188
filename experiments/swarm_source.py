"""A player's source that is a peer of a swarm: neighbours bring segments, the edge what is urgent.

It says what is wanted by when, keeps a window of segments for others, and leaves when the viewer
does. It refuses to know how chunks are found, and what chooses rates.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import isinf

import trio

from cdn.player.http_source import HttpSource
from cdn.player.source import Fetched, Heard, Wanted
from cdn.url import Url
from experiments.shared_video import Place, SharedVideo
from net.seam import Address
from net.trace import Trace, silent
from peer.node import Peer
from peer.window import WindowStore


@dataclass(frozen=True, slots=True)
class Window:
    """What a viewer looks for and keeps, in seconds of video.

    What lies up to `ahead` after the playhead is asked of neighbours; what is played within
    `urgent` and has not come is fetched from the edge; what was played is kept until it lies
    `behind`.
    """

    ahead: float = 20.0
    urgent: float = 3.0
    behind: float = 60.0


class SwarmSource:
    """Segments from a swarm, playlists and init files over HTTP.

    Always true: nothing is kept of segments that lie more than the window behind the one that
    was fetched last, but for chunks that were being sent when they fell out of it.
    """

    def __init__(
        self,
        peer: Peer,
        store: WindowStore,
        video: SharedVideo,
        http: HttpSource,
        *,
        window: Window,
        join: Callable[[], Awaitable[object]],
        trace: Trace = silent,
    ) -> None:
        """`join` starts `serve` in some nursery; it is called when the first playlist is read."""
        self._peer = peer
        self._store = store
        self._video = video
        self._http = http
        self._window = window
        self._join = join
        self._trace = trace
        self._joined = False
        self._membership = trio.CancelScope()
        self._fetched: deque[int] = deque()  # segments some chunks of which may be here
        peer.look(0)

    async def serve(
        self, *, task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Take part in the swarm until the source is closed."""
        with self._membership:
            await self._peer.run(task_status=task_status)

    async def playlist(self, url: str) -> tuple[str, str]:
        """Return the text of a playlist, and the URL it was found at in the end."""
        if not self._joined:
            self._joined = True
            await self._join()
        return await self._http.playlist(url)

    async def fetch(self, wanted: Wanted, heard: Heard) -> Fetched:
        """Wait until a segment is here; what is not of the video is fetched over HTTP.

        It counts as a hit if it was here before it was asked for, which tells of no throughput.
        """
        place = self._video.find(Url.parse(wanted.url).target)
        if place is None:
            return await self._http.fetch(wanted, heard)
        self._move(place, wanted.deadline)
        chunks = self._video.mask([place])
        hit = not chunks & ~self._store.have
        while chunks & ~self._store.have:
            await self._store.another()
            heard(self._held(place))
        return Fetched(self._held(place), "swarm", hit)

    async def aclose(self) -> None:
        """Leave the swarm, and let go of connections."""
        self._membership.cancel()
        self._trace("sharing_ended", kept=self._store.most_held)
        await self._http.aclose()

    def _move(self, place: Place, deadline: float) -> None:
        """Look for `place`, which is played at `deadline`, and what follows; drop what is old."""
        due = self._due(place, deadline)
        self._forget(place.number)
        self._fetched.extend(each.number for each in due if each.number not in self._fetched)
        self._peer.look(self._video.mask(due))
        for each, at in due.items():
            for index in self._video.chunks(each):
                self._peer.want(index, at - self._window.urgent)

    def _due(self, place: Place, deadline: float) -> dict[Place, float]:
        """Return the segments to look for, and when each is played.

        They are `place` and what follows within the window ahead of the playhead.
        """
        level = 0.0 if isinf(deadline) else max(0.0, deadline - trio.current_time())
        room, found = self._window.ahead - level, {place: deadline}
        number, begins = place.number + 1, self._video.duration(place.number)
        while 0 < (duration := self._video.duration(number)) <= room - begins:
            found[Place(place.rung, number)] = deadline + begins
            number, begins = number + 1, begins + duration
        return found

    def _forget(self, number: int) -> None:
        """Drop the segments that lie too far behind segment `number`, or were sought away from."""
        kept = self._kept(number)
        old = [each for each in self._fetched if each not in kept]
        chunks = 0
        for each in old:
            chunks |= self._video.mask_of_segment(each)
        chunks &= self._store.have
        gone = self._peer.withdraw(chunks) if chunks else 0
        self._store.drop(gone)
        for each in old:
            if not self._video.mask_of_segment(each) & self._store.have:
                self._fetched.remove(each)

    def _kept(self, number: int) -> range:
        """Return the segments within the window round segment `number`."""
        first, behind = number, 0.0
        while first > 0 and behind < self._window.behind:
            first -= 1
            behind += self._video.duration(first)
        last, ahead = number, 0.0
        while ahead < self._window.ahead and self._video.duration(last) > 0:
            ahead += self._video.duration(last)
            last += 1
        return range(first, last + 1)

    def _held(self, place: Place) -> int:
        """Return the bytes of a segment that are here."""
        manifest, have = self._store.manifest, self._store.have
        return sum(
            manifest.length(index) for index in self._video.chunks(place) if have >> index & 1
        )
