"""Whether edges are up: asked again and again, and judged by several answers in a row.

It refuses to know what follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import trio

from net.seam import Address, Network
from net.trace import Trace, silent
from wire.http.client import HttpConnection
from wire.http.errors import HttpError
from wire.http.headers import Headers

_LARGEST = 2**20


@dataclass(frozen=True, slots=True)
class Probing:
    """How edges are asked, every `interval` seconds.

    An edge is down after `down_after` probes in a row that had no whole answer within `timeout`
    seconds, and up again after `up_after` that had. What `path` names should have some size: an
    edge is slow that cannot send it in time. A deep probe goes through to the origin, and fails
    on a status of 500 and above; others take what the edge has, and any status.
    """

    interval: float = 1.0
    timeout: float = 1.0
    down_after: int = 2
    up_after: int = 2
    deep: bool = False
    path: str = "/"


class Health:
    """One edge's state. Invariant: it changes only after enough equal answers in a row."""

    def __init__(self, down_after: int, up_after: int) -> None:
        self.up = True
        self._needed = {False: down_after, True: up_after}
        self._against = 0

    def note(self, *, answered: bool) -> bool:
        """Take one probe's result; return whether the state has changed."""
        self._against = self._against + 1 if answered is not self.up else 0
        if self._against < self._needed[answered]:
            return False
        self._against = 0
        self.up = answered
        return True


class Mark(Protocol):
    """Told of every change."""

    def __call__(self, edge: str, *, up: bool) -> None:
        """Note that `edge` went down or came up."""


class Prober:
    """Asks every edge in turn and tells `mark` of changes."""

    def __init__(
        self,
        network: Network,
        edges: Mapping[str, Address],
        mark: Mark,
        *,
        probing: Probing = Probing(),
        trace: Trace = silent,
    ) -> None:
        self._network = network
        self._edges = edges
        self._mark = mark
        self._probing = probing
        self._trace = trace

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Probe until cancelled."""
        async with trio.open_nursery() as nursery:
            for edge, address in self._edges.items():
                nursery.start_soon(self._watch, edge, address)
            task_status.started()

    async def _watch(self, edge: str, address: Address) -> None:
        health = Health(self._probing.down_after, self._probing.up_after)
        while True:
            await trio.sleep(self._probing.interval)
            wrong = await self._probe(address)
            if wrong is not None:
                self._trace("probe_failed", edge=edge, reason=wrong)
            if health.note(answered=wrong is None):
                self._trace("edge_came_up" if health.up else "edge_went_down", edge=edge)
                self._mark(edge, up=health.up)

    async def _probe(self, address: Address) -> str | None:
        """Return what is wrong with the edge, None if nothing is."""
        with trio.move_on_after(self._probing.timeout):
            try:
                return await self._ask(address)
            except (HttpError, OSError, trio.BrokenResourceError) as error:
                return str(error) or type(error).__name__
        return f"no answer within {self._probing.timeout:g} s"

    async def _ask(self, address: Address) -> str | None:
        deep = self._probing.deep
        headers = Headers({"cache-control": "no-cache" if deep else "max-stale"})
        stream = await self._network.dial(address)
        connection = HttpConnection(stream, str(address), timeout=self._probing.timeout)
        try:
            async with connection.request("GET", self._probing.path, headers=headers) as response:
                await response.read(_LARGEST)
                failed = deep and response.status >= 500
                return f"the edge answered {response.status}" if failed else None
        finally:
            await connection.aclose()
