"""Gives out the page that plays: its files as a site of our own origin.

It refuses to know what is played and where; the browser fetches that itself.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from urllib.parse import quote

import trio

from cdn.origin import Origin
from cdn.site import MemoryResource, MemorySite
from net.seam import Address, Listener
from net.trace import Trace, silent

PAGE = ("index.html", "page.css", "page.js", "chart.js")
VENDOR = ("hls.min.js", "hls.LICENSE.txt")


class MissingError(Exception):
    """hls.js is not there; the message says how to get it."""


def page_site() -> MemorySite:
    """Return the page with everything it needs.

    Raises:
        MissingError: the package was built without hls.js.
    """
    folder = files("experiments.play") / "page"
    found = {f"/{name}": (folder / name).read_bytes() for name in PAGE}
    for name in VENDOR:
        file = folder / "vendor" / name
        if not file.is_file():
            raise MissingError(
                "hls.js is not part of this installation, because npm's registry could not be "
                "reached when it was built; with a network, install swarmbed again"
            )
        found[f"/vendor/{name}"] = file.read_bytes()
    resources = {path: MemoryResource.of(path, data) for path, data in found.items()}
    return MemorySite({**resources, "/": resources["/index.html"]})


def page_url(address: Address, stream: str) -> str:
    """Return where to find the page at `address` that plays `stream`."""
    return f"http://{address}/?url={quote(stream, safe='')}"


async def serve_page(
    listener: Listener,
    *,
    wall: Callable[[], float],
    trace: Trace = silent,
    task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Give out the page until cancelled."""
    origin = Origin(page_site(), wall=wall, cache_control="no-cache", trace=trace)
    await origin.serve(listener, task_status=task_status)
