"""HTTP on real sockets, one process each: origin, get.

Servers run until Ctrl-C or SIGTERM and bind to loopback unless --host says otherwise. What they
do is the roles' business; here they are only given a network, a place to store, and a voice.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from experiments import units
from experiments.cli import process, show
from experiments.cli.errors import FAILED, CommandError
from experiments.cli.options import Host, Json, Port, Quiet, Verbose

if TYPE_CHECKING:
    import trio

    from cdn.site import DirectorySite
    from cdn.video.live import LiveSite
    from net.seam import Address

LOOPBACK = "127.0.0.1"


def origin(
    directory: Annotated[Path, Parameter(help="The directory to serve.")],
    /,
    *,
    host: Host = LOOPBACK,
    port: Port = 8000,
    cache_control: Annotated[
        str | None,
        Parameter(
            help="What caches are told of every file (default: a minute for playlists, for good "
            "for the segments of a packaged video, an hour for the rest)."
        ),
    ] = None,
    live: Annotated[
        bool,
        Parameter(negative="", show_default=False, help="Show a packaged video as if it ran now."),
    ] = False,
    window: Annotated[str, Parameter(help="How much a live playlist shows.")] = "30s",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Serve a directory over HTTP, as a CDN's origin."""
    from cdn.origin import Origin
    from cdn.site import DirectorySite, Site
    from cdn.video import delivery

    if not directory.is_dir():
        raise CommandError(f"{directory} is not a directory")
    files = DirectorySite(
        directory, lifetime=delivery.cache_control if cache_control is None else lambda _: None
    )
    site: Site = _live(files, window) if live else files

    async def serve(*, task_status: trio.TaskStatus[Address]) -> None:
        node = Origin(
            site, wall=time.time, cache_control=cache_control or "max-age=3600",
            trace=process.trace("origin", verbose),
        )  # fmt: skip
        await node.serve(await process.listen(host, port), task_status=task_status)

    return process.serve_until_stopped(
        serve, lambda at: show.say(f"origin at http://{at}/", quiet=quiet)
    )


def _live(files: DirectorySite, window: str) -> LiveSite:
    from cdn.video.documents import read_playlists
    from cdn.video.live import LiveSite

    try:
        playlists = read_playlists(files)
        return LiveSite(files, playlists, wall=time.time, window=units.parse_duration(window))
    except (OSError, ValueError) as error:
        raise CommandError(f"--live: {error}; `swarmbed package` makes what it needs") from error


def get(
    url: Annotated[str, Parameter(help="What to download.")],
    /,
    *,
    out: Annotated[
        Path | None, Parameter(help="File to write (default: the URL's last part).")
    ] = None,
    sha256: Annotated[str | None, Parameter(help="What the file must hash to.")] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Download over HTTP; one that was interrupted goes on where it stopped."""
    from urllib.parse import unquote

    from cdn.client import Download, DownloadError, download
    from cdn.sink import FileSink
    from cdn.url import Url
    from net.sockets import SocketNetwork

    try:
        target = Url.parse(url).target
    except ValueError as error:
        raise CommandError(f"{url}: {error}") from error
    path = out or Path(Path(unquote(target.partition("?")[0])).name or "index.html")
    done: list[Download] = []

    async def run() -> None:
        with process.progress(path.name, None, quiet=quiet) as shown:
            try:
                result = await download(
                    SocketNetwork("0.0.0.0"),  # noqa: S104 - dials only, towards anyone
                    url,
                    sink=FileSink(path),
                    on_progress=shown,
                    sha256=sha256,
                    trace=process.trace("get", verbose),
                )
            except DownloadError as error:
                raise CommandError(str(error), FAILED) from error
        done.append(result)

    code = process.run_until_stopped(run)
    for result in done:
        if json:
            import msgspec

            told = {"file": str(path), **msgspec.to_builtins(result)}
            sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
        else:
            sys.stdout.write(f"{result.sha256}  {path}\n")
    return code
