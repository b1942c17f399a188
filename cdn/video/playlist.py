"""A strict reader of the playlists of HTTP Live Streaming (RFC 8216), and the values it makes.

Refuses to know where playlists come from and who plays them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from cdn.video.hls import MasterPlaylist, MediaPlaylist, Segment, Sound, Variant
from cdn.video.syntax import Attributes, PlaylistError, decimal, integer, lines

__all__ = [
    "MasterPlaylist", "MediaPlaylist", "PlaylistError", "Segment", "Sound", "Variant", "parse",
]  # fmt: skip

MAX_ENTRIES = 100_000
"""Segments or variants of a playlist that are read at most."""

_VERSIONS = range(1, 8)
_BYTE_RANGE = re.compile(r"([0-9]{1,19})(?:@([0-9]{1,19}))?")
_ONCE = frozenset(
    (
        "#EXTM3U", "#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE",
        "#EXT-X-DISCONTINUITY-SEQUENCE", "#EXT-X-PLAYLIST-TYPE", "#EXT-X-ENDLIST",
        "#EXT-X-I-FRAMES-ONLY", "#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-START",
    )
)  # fmt: skip
_MASTER_ONLY = ("#EXT-X-STREAM-INF", "#EXT-X-MEDIA", "#EXT-X-I-FRAME-STREAM-INF")


def parse(text: str) -> MasterPlaylist | MediaPlaylist:
    """Return the playlist that `text` is; tags that change no byte of the video are passed over.

    Raises:
        PlaylistError: it is none, is larger than the limits of this module, or needs what a
            player here cannot do (decryption, several init files).
    """
    given = list(lines(text))
    if not given or given[0] != (1, "#EXTM3U"):
        raise PlaylistError(1, "a playlist begins with #EXTM3U")
    master = any(line.split(":", 1)[0] in _MASTER_ONLY for _, line in given)
    reader: _MasterReader | _MediaReader = _MasterReader() if master else _MediaReader()
    number = 1
    for number, line in given[1:]:
        try:
            if line.startswith("#EXT"):
                tag, _, value = line.partition(":")
                reader.tag(tag, value)
            elif not line.startswith("#"):
                reader.uri(line)
        except ValueError as error:
            raise PlaylistError(number, str(error)) from error
    try:
        return reader.finish()
    except ValueError as error:
        raise PlaylistError(number, str(error)) from error


class _Reader:
    """What both kinds share: a table of tags, some of which may stand but once."""

    TAGS: ClassVar[dict[str, Callable[..., None]]]
    FOREIGN: ClassVar[frozenset[str]]

    def __init__(self) -> None:
        self._seen = {"#EXTM3U"}
        self._entries = 0

    def tag(self, tag: str, value: str) -> None:
        if tag in self.FOREIGN:
            raise ValueError(f"{tag} mixes a master playlist with a media playlist")
        if tag in self._seen and tag in _ONCE:
            raise ValueError(f"{tag} is given twice")
        self._seen.add(tag)
        if tag == "#EXT-X-VERSION" and integer(tag, value) not in _VERSIONS:
            raise ValueError(f"version {value} is not one of RFC 8216 (1 to 7)")
        if tag in self.TAGS:
            self.TAGS[tag](self, value)

    def count(self) -> None:
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise ValueError(f"more than {MAX_ENTRIES} entries")


class _MasterReader(_Reader):
    def __init__(self) -> None:
        super().__init__()
        self._variants: list[Variant] = []
        self._sounds: list[Sound] = []
        self._next: Attributes | None = None

    def _stream(self, value: str) -> None:
        if self._next is not None:
            raise ValueError("#EXT-X-STREAM-INF follows another that has no URI yet")
        self._next = Attributes(value)
        if "BANDWIDTH" not in self._next:
            raise ValueError("#EXT-X-STREAM-INF lacks BANDWIDTH")
        self._variant("", self._next)  # so that an error names this line, not the URI's

    @staticmethod
    def _variant(uri: str, given: Attributes) -> Variant:
        return Variant(
            uri,
            given.integer("BANDWIDTH") or 0,
            given.integer("AVERAGE-BANDWIDTH"),
            given.resolution("RESOLUTION"),
            given.string("CODECS"),
            given.decimal("FRAME-RATE"),
            given.string("AUDIO"),
        )

    def _media(self, value: str) -> None:
        given = Attributes(value)
        uri, group, name = (given.string(key) for key in ("URI", "GROUP-ID", "NAME"))
        if given.word("TYPE") is None or group is None or name is None:
            raise ValueError("#EXT-X-MEDIA lacks TYPE, GROUP-ID or NAME")
        if given.word("TYPE") == "AUDIO" and uri:
            self.count()
            self._sounds.append(Sound(uri, group, name))

    def uri(self, uri: str) -> None:
        if self._next is None:
            raise ValueError("a URI without #EXT-X-STREAM-INF before it")
        self.count()
        self._variants.append(self._variant(uri, self._next))
        self._next = None

    def finish(self) -> MasterPlaylist:
        if self._next is not None:
            raise ValueError("#EXT-X-STREAM-INF without a URI after it")
        independent = "#EXT-X-INDEPENDENT-SEGMENTS" in self._seen
        return MasterPlaylist(tuple(self._variants), independent, tuple(self._sounds))

    TAGS = {"#EXT-X-STREAM-INF": _stream, "#EXT-X-MEDIA": _media}
    FOREIGN = frozenset(
        (
            "#EXTINF", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-MAP",
            "#EXT-X-BYTERANGE", "#EXT-X-ENDLIST", "#EXT-X-PLAYLIST-TYPE", "#EXT-X-KEY",
        )
    )  # fmt: skip


class _MediaReader(_Reader):
    def __init__(self) -> None:
        super().__init__()
        self._target: int | None = None
        self._sequence = 0
        self._init: str | None = None
        self._segments: list[Segment] = []
        self._duration: float | None = None
        self._range: tuple[int, int | None] | None = None

    def _targets(self, value: str) -> None:
        self._target = integer("#EXT-X-TARGETDURATION", value)

    def _numbers(self, value: str) -> None:
        if self._segments:
            raise ValueError("#EXT-X-MEDIA-SEQUENCE stands before the first segment")
        self._sequence = integer("#EXT-X-MEDIA-SEQUENCE", value)

    def _maps(self, value: str) -> None:
        given = Attributes(value)
        uri = given.string("URI")
        if not uri:
            raise ValueError("#EXT-X-MAP lacks URI")
        if "BYTERANGE" in given:
            raise ValueError("#EXT-X-MAP with BYTERANGE is not supported: use a file of its own")
        if self._segments and uri != self._init:
            raise ValueError("#EXT-X-MAP changes between segments, which is not supported")
        self._init = uri

    def _lasts(self, value: str) -> None:
        if self._duration is not None:
            raise ValueError("#EXTINF follows another that has no URI yet")
        self._duration = decimal("#EXTINF", value.partition(",")[0])
        if self._target is not None:
            self._fits(self._duration, self._target)

    @staticmethod
    def _fits(duration: float, target: int) -> None:
        if int(duration + 0.5) > target:
            raise ValueError(
                f"a segment of {duration:g} s exceeds #EXT-X-TARGETDURATION, {target} s"
            )

    def _ranges(self, value: str) -> None:
        found = _BYTE_RANGE.fullmatch(value)
        if found is None:
            raise ValueError(f"#EXT-X-BYTERANGE wants LENGTH or LENGTH@OFFSET, not {value[:40]!r}")
        self._range = (int(found[1]), None if found[2] is None else int(found[2]))

    def _locks(self, value: str) -> None:
        if Attributes(value).word("METHOD") != "NONE":
            raise ValueError("encrypted segments are not supported")

    def uri(self, uri: str) -> None:
        if self._duration is None:
            raise ValueError("a URI without #EXTINF before it")
        self.count()
        self._segments.append(Segment(uri, self._duration, self._byte_range(uri)))
        self._duration = self._range = None

    def _byte_range(self, uri: str) -> tuple[int, int] | None:
        if self._range is None:
            return None
        length, offset = self._range
        if offset is None:
            last = self._segments[-1] if self._segments else None
            if last is None or last.uri != uri or last.byte_range is None:
                raise ValueError("#EXT-X-BYTERANGE without an offset continues no segment")
            offset = sum(last.byte_range)
        return length, offset

    def finish(self) -> MediaPlaylist:
        if self._duration is not None:
            raise ValueError("#EXTINF without a URI after it")
        if self._target is None:
            raise ValueError("#EXT-X-TARGETDURATION is missing")
        for segment in self._segments:
            self._fits(segment.duration, self._target)
        ended = "#EXT-X-ENDLIST" in self._seen
        return MediaPlaylist(self._target, tuple(self._segments), self._sequence, self._init, ended)

    TAGS = {
        "#EXT-X-TARGETDURATION": _targets,
        "#EXT-X-MEDIA-SEQUENCE": _numbers,
        "#EXT-X-MAP": _maps,
        "#EXTINF": _lasts,
        "#EXT-X-BYTERANGE": _ranges,
        "#EXT-X-KEY": _locks,
    }
    FOREIGN = frozenset(_MASTER_ONLY)
