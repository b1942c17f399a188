"""The page that plays a stream in a browser, given out on a port of this machine."""

from __future__ import annotations

import shutil
import tempfile
import time
import webbrowser
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from experiments import units
from experiments.cli import process, show
from experiments.cli.errors import ENVIRONMENT, FAILED, CommandError
from experiments.cli.options import Host, Port, Quiet, Verbose

if TYPE_CHECKING:
    import trio

    from experiments.play.demonstration import Link
    from net.seam import Address
    from net.trace import Trace

LOOPBACK = "127.0.0.1"


def play(
    url: Annotated[
        str | None, Parameter(help="The stream's master playlist (default: a demonstration).")
    ] = None,
    /,
    *,
    video: Annotated[Path | None, Parameter(help="The video that a demonstration shows.")] = None,
    link: Annotated[
        str, Parameter(help="What a demonstration's edge can send, in turn.")
    ] = "8Mbps,600kbps,8Mbps,1500kbps",
    every: Annotated[str, Parameter(help="How long each of these rates lasts.")] = "20s",
    host: Host = LOOPBACK,
    port: Port = 8090,
    browser: Annotated[
        bool, Parameter(name="--open", negative="", help="Open the page in the browser.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Play a stream in the browser, with live charts of buffer, rate, and cache hits.

    Without a URL it packages a test picture, or your video, and serves it through an edge whose
    link keeps changing, so that there is something to see.
    """
    from experiments.play.server import MissingError, page_site, page_url, serve_page

    try:
        page_site()
    except MissingError as error:
        raise CommandError(str(error), code=ENVIRONMENT) from error
    trace = process.trace("play", verbose)

    async def serve(
        stream: Callable[..., Awaitable[None]], *, task_status: trio.TaskStatus[str]
    ) -> None:
        import trio

        listener = await process.listen(host, port)
        async with trio.open_nursery() as nursery:
            found = await nursery.start(stream)
            page: Address = await nursery.start(partial(serve_page, listener, wall=time.time))
            task_status.started(page_url(page, found))

    def ready(page: str) -> None:
        show.say(f"page at {page}", quiet=quiet)
        if browser:
            webbrowser.open(page)

    if url is not None:
        return process.serve_until_stopped(partial(serve, _given(url)), ready)
    shown = _demonstration(video, _link(link, every), trace, quiet=quiet)
    return process.serve_until_stopped(partial(serve, shown), ready)


def _given(url: str) -> Callable[..., Awaitable[None]]:
    """Return what starts with a stream that is there already."""
    from cdn.url import Url

    try:
        Url.parse(url)
    except ValueError as error:
        raise CommandError(f"{url}: {error}") from error

    async def run(*, task_status: trio.TaskStatus[str]) -> None:
        import trio

        task_status.started(url)
        await trio.lowlevel.checkpoint()

    return run


def _demonstration(
    video: Path | None, link: Link, trace: Trace, *, quiet: bool
) -> Callable[..., Awaitable[None]]:
    """Return what makes a stream and serves it."""
    from cdn.video.encoding import PackageError
    from experiments.play.demonstration import demonstrate

    if shutil.which("ffmpeg") is None:
        raise CommandError(
            "a demonstration needs ffmpeg (Debian: apt install ffmpeg); or give a stream's URL",
            ENVIRONMENT,
        )
    if video is not None and not video.is_file():
        raise CommandError(f"--video: there is no file {video}")

    async def run(*, task_status: trio.TaskStatus[str]) -> None:
        show.say("making the stream", quiet=quiet)
        scratch = tempfile.TemporaryDirectory(prefix="swarmbed-play-")
        with scratch as where, process.progress("packaged", None, quiet=quiet) as shown:

            def told(done: float, of: float | None) -> None:
                shown(round(1000 * done), None if of is None else round(1000 * of))

            try:
                await demonstrate(
                    video, Path(where), link, wall=time.time, trace=trace, told=told,
                    task_status=task_status,
                )  # fmt: skip
            except PackageError as error:
                raise CommandError(str(error), FAILED) from error

    return run


def _link(text: str, every: str) -> Link:
    from experiments.play.demonstration import Link

    try:
        rates = [units.parse_rate(part.strip()) for part in text.split(",")]
        seconds = units.parse_duration(every)
    except units.UnitError as error:
        raise CommandError(f"--link or --every: {error}") from error
    if min(rates) <= 0 or seconds <= 0:
        raise CommandError("--link and --every: rates and times must be above 0")
    return Link(rates, seconds)
