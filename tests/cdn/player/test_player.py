"""The player in virtual time: whole sessions over an emulated link."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio
import trio.lowlevel

from cdn.player.abr import AbrError, Fixed, Throughput
from cdn.player.behaviour import Pause, Quit, Seek
from cdn.player.player import Settings
from cdn.player.playout import Thresholds
from cdn.player.view import Progress, View
from cdn.site import MemoryResource, MemorySite, Moved, Resource
from cdn.video.live import LiveSite
from cdn.video.playlist import MasterPlaylist, Variant
from cdn.video.rendition import playlists
from cdn.video.synthetic import Synthetic
from net.virtual import VirtualInternet
from tests.cdn.player.theatre import Seen, names, rungs, show, sizes_of, video


def received(seen: list[Seen], key: str) -> list[float]:
    """Return one number of each segment received."""
    return [float(each.fields[key] or 0) for each in seen if each.name == "segment_received"]


def at(seen: list[Seen], name: str) -> float:
    """Return when the first event of this name happened."""
    return next(each.at for each in seen if each.name == name)


def test_a_video_is_played_to_its_end() -> None:
    """Every segment once and in order, played by the clock from the first one on."""
    whole = video()
    seen = show(Throughput(), whole.site())
    assert received(seen, "index") == list(range(10))
    assert names(seen, "playback") == ["playback_started", "playback_ended"]
    assert at(seen, "playback_ended") - at(seen, "playback_started") == pytest.approx(40)
    sizes = [whole.renditions[int(r or 0)].sizes[n] for n, r in enumerate(rungs(seen))]
    assert received(seen, "bytes") == sizes
    assert seen[-1].fields == {"reason": "ended", "played": pytest.approx(40)}


def test_start_up_is_arithmetic() -> None:
    """A dial, two playlists, an init file and a segment: a round trip each, and the bytes."""
    whole = video()
    seen = show(Fixed(0), whole.site(), down=1e6)
    first = whole.renditions[0].sizes[0]
    started = at(seen, "playback_started")
    assert started == pytest.approx(5 * 0.04 + 8 * (first + 4000) / 1e6, abs=0.1)


def test_no_more_is_fetched_than_is_kept_ahead() -> None:
    """With 12 s ahead at most the buffer never holds more, and the link falls idle."""
    settings = Settings(Thresholds(ahead=12.0))
    seen = show(Fixed(0), video().site(), settings=settings)
    assert 11.5 < max(received(seen, "buffer")) <= 12.0
    requests = [each.at for each in seen if each.name == "segment_requested"]
    assert all(b - a > 3.9 for a, b in list(pairwise(requests))[4:])


def test_all_goes_over_one_connection() -> None:
    """The player keeps its connection from the first playlist to the last segment."""
    dialled = []

    async def count(internet: VirtualInternet) -> None:
        network = internet.attach("viewer")
        dial = network.dial

        async def counted(address: object) -> object:
            dialled.append(address)
            return await dial(address)  # type: ignore[arg-type] # passed through

        network.dial = counted  # type: ignore[method-assign, assignment] # a spy
        await trio.lowlevel.checkpoint()

    show(Fixed(1), video().site(), meanwhile=count)
    assert len(dialled) <= 1


def test_a_link_too_slow_stalls_and_goes_on() -> None:
    """At a fixed rate above the link's, each stall ends once there is enough to resume."""
    seen = show(Fixed(2), video().site(), down=2e6)
    said = names(seen, "playback")
    assert said.count("playback_stalled") > 1
    assert said[-1] == "playback_ended"
    for stall, start in pairwise(each for each in seen if each.name.startswith("playback")):
        if stall.name == "playback_stalled":
            assert start.name == "playback_started"
            assert start.at > stall.at


class Greedy:
    """A rule that climbs to the top with its second segment, and has no mind about giving up."""

    def choose(self, view: View) -> int:
        """Return the highest rung, after the first segment."""
        return 0 if view.last is None else len(view.bitrates) - 1


async def slow_down(internet: VirtualInternet) -> None:
    """Slow the viewer's link to a tenth after ten seconds."""
    await trio.sleep(10)
    internet.set_access("viewer", down=0.6e6)


