"""A headless player: it fetches segments at the rate its rule chooses, and plays them out.

It is where the player awaits. It refuses to know who brings the bytes and how good it was; it
says what happened in events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import trio

from cdn.player.abr import AbrError
from cdn.player.behaviour import Act, Pause, Quit, Seek
from cdn.player.chooser import Chooser
from cdn.player.history import Estimate, History
from cdn.player.playout import Playout, State, Thresholds
from cdn.player.source import Source, SourceError, Wanted
from cdn.player.timeline import Rung, Sizes, Timeline, unknown
from cdn.player.view import Abr, Progress, Sample
from cdn.video.playlist import MasterPlaylist, MediaPlaylist, PlaylistError, Segment, parse
from net.trace import Trace, silent

_PATIENCE, _CHECK = 0.5, 0.25
"""Seconds of a fetch that are not judged, for they tell little; and between two judgements."""

_SHORTEST = 1e-6
_THRESHOLDS = Thresholds()

_EVENTS = {
    State.PLAYING: "playback_started",
    State.STALLED: "playback_stalled",
    State.SEEKING: "playback_sought",
    State.ENDED: "playback_ended",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a player is set: when it plays, what it believes of throughput, whether it gives up."""

    thresholds: Thresholds = _THRESHOLDS
    estimate: Estimate = "hit-aware"
    abandon: bool = True


class _Fetch:
    """One segment under way; `instead` is the rung that takes its place once it is given up."""

    def __init__(self, rung: int) -> None:
        self.rung = rung
        self.began = trio.current_time()
        self.received = 0
        self.first_byte = inf
        self.instead: int | None = None
        self.failure: AbrError | None = None
        self.scope = trio.CancelScope()
        self.judging = trio.CancelScope()

    def heard(self, received: int) -> None:
        if not self.received:
            self.first_byte = trio.current_time()
        self.received = received

    @property
    def progress(self) -> Progress:
        """How far it is; while nothing has come, as if it had come from the start on."""
        elapsed = trio.current_time() - min(self.first_byte, self.began + _PATIENCE)
        return Progress(self.rung, self.received, max(elapsed, _SHORTEST))

    def sample(self, *, hit: bool | None = None) -> Sample:
        elapsed = trio.current_time() - self.began
        return Sample(self.received, max(elapsed, _SHORTEST), hit)


