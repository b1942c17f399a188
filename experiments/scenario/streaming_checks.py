"""What of a video's scenario cannot be run, with the key and the fix of each.

It plays nothing; link traces and movies are read, for only that tells whether they can be.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cdn.player.abr import find_rule
from cdn.video.ladder import parse_ladder
from cdn.video.synthetic import synthesize
from experiments.capacity import find
from experiments.capacity import movie as movies
from experiments.scenario.streaming import Video

if TYPE_CHECKING:
    from experiments.scenario.sections import Scenario

SWARMS = ("video-p2p", "video-hybrid")
MODELS = ("video-server", "video-cdn", *SWARMS)
"""The models that deliver a [video]."""


def problems(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield the key path and the fix of each thing that cannot be."""
    yield from _link_problems(scenario)
    plays = scenario.model.startswith("video-")
    if scenario.video is None:
        if plays:
            yield "video", f"the model {scenario.model!r} needs a [video] section"
        for index, group in enumerate(scenario.clients):
            for key in ("abr", "behaviour"):
                if getattr(group, key):
                    yield f"clients[{index}].{key}", "only viewers of a [video] have one"
        return
    if not plays:
        yield "video", f"only the models {', '.join(MODELS)} deliver a [video]"
    yield from _video_problems(scenario.video)
    if scenario.model in SWARMS:
        yield from scenario.viewers.problems()
        if scenario.video.live:
            yield "video.live", f"the model {scenario.model!r} shares what is there beforehand"
    for index, group in enumerate(scenario.clients):
        if group.abr is not None:
            yield from _refused(f"clients[{index}].abr", partial(find_rule, group.abr))


def _video_problems(video: Video) -> Iterator[tuple[str, str]]:
    checks: list[tuple[str, Callable[[], object]]] = [
        ("video.buffer", video.buffer.thresholds),
        ("video.abr", lambda: find_rule(video.abr)),
    ]
    if video.movie is None:
        checks.append(("video.ladder", lambda: parse_ladder(video.ladder)))
        checks.append(
            ("video", lambda: synthesize((), duration=video.duration, segment=video.segment))
        )
    else:
        checks.append(("video.movie", lambda: movies.load(Path(str(video.movie)))))
    for key, check in checks:
        yield from _refused(key, check)
    if video.placed < 0:
        yield "video.placed", f"{video.placed} is below 0"


def _refused(key: str, check: Callable[[], object]) -> Iterator[tuple[str, str]]:
    """Yield what `check` refuses: each of the errors here is a `ValueError` that tells the fix."""
    try:
        check()
    except ValueError as error:
        yield key, str(error)


def _link_problems(scenario: Scenario) -> Iterator[tuple[str, str]]:
    named = [(f"links[{index}].trace", link.trace) for index, link in enumerate(scenario.links)]
    for index, group in enumerate(scenario.clients):
        if group.trace is not None:
            named.append((f"clients[{index}].trace", group.trace))
    for key, name in named:
        yield from _refused(key, partial(find, name))
    for index, link in enumerate(scenario.links):
        if link.host not in scenario.hosts:
            near = difflib.get_close_matches(link.host, scenario.hosts, 1)
            fix = f"; did you mean {near[0]!r}?" if near else ""
            yield f"links[{index}].host", f"no host {link.host!r}{fix}"
