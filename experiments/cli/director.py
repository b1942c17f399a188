"""`swarmbed director`: the process that sends each client to one of several edges."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from experiments.cli import process, show
from experiments.cli.errors import CommandError
from experiments.cli.options import Host, Port, Quiet, Verbose

if TYPE_CHECKING:
    import trio

    from cdn.health import Probing
    from cdn.routing import Router
    from net.seam import Address


def director(
    *,
    origin: Annotated[str, Parameter(help="The origin's URL, for when no edge is up.")],
    edge: Annotated[
        list[str], Parameter(help="An edge's URL; give it once for each edge.", negative="")
    ],
    routing: Annotated[
        str, Parameter(help="Router, by name or as path/to/file.py:Class.")
    ] = "hash-ring",
    pages: Annotated[
        Path | None,
        Parameter(help="Directory of pages and playlists to hand out with rewritten links."),
    ] = None,
    probe: Annotated[str, Parameter(help="Path that edges are asked for, to see who is up.")] = "/",
    deep: Annotated[
        bool, Parameter(negative="", show_default=False, help="Probe through to the origin.")
    ] = False,
    seed: Annotated[int, Parameter(help="Of routers that choose by chance.")] = 1,
    host: Host = "127.0.0.1",
    port: Port = 8090,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Send each client to an edge: 302 for objects, rewritten links in pages; none that is down.

    Delays to clients are unknown here, so `nearest` means the least loaded.
    """
    import trio

    from cdn.director import Director
    from cdn.health import Prober
    from cdn.site import DirectorySite, MemorySite
    from cdn.steering import Steering
    from net.sockets import SocketNetwork

    edges = {str(at): at for at in (_address("--edge", url) for url in edge)}
    steering = Steering(
        _router(routing),
        edges,
        _address("--origin", origin),
        delay=lambda client, edge: 0.0,  # noqa: ARG005 - unknown
        rng=random.Random(f"{seed}/routing"),
    )
    if pages is not None and not pages.is_dir():
        raise CommandError(f"--pages: {pages} is not a directory")
    site = MemorySite({}) if pages is None else DirectorySite(pages)
    trace = process.trace("director", verbose)

    async def serve(*, task_status: trio.TaskStatus[Address]) -> None:
        node = Director(steering, wall=time.time, pages=site, trace=trace)
        prober = Prober(
            SocketNetwork(host), edges, steering.mark, probing=_probing(probe, deep), trace=trace
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(prober.run)
            await node.serve(await process.listen(host, port), task_status=task_status)

    return process.serve_until_stopped(
        serve,
        lambda at: show.say(f"director at http://{at}/ before {len(edges)} edges", quiet=quiet),
    )


def _address(flag: str, url: str) -> Address:
    from cdn.url import Url

    try:
        return Url.parse(url).address
    except ValueError as error:
        raise CommandError(f"{flag}: {error}") from error


def _router(name: str) -> Router:
    from cdn.routing import RouterError, find_router

    try:
        return find_router(name)()
    except RouterError as error:
        raise CommandError(f"--routing: {error}") from error


def _probing(path: str, deep: bool) -> Probing:
    from cdn.health import Probing

    if not path.startswith("/"):
        raise CommandError(f"--probe: '{path}' is no path; begin it with /")
    return Probing(path=path, deep=deep)