class Player:
    """One session of one viewer.

    Invariant: one segment is fetched at a time, and none that would put more video before the
    playhead than the thresholds allow.
    """

    def __init__(
        self,
        source: Source,
        url: str,
        abr: Abr,
        *,
        settings: Settings = Settings(),
        behaviour: Sequence[Act] = (),
        sizes: Sizes = unknown,
        trace: Trace = silent,
    ) -> None:
        """Play the master or media playlist at `url`; `sizes` are what is known beforehand."""
        self._source = source
        self._url = url
        self._settings = settings
        self._behaviour = behaviour
        self._sizes = sizes
        self._trace = trace
        self._chooser = Chooser(abr, History(settings.estimate), settings.thresholds.ahead)
        self._timeline = Timeline([])
        self._playout: Playout
        self._nursery: trio.Nursery
        self._next = 0
        self._into = 0.0  # seconds of the next segment that lie before where a seek leads
        self._fetch: _Fetch | None = None
        self._opened = trio.Event()
        self._changed = trio.Event()

    async def watch(self) -> None:
        """Watch to the end, or until the viewer leaves or nothing more can be had.

        Raises:
            AbrError: the rule failed, or chose a rung that does not exist.
        """
        self._trace("session_started", url=self._url)
        self._playout = Playout(self._settings.thresholds, trio.current_time())
        reason, failure = "left", None
        try:
            async with trio.open_nursery() as self._nursery:
                for act in self._behaviour:
                    self._nursery.start_soon(self._carry_out, act)
                self._nursery.start_soon(self._play)
                try:
                    await self._open()
                    await self._fetch_all()
                    reason = "ended"
                except SourceError as error:
                    reason = str(error)
                except AbrError as error:
                    reason, failure = str(error), error
                self._nursery.cancel_scope.cancel()
        finally:
            now = trio.current_time()
            self._playout.advance(now)
            self._tell()
            self._trace("session_ended", reason=reason, played=self._playout.played)
            with trio.CancelScope(shield=True):
                await self._source.aclose()
        if failure is not None:
            raise failure

    async def _open(self) -> None:
        """Read the playlist at the URL, and that of the lowest rung."""
        playlist, url = await self._read(self._url)
        now = trio.current_time()
        if isinstance(playlist, MediaPlaylist):
            self._timeline = Timeline.of_media(playlist, url, now)
        elif not playlist.variants:
            raise SourceError(f"{url}: the master playlist has no variant")
        else:
            self._timeline = Timeline.of_master(playlist, url, self._sizes)
            await self._load(0)
        rates = self._timeline.bitrates
        self._trace("ladder_read", rungs=len(rates), lowest=rates[0], highest=rates[-1])
        self._next = self._timeline.start
        self._opened.set()

    async def _read(self, url: str) -> tuple[MasterPlaylist | MediaPlaylist, str]:
        text, found = await self._source.playlist(url)
        try:
            return parse(text), found
        except PlaylistError as error:
            raise SourceError(f"{found}: {error}") from error

    async def _load(self, rung: int) -> Rung:
        """Read the playlist of `rung` anew."""
        its = self._timeline.rungs[rung]
        playlist, url = await self._read(its.url)
        if not isinstance(playlist, MediaPlaylist):
            raise SourceError(f"{url}: a master playlist where a media playlist should be")
        its.load(playlist, url, trio.current_time())
        self._timeline.read(rung)
        return its

    async def _play(self) -> None:
        """Let the playhead move; say when it starts, stalls and ends."""
        while True:
            with trio.move_on_at(self._playout.deadline()):
                await self._changed.wait()
            self._playout.advance(trio.current_time())
            self._tell()

    def _tell(self) -> None:
        """Trace what has changed, and wake who waits for it."""
        changes = self._playout.take_changes()
        for change in changes:
            self._trace(_EVENTS[change.state])
        if changes:
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def _fetch_all(self) -> None:
        """Fetch segment by segment until the video has been played to its end."""
        instead: int | None = None
        while self._playout.state is not State.ENDED:
            if self._next >= self._timeline.end:
                await self._wait_for_more()
            elif not await self._is_full():
                instead = await self._fetch_next(instead)

    async def _wait_for_more(self) -> None:
        """Wait for what a live playlist will list; or, where nothing follows, for the end."""
        if self._timeline.live:
            rung = self._chooser.last or 0
            await trio.sleep_until(self._timeline.rungs[rung].reload_at())
            await self._load(rung)
            return
        changed = self._changed
        self._playout.complete(trio.current_time())
        self._tell()
        if self._playout.state is not State.ENDED and changed is self._changed:
            await changed.wait()

    async def _is_full(self) -> bool:
        """Return whether there was no room for the next segment; if so, some time has passed."""
        now = trio.current_time()
        room = self._playout.room_at(self._timeline.duration(self._next), now)
        if room <= now:
            return False
        with trio.move_on_at(room):
            await self._changed.wait()
        return True

    async def _fetch_next(self, instead: int | None) -> int | None:
        """Fetch the next segment; return the rung to fetch it at instead, if it was given up."""
        index = self._next
        rung = instead
        if rung is None:
            now = trio.current_time()
            rung = self._chooser.choose(self._timeline, index, self._playout, now)
        segment = await self._locate(index, rung)
        if segment is None or index != self._next:
            return None
        url = self._timeline.rungs[rung].resolve(segment.uri)
        wanted = Wanted(url, index, rung, segment.byte_range, self._deadline())
        self._trace("segment_requested", index=index, rung=rung)
        fetch = self._fetch = _Fetch(rung)
        if self._settings.abandon:
            self._nursery.start_soon(self._judge, fetch, index)
        try:
            with fetch.scope:
                fetched = await self._source.fetch(wanted, fetch.heard)
        except SourceError:
            if not await self._has_gone(index, rung):
                raise
            return None
        finally:
            self._fetch = None
            fetch.judging.cancel()
        if fetch.failure is not None:
            raise fetch.failure
        if fetch.scope.cancelled_caught or index != self._next:
            self._give_up(fetch, index)
            return fetch.instead
        fetch.heard(fetched.bytes)
        self._take(fetch, index, segment, fetched.server, fetched.hit)
        return None

    def _deadline(self) -> float:
        """Return when nothing is left to play: now, if the viewer waits already."""
        playing = self._playout.state is State.PLAYING
        return self._playout.deadline() if playing else trio.current_time()

    def _take(
        self, fetch: _Fetch, index: int, segment: Segment, server: str, hit: bool | None
    ) -> None:
        now, timeline = trio.current_time(), self._timeline
        sample = fetch.sample(hit=hit)
        self._chooser.note(sample)
        self._playout.add(max(0.0, segment.duration - self._into), now)
        self._next, self._into, self._chooser.last = index + 1, 0.0, fetch.rung
        level = self._playout.level(now)
        self._trace(
            "segment_received",
            index=index,
            rung=fetch.rung,
            bitrate=timeline.bitrates[fetch.rung],
            duration=segment.duration,
            bytes=sample.bytes,
            seconds=sample.seconds,
            hit=hit,
            server=server,
            buffer=level,
            behind=timeline.seconds_from(index + 1) + level if timeline.live else None,
        )
        self._tell()
        self._wake()

    def _give_up(self, fetch: _Fetch, index: int) -> None:
        """Count what a fetch that was stopped has told."""
        sample = fetch.sample()
        if sample.bytes and fetch.instead is not None:
            self._chooser.note(sample)
        self._trace(
            "segment_abandoned",
            index=index,
            rung=fetch.rung,
            instead=fetch.instead,
            bytes=sample.bytes,
            seconds=sample.seconds,
        )

    async def _judge(self, fetch: _Fetch, index: int) -> None:
        """Stop a fetch when another rung is better, or the rule fails."""
        with fetch.judging:
            await trio.sleep(_PATIENCE)
            while fetch.instead is None and fetch.failure is None:
                self._consider(fetch, index)
                await trio.sleep(_CHECK)

    def _consider(self, fetch: _Fetch, index: int) -> None:
        now = trio.current_time()
        try:
            fetch.instead = self._chooser.instead(
                self._timeline, index, self._playout, now, fetch.progress
            )
        except AbrError as error:
            fetch.failure = error
        if fetch.instead is not None or fetch.failure is not None:
            fetch.scope.cancel()

    async def _locate(self, index: int, rung: int) -> Segment | None:
        """Return segment `index` at `rung`, None if the player must think again.

        A live playlist may not list it yet, or no longer: then the player goes on with what it
        does list.
        """
        its = self._timeline.rungs[rung]
        if its.segment(index) is None:
            if its.playlist is not None:
                await trio.sleep_until(its.reload_at())
            its = await self._load(rung)
        self._skip_what_has_gone(index)
        segment = its.segment(index)
        if segment is not None and its.must_initialise:
            await self._initialise(its, rung)
        return segment

    async def _has_gone(self, index: int, rung: int) -> bool:
        """Return whether a live video has gone on beyond segment `index`."""
        if not self._timeline.live:
            return False
        await self._load(rung)
        return self._skip_what_has_gone(index)

    def _skip_what_has_gone(self, index: int) -> bool:
        """Go on with the first segment there is, if `index` is none any more."""
        first = self._timeline.first
        if index >= first:
            return False
        if index == self._next:
            self._trace("segments_skipped", count=first - index)
            self._next, self._into = first, 0.0
        return True

    async def _initialise(self, its: Rung, rung: int) -> None:
        """Fetch what a rung's segments cannot be decoded without (RFC 8216 4.3.2.5)."""
        if its.playlist is not None and its.playlist.init is not None:
            url = its.resolve(its.playlist.init)
            await self._source.fetch(Wanted(url, None, rung), lambda _received: None)
        its.must_initialise = False

    async def _carry_out(self, act: Act) -> None:
        """Do in its time what the viewer does."""
        await trio.sleep(act.at)
        await self._opened.wait()
        match act:
            case Quit():
                self._nursery.cancel_scope.cancel()
            case Seek(to=to):
                self._seek(to)
            case Pause(lasts=lasts):
                self._playout.pause(trio.current_time())
                self._trace("playback_paused")
                self._wake()
                await trio.sleep(lasts)
                self._playout.unpause(trio.current_time())
                self._trace("playback_unpaused")
                self._wake()

    def _seek(self, to: float) -> None:
        """Go on from `to` seconds after the beginning; what is buffered there is kept."""
        now, timeline = trio.current_time(), self._timeline
        self._trace("seek_requested", to=to)
        buffered = timeline.begins(self._next) + self._into
        kept = buffered - to
        if not 0 < kept <= self._playout.level(now):
            kept = 0.0
            self._next = timeline.at(to)
            self._into = max(0.0, to - timeline.begins(self._next))
            if self._fetch is not None:
                self._fetch.scope.cancel()
        self._playout.seek(now, kept)
        self._tell()
        self._wake()
