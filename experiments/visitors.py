"""The clients of a CDN: each lives through its sessions and records what became of each request.

They go where the director sends them, and move when that breaks; they know no edge by name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial

import trio

from cdn.client import DownloadError, download
from cdn.sink import HashSink, MemorySink
from cdn.site import MemoryResource, MemorySite
from cdn.url import Url
from experiments.catalogue import Library
from experiments.cdn_metrics import COMPLETED, FAILED, INTERRUPTED
from experiments.demand import Session
from experiments.stage import Stage
from net.seam import Address
from net.trace import Trace

_RETRIES = 8
_LARGEST_PAGE = 2**20


def pages(sessions: Sequence[Session]) -> MemorySite:
    """Return a site with a page for each session that has the links it will follow."""
    resources = {}
    for number, session in enumerate(sessions):
        text = "".join(f"{path}\r\n" for path in session.paths)
        resources[_page(number)] = MemoryResource(
            text.encode(), f'"{number}"', media_type="text/uri-list"
        )
    return MemorySite(resources)


class Visitors:
    """All clients with their sessions, steered by redirect or by rewritten links."""

    def __init__(
        self,
        stage: Stage,
        library: Library,
        director: Address,
        sessions: Sequence[Session],
        *,
        rewrite: bool,
        patience: float,
    ) -> None:
        self._stage = stage
        self._library = library
        self._director = director
        self._rewrite = rewrite
        self._patience = patience
        self._sessions: Mapping[str, list[tuple[int, Session]]] = defaultdict(list)
        for number, session in enumerate(sessions):
            self._sessions[session.client].append((number, session))
        self._hosts = {stage.network(host).host: host for host in stage.world.topology.hosts}

    def come(self) -> None:
        """Let every client begin; times count from now."""
        now = trio.current_time()
        for client in self._stage.world.clients:
            self._stage.attend(client, partial(self._visit, client, now))

    async def _visit(self, client: str, began: float) -> None:
        async with trio.open_nursery() as nursery:
            for number, session in self._sessions.get(client, ()):
                nursery.start_soon(self._live_through, number, session, began)

    async def _live_through(self, number: int, session: Session, began: float) -> None:
        await trio.sleep_until(began + session.start)
        trace = self._stage.trace(session.client)
        asked = trio.current_time()
        try:
            links = await self._links(number, session)
        except DownloadError as error:
            trace(FAILED, path=session.paths[0], reason=str(error))
            return
        waited = trio.current_time() - asked
        for link, path, pause in zip(links, session.paths, session.pauses, strict=True):
            await trio.sleep(pause)
            await self._ask(session.client, link, path, trace, waited)
            waited = 0.0

    async def _links(self, number: int, session: Session) -> Sequence[str]:
        """Return the URL of each request: the director's, or as the session's page says."""
        if not self._rewrite:
            return [self._url(path) for path in session.paths]
        page, sink = self._url(_page(number)), MemorySink(_LARGEST_PAGE)
        network = self._stage.network(session.client)
        await download(network, page, sink=sink, silence=self._patience)
        return bytes(sink.content).decode().split()

    async def _ask(self, client: str, link: str, path: str, trace: Trace, waited: float) -> None:
        """Request one object, for whose link the client has `waited` already."""
        try:
            done = await download(
                self._stage.network(client),
                link,
                elsewhere=[self._url(path)],
                sink=HashSink(),
                sha256=self._library.sha256(path),
                retries=_RETRIES,
                silence=self._patience,
                trace=_only_breaks(trace),
            )
        except DownloadError as error:
            trace(FAILED, path=path, reason=str(error))
            return
        host = Url.parse(done.url).address.host
        trace(
            COMPLETED,
            path=path,
            server=self._hosts.get(host, host),
            bytes=done.bytes,
            seconds=waited + done.seconds,
            first_byte=waited + done.first_byte,
            resumed=done.resumed,
        )

    def _url(self, path: str) -> str:
        return f"http://{self._director}{path}"


def _page(number: int) -> str:
    return f"/sessions/{number}.uris"


def _only_breaks(trace: Trace) -> Trace:
    """Return a trace that lets breaks through; the rest is said when a request has ended."""

    def record(event: str, /, **fields: str | float | None) -> None:
        if event == INTERRUPTED:
            trace(event, **fields)

    return record
