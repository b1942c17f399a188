"""The page that plays a stream in a browser, given out on a port of this machine."""

from __future__ import annotations

import time
import webbrowser
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from experiments.cli import process, show
from experiments.cli.errors import ENVIRONMENT, CommandError
from experiments.cli.options import Host, Port, Quiet, Verbose

if TYPE_CHECKING:
    import trio

    from net.seam import Address

LOOPBACK = "127.0.0.1"


def play(
    url: Annotated[str, Parameter(help="The stream's master playlist, as an edge serves it.")],
    /,
    *,
    host: Host = LOOPBACK,
    port: Port = 8090,
    browser: Annotated[
        bool, Parameter(name="--open", negative="", help="Open the page in the browser.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Play a stream in the browser, with live charts of buffer, rate, and cache hits."""
    from cdn.url import Url
    from experiments.play.server import MissingError, page_site, page_url, serve_page

    try:
        Url.parse(url)
        page_site()
    except ValueError as error:
        raise CommandError(f"{url}: {error}") from error
    except MissingError as error:
        raise CommandError(str(error), code=ENVIRONMENT) from error

    async def serve(*, task_status: trio.TaskStatus[Address]) -> None:
        listener = await process.listen(host, port)
        await serve_page(
            listener, wall=time.time, trace=process.trace("play", verbose), task_status=task_status
        )

    def ready(address: Address) -> None:
        page = page_url(address, url)
        show.say(f"page at {page}", quiet=quiet)
        if browser:
            webbrowser.open(page)

    return process.serve_until_stopped(serve, ready)