def test_a_segment_is_given_up_when_the_link_breaks_down() -> None:
    """Fetched again at a lower rung the segment comes sooner, and the player stalls less."""
    whole = video(60)
    stalled = []
    for abandon in (True, False):
        settings = Settings(Thresholds(ahead=10.0), abandon=abandon)
        seen = show(
            Greedy(), whole.site(), down=6e6, settings=settings, sizes=sizes_of(whole),
            meanwhile=slow_down,
        )  # fmt: skip
        given_up = [each for each in seen if each.name == "segment_abandoned"]
        assert bool(given_up) is abandon
        assert received(seen, "index") == list(range(15))
        if given_up:
            index = given_up[0].fields["index"]
            again = next(
                e for e in seen if e.name == "segment_received" and e.fields["index"] == index
            )
            assert int(again.fields["rung"] or 0) < 2
        stalled.append(at(seen, "playback_ended"))
    assert stalled[0] < stalled[1]


def test_a_pause_holds_what_is_played() -> None:
    """Ten seconds of pause make the session ten seconds longer, and nothing stalls."""
    plain = show(Fixed(0), video().site())
    paused = show(Fixed(0), video().site(), behaviour=[Pause(5.0, 10.0)])
    assert at(paused, "playback_ended") == pytest.approx(at(plain, "playback_ended") + 10)
    assert "playback_stalled" not in names(paused)
    assert at(paused, "playback_unpaused") == pytest.approx(15)


def test_a_seek_forward_skips_and_waits_for_nothing_it_has() -> None:
    """Into the buffer it goes on at once; beyond, what lies between is never fetched."""
    within = show(Fixed(0), video().site(), behaviour=[Seek(2.0, 10.0)])
    assert received(within, "index") == list(range(10))
    assert "playback_sought" not in names(within)
    assert at(within, "playback_ended") == pytest.approx(2 + 30, abs=0.01)
    settings = Settings(Thresholds(ahead=8.0))
    beyond = show(Fixed(0), video().site(), settings=settings, behaviour=[Seek(2.0, 30.0)])
    assert received(beyond, "index") == [0, 1, 7, 8, 9]
    assert names(beyond, "playback") == [
        "playback_started", "playback_sought", "playback_started", "playback_ended",
    ]  # fmt: skip
    assert at(beyond, "playback_ended") == pytest.approx(2 + 10, abs=0.6)


def test_a_seek_back_fetches_again() -> None:
    """What was played is not kept."""
    settings = Settings(Thresholds(ahead=8.0))
    seen = show(Fixed(0), video(24).site(), settings=settings, behaviour=[Seek(13.0, 0.0)])
    assert received(seen, "index") == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5]


def test_after_the_last_segment_a_seek_is_still_heard() -> None:
    """A viewer may go back while the end is played out."""
    seen = show(Fixed(0), video(12).site(), behaviour=[Seek(9.0, 0.0)])
    assert received(seen, "index") == [0, 1, 2, 0, 1, 2]
    assert at(seen, "playback_ended") == pytest.approx(9 + 12, abs=0.6)


def test_who_quits_fetches_no_more() -> None:
    """The session ends there and then."""
    seen = show(Fixed(0), video().site(), behaviour=[Quit(6.0)])
    assert seen[-1].at == pytest.approx(6.0)
    assert seen[-1].fields == {
        "reason": "left", "played": pytest.approx(6.0 - at(seen, "playback_started")),
    }  # fmt: skip


class Live:
    """A video that begins to happen with the first request."""

    def __init__(self, whole: Synthetic, window: float) -> None:
        self._whole = whole
        self._window = window
        self._site: LiveSite | None = None

    def lookup(self, path: str) -> Resource | Moved | None:
        """Return what `path` names now."""
        if self._site is None:
            shown = playlists(self._whole.renditions)
            self._site = LiveSite(
                self._whole.site(), shown, wall=trio.current_time, window=self._window
            )
        return self._site.lookup(path)


def test_live_is_played_behind_its_end() -> None:
    """It starts three segments from the end at most, keeps up, and ends when the video does."""
    seen = show(Throughput(), Live(video(60, segment=2.0), 20.0))
    assert received(seen, "index") == list(range(30))
    assert max(received(seen, "behind")[3:-3]) < 10
    assert at(seen, "playback_ended") == pytest.approx(60, abs=6)


def test_a_player_that_lags_too_far_behind_live_skips() -> None:
    """Paused for longer than the window lasts, it goes on with what there is."""
    settings = Settings(Thresholds(ahead=8.0))
    live = Live(video(120, segment=2.0), 10.0)
    seen = show(Throughput(), live, settings=settings, behaviour=[Pause(20.0, 40.0)])
    assert names(seen).count("segments_skipped") == 1
    assert received(seen, "index")[-1] == 59
    assert seen[-1].fields["reason"] == "ended"


