"""The DASH manifest (ISO/IEC 23009-1) of renditions: the same segments for other players.

Refuses to know HLS. Static manifests of fragmented MP4 only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.etree import ElementTree as ET  # writes only: nothing of a stranger's is parsed

from cdn.video.rendition import INIT, Rendition

_NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
_PROFILE = "urn:mpeg:dash:profile:isoff-live:2011"


def manifest(renditions: Sequence[Rendition]) -> str:
    """Return the manifest of `renditions`, which are cut at the same times."""
    seconds = max(sum(each.ticks) / each.timescale for each in renditions)
    longest = max(max(each.durations) for each in renditions)
    root = ET.Element(
        "MPD",
        {
            "xmlns": _NAMESPACE,
            "profiles": _PROFILE,
            "type": "static",
            "mediaPresentationDuration": f"PT{seconds:.6f}S",
            "maxSegmentDuration": f"PT{longest:.6f}S",
            "minBufferTime": f"PT{longest:.6f}S",
        },
    )
    period = ET.SubElement(root, "Period", {"id": "0", "start": "PT0S"})
    for kind, group in (
        ("video", [each for each in renditions if each.resolution is not None]),
        ("audio", [each for each in renditions if each.resolution is None]),
    ):
        if group:
            fields = {"mimeType": f"{kind}/mp4", "segmentAlignment": "true", "startWithSAP": "1"}
            choices = ET.SubElement(period, "AdaptationSet", fields)
            for each in group:
                _represent(choices, each)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _represent(choices: ET.Element, each: Rendition) -> None:
    fields = {"id": each.name, "bandwidth": str(each.peak)}
    if each.resolution is not None:
        fields.update(zip(("width", "height"), map(str, each.resolution), strict=True))
    if each.codecs is not None:
        fields["codecs"] = each.codecs
    template = ET.SubElement(
        ET.SubElement(choices, "Representation", fields),
        "SegmentTemplate",
        {
            "timescale": str(each.timescale),
            "startNumber": "0",
            "initialization": f"{each.folder}/{INIT}",
            "media": f"{each.folder}/$Number%05d$.m4s",
        },
    )
    timeline = ET.SubElement(template, "SegmentTimeline")
    for entry in _runs(each):
        ET.SubElement(timeline, "S", entry)


def _runs(each: Rendition) -> Iterator[dict[str, str]]:
    """Yield equal durations in a row as one entry with a count of repetitions."""
    first = {"t": str(each.start)}
    for ticks, run in groupby(each.ticks):
        repeats = len(list(run)) - 1
        yield {**first, "d": str(ticks), **({"r": str(repeats)} if repeats else {})}
        first = {}
