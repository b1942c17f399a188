"""`swarmbed watch`: a headless player on real sockets, and what its session came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from experiments import units
from experiments.cli import process, show, show_video
from experiments.cli.compare import read_quantity
from experiments.cli.errors import FAILED, CommandError
from experiments.cli.options import Json, Quiet, Verbose

if TYPE_CHECKING:
    from cdn.player.behaviour import Act
    from cdn.player.player import Settings
    from cdn.player.view import Abr
    from experiments.log import Event
    from net.trace import Trace

_CLIENT = "viewer"


def watch(
    url: Annotated[str, Parameter(help="A master or media playlist.")],
    /,
    *,
    abr: Annotated[
        str,
        Parameter(
            help="What chooses rates: fixed, fixed:RUNG, throughput, ewma, buffer-based, bola, "
            "robust-mpc, dynamic, or file.py:Class."
        ),
    ] = "dynamic",
    ahead: Annotated[str, Parameter(help="Video kept ahead at most.")] = "30s",
    start: Annotated[str, Parameter(help="Video needed to start.")] = "2s",
    resume: Annotated[str, Parameter(help="Video needed to go on after a stall.")] = "4s",
    stop_after: Annotated[
        str | None, Parameter(help="Leave so long after the beginning, such as 30s.")
    ] = None,
    figure: Annotated[Path | None, Parameter(help="Draw the session: a .png or .svg file.")] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Watch a video without a screen, in real time, and print what the session came to.

    It reads the playlists, fetches segments as a player would, and plays them out by the clock. The
    exit code is 1 if nothing could be played.
    """
    from cdn.player.abr import AbrError, find_rule
    from cdn.player.behaviour import Quit
    from cdn.player.player import Settings
    from cdn.player.playout import Thresholds
    from cdn.url import Url
    from experiments import video_metrics

    def seconds(flag: str, text: str) -> float:
        return read_quantity(flag, units.parse_duration, text)

    try:
        Url.parse(url)
        rule = find_rule(abr)()
        thresholds = Thresholds(
            seconds("--start", start), seconds("--resume", resume), seconds("--ahead", ahead)
        )
    except AbrError as error:
        raise CommandError(f"--abr: {error}") from error
    except ValueError as error:
        raise CommandError(str(error)) from error
    if figure is not None and figure.suffix not in (".png", ".svg"):
        raise CommandError(f"--figure: {figure} is neither .png nor .svg")
    leave = [] if stop_after is None else [Quit(seconds("--stop-after", stop_after))]
    told = process.trace(_CLIENT, verbose)
    code, events = _play(
        url, rule, Settings(thresholds), leave, _talking(told, quiet=quiet or verbose)
    )
    metrics = video_metrics.fold(events, [video_metrics.Viewer(_CLIENT, abr)])
    if metrics is None:
        return code
    session = metrics.each[0]
    if json:
        show.as_json(session)
    if session.startup_s is None:
        if code == 0:
            raise CommandError(f"nothing was played: {session.ended}", FAILED)
        return code
    if not json:
        show_video.session(session, title=url)
    if figure is not None:
        _draw(figure, events, f"{url} · {abr}", quiet=quiet)
    return code


def _play(
    url: str, rule: Abr, settings: Settings, leave: Sequence[Act], told: Trace
) -> tuple[int, list[Event]]:
    """Play `url` over real sockets; return the exit code, and what happened."""
    import trio

    from cdn.player.abr import AbrError
    from cdn.player.http_source import HttpSource
    from cdn.player.player import Player
    from experiments.log import EventLog
    from net.sockets import SocketNetwork

    logs: list[EventLog] = []

    async def run() -> None:
        logs.append(EventLog(trio.current_time))
        record = logs[0].trace(_CLIENT)

        def trace(event: str, /, **fields: str | float | None) -> None:
            record(event, **fields)
            told(event, **fields)

        source = HttpSource(SocketNetwork("0.0.0.0"))  # noqa: S104 - dials only, towards anyone
        player = Player(source, url, rule, settings=settings, behaviour=leave, trace=trace)
        try:
            await player.watch()
        except AbrError as error:
            raise CommandError(str(error), FAILED) from error

    code = process.run_until_stopped(run)
    return code, [event for log in logs for event in log]


def _talking(told: Trace, *, quiet: bool) -> Trace:
    """Return a trace that also says in a line what each segment was."""

    def trace(event: str, /, **fields: str | float | None) -> None:
        told(event, **fields)
        if event == "segment_received":
            show.say(_line(fields), quiet=quiet)

    return trace


def _draw(figure: Path, events: Sequence[Event], caption: str, *, quiet: bool) -> None:
    from experiments import video_figures

    forms = video_figures.session(events, _CLIENT, caption=caption)
    try:
        figure.write_bytes(forms[figure.suffix[1:]])
    except OSError as error:
        raise CommandError(f"--figure: {figure}: {error.strerror}") from error
    show.say(f"figure   {figure}", quiet=quiet)


def _line(fields: Mapping[str, str | float | None]) -> str:
    """Return one segment in a few words."""
    number, rung, size, took, rate, level = (
        float(fields[key] or 0)
        for key in ("index", "rung", "bytes", "seconds", "bitrate", "buffer")
    )
    hit = "" if fields["hit"] is None else "hit" if fields["hit"] else "miss"
    return (
        f"segment {number:4.0f}  rung {rung:.0f} ({rate / 1e6:.2f} Mbit/s)  {size / 1e3:8.1f} kB "
        f"in {took:6.3f} s  buffer {level:5.2f} s  {hit}"
    ).rstrip()
