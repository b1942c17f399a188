"""The page that plays: whole, and a browser on it follows a link that slows and recovers."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import trio

from cdn.edge import Edge
from cdn.origin import Origin
from cdn.site import DirectorySite
from cdn.video.ladder import parse_ladder
from cdn.video.package import package
from experiments.play.server import MissingError, page_site, page_url, serve_page
from net.loopback import LoopbackInternet
from net.seam import Address
from net.sockets import SocketNetwork
from net.topology import Access, Topology
from wire.http.client import HttpConnection

CHROMIUM = shutil.which("chromium")
FAST, SLOW = 8e6, 0.25e6
PATIENCE = 90_000  # milliseconds for each step of the browser
LADDER = "90p:100k,180p:400k,360p:1600k"


@pytest.fixture
def page() -> None:
    """Skip where the package was built without hls.js."""
    try:
        page_site()
    except MissingError as error:
        pytest.skip(str(error))


def test_the_page_url_carries_the_stream() -> None:
    """Whatever is in the stream's URL arrives in one parameter."""
    url = page_url(Address("127.0.0.1", 8090), "http://127.0.0.1:1/a b.m3u8?x=1&y=2")
    assert url == (
        "http://127.0.0.1:8090/?url=http%3A%2F%2F127.0.0.1%3A1%2Fa%20b.m3u8%3Fx%3D1%26y%3D2"
    )


@pytest.mark.trio
@pytest.mark.usefixtures("page")
async def test_the_page_and_all_it_names_are_served() -> None:
    """Everything the page asks for is there, in a type that a browser takes."""
    network = SocketNetwork("127.0.0.1")
    async with trio.open_nursery() as nursery:
        address = await nursery.start(partial(serve_page, await network.listen(), wall=time.time))
        connection = HttpConnection(await network.dial(address), str(address))
        types = {}
        paths = ("/?url=x", "/page.css", "/page.js", "/chart.js", "/vendor/hls.min.js")
        for path in (*paths, "/vendor/hls.LICENSE.txt"):
            async with connection.request("GET", path) as response:
                assert response.status == 200, path
                assert await response.read(1 << 22)
                types[path] = response.headers.get("content-type") or ""
        await connection.aclose()
        nursery.cancel_scope.cancel()
    assert types["/?url=x"].startswith("text/html")
    assert types["/page.css"].startswith("text/css")
    assert all("javascript" in kind for path, kind in types.items() if path.endswith(".js"))


async def clip(where: Path) -> Path:
    """Return a packaged test picture of a minute and a half in three rates."""
    film = where / "film.mp4"
    picture = "testsrc2=size=640x360:rate=15:duration=90"
    made = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, "-preset", "ultrafast", film]
    await trio.run_process([str(part) for part in made])
    await package(film, where / "public", parse_ladder(LADDER), segment=1)
    return where / "public"


def shaped() -> Topology:
    """Return an origin, and an edge whose uplink is what viewers get."""
    topology = Topology()
    topology.add_router("backbone")
    topology.add_host("origin", Access(100e6, 100e6), router="backbone", delay=0.005)
    topology.add_host("edge", Access(FAST, 100e6), router="backbone", delay=0.005)
    return topology


def watch(url: str, slow: Callable[[], None], recover: Callable[[], None], shot: Path) -> Any:
    """Watch in Chromium: start, go on when the link slows, and when it recovers."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where it is there

    seen = "(name) => swarmbed.session.events.filter(([one]) => one === name)"
    arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(color_scheme="dark")
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        switched = f"({seen})('LEVEL_SWITCHED')"
        page.wait_for_function(f"() => ({seen})('FRAG_BUFFERED').length >= 3")
        page.wait_for_function(f"() => {switched}.at(-1)?.[2] === 2")
        slow()
        page.wait_for_function(f"() => {switched}.at(-1)[2] < 2")
        low = page.evaluate(f"() => {switched}.at(-1)[2]")
        recover()
        page.wait_for_function(f"(low) => {switched}.at(-1)[2] > low", arg=low)
        page.screenshot(path=shot, full_page=True)
        events = page.evaluate("() => swarmbed.session.events")
        browser.close()
    return events


@pytest.mark.judge("chromium")
@pytest.mark.timeout(300)
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.skipif(find_spec("playwright") is None, reason="playwright is not installed")
@pytest.mark.usefixtures("page")
@pytest.mark.trio
async def test_a_browser_follows_the_link(tmp_path: Path) -> None:
    """hls.js parses, buffers, and switches down and up again, without a fatal error."""
    public = await clip(tmp_path)
    async with LoopbackInternet(shaped(), seed=1) as internet, trio.open_nursery() as nursery:
        origin = Origin(DirectorySite(public), wall=time.time)
        behind = await nursery.start(origin.serve, await internet.attach("origin").listen())
        edge = Edge(internet.attach("edge"), behind, capacity=2**28, wall=time.time)
        address = await nursery.start(edge.serve, await internet.attach("edge").listen())
        listener = await SocketNetwork("127.0.0.1").listen()
        page = await nursery.start(partial(serve_page, listener, wall=time.time))
        url = page_url(page, f"http://{address}/master.m3u8")

        def rate(up: float) -> None:
            trio.from_thread.run_sync(partial(internet.set_access, "edge", up=up))

        events = await trio.to_thread.run_sync(
            watch, url, partial(rate, SLOW), partial(rate, FAST), tmp_path / "page.png"
        )
        nursery.cancel_scope.cancel()
    names = [name for name, _, _ in events]
    assert names[0] == "MANIFEST_PARSED"
    assert not [detail for name, _, detail in events if name == "ERROR" and detail["fatal"]]
    assert (tmp_path / "page.png").stat().st_size > 10_000