@pytest.mark.parametrize(
    ("site", "words"),
    [
        ({}, "404"),
        ({"/master.m3u8": "nonsense"}, "line 1"),
        ({"/master.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nno.m3u8\n"}, "no.m3u8"),
        (
            {"/master.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmaster.m3u8\n"},
            "a master playlist where",
        ),
        (
            {
                "/master.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nno.ts\n"
                "#EXT-X-ENDLIST\n"
            },
            "no.ts",
        ),
        (
            {
                "/master.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nftp://x/no.ts\n"
                "#EXT-X-ENDLIST\n"
            },
            "not an http",
        ),
    ],
)
def test_what_cannot_be_played_ends_the_session(site: dict[str, str], words: str) -> None:
    """The reason names what was wrong."""
    resources = {path: MemoryResource.of(path, text.encode()) for path, text in site.items()}
    seen = show(Fixed(0), MemorySite(resources))
    assert words in str(seen[-1].fields["reason"])
    assert seen[-1].fields["played"] == 0


def test_byte_ranges_of_one_file_are_segments() -> None:
    """A media playlist alone is played too, its segments parts of one file."""
    text = "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:2\n" + "".join(
        f"#EXTINF:2,\n#EXT-X-BYTERANGE:{1000 + n}@{1000 * n}\nall.ts\n" for n in range(5)
    )
    site = MemorySite(
        {
            "/list.m3u8": MemoryResource.of("list.m3u8", (text + "#EXT-X-ENDLIST\n").encode()),
            "/all.ts": MemoryResource.of("all.ts", bytes(6000)),
        }
    )
    seen = show(Fixed(0), site, path="/list.m3u8")
    assert received(seen, "bytes") == [1000, 1001, 1002, 1003, 1004]
    assert seen[-1].fields["reason"] == "ended"


class Broken:
    """A rule that fails as its maker wished."""

    def __init__(self, result: object) -> None:
        self._result = result

    def choose(self, view: View) -> int:
        """Return what is no rung."""
        if self._result is None:
            raise KeyError("lost")
        return self._result  # type: ignore[return-value] # that is the point


@pytest.mark.parametrize(
    ("result", "words"), [(3, "rungs are 0 to 2"), (-1, "-1"), ("x", "'x'"), (None, "KeyError")]
)
def test_a_rule_that_fails_is_named(result: object, words: str) -> None:
    """A rule of anybody's may fail or choose nonsense; the error says which did what."""
    with pytest.raises(BaseExceptionGroup) as caught:
        show(Broken(result), video().site())
    (error,) = caught.value.exceptions
    assert isinstance(error, AbrError)
    assert "Broken" in str(error)
    assert words in str(error)


class Restless:
    """A rule that gives every fetch up for what its maker wished."""

    def __init__(self, instead: object) -> None:
        self._instead = instead

    def choose(self, view: View) -> int:
        """Return the highest rung."""
        return len(view.bitrates) - 1

    def abandon(self, view: View, progress: Progress) -> int | None:
        """Return what may be no lower rung."""
        if self._instead is None:
            raise KeyError("lost")
        return self._instead  # type: ignore[return-value] # that is the point


@pytest.mark.parametrize(
    ("instead", "words"), [(2, "lower rungs are 0 to 1"), (-1, "-1"), (None, "KeyError")]
)
def test_a_rule_that_gives_up_for_nothing_lower_is_named(instead: object, words: str) -> None:
    """Else a segment could be given up for ever."""
    with pytest.raises(BaseExceptionGroup) as caught:
        show(Restless(instead), video().site(), down=1.5e6)
    (error,) = caught.value.exceptions
    assert isinstance(error, AbrError)
    assert words in str(error)


def test_a_rule_may_give_up_down_to_the_lowest_rung() -> None:
    """There the segment is fetched in the end."""
    seen = show(Restless(0), video().site(), down=1.5e6)
    assert set(rungs(seen)[1:]) == {0}
    assert seen[-1].fields["reason"] == "ended"


def test_the_same_seed_is_the_same_session() -> None:
    """Two sessions of the same video over the same link are equal, event by event."""
    assert show(Throughput(), video().site()) == show(Throughput(), video().site())


def test_a_master_playlist_without_variants_cannot_be_played() -> None:
    """Nothing to choose from is said so."""
    text = MasterPlaylist((Variant("a.m3u8", 1),)).text().splitlines()[0] + "\n"
    site = MemorySite({"/master.m3u8": MemoryResource.of("m", text.encode())})
    assert show(Fixed(0), site)[-1].name == "session_ended"
