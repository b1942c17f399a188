"""The stage of one run: where a delivery model puts its nodes, and where faults strike.

It runs tasks on hosts and records who was served when; it does not know how anything is
delivered, nor whether the internet it was given is emulated or real.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import trio

from experiments.content import Content
from experiments.log import EventLog
from experiments.metrics import BYTES_COUNTED, DELIVERED, DEMAND_STARTED, FAILED, HOST_CRASHED
from experiments.scenario import Crash, Fault, SlowLink
from experiments.swarm_metrics import HOST_NAMED
from experiments.world import World
from net.seam import Network
from net.trace import Trace


class NotDeliveredError(Exception):
    """A client gave up; the message says why."""


class Internet(Protocol):
    """What the virtual and the loopback internet both do for an experiment."""

    def attach(self, host: str) -> Network:
        """Return the network as `host` sees it."""

    def crash(self, host: str) -> None:
        """`host` fails: its links carry nothing any more."""

    def set_access(self, host: str, *, up: float | None = None, down: float | None = None) -> None:
        """Change the rates of the access link of `host`, in bit/s."""

    def bytes_up(self, host: str) -> int:
        """Bytes that have left `host`."""

    def bytes_down(self, host: str) -> int:
        """Bytes that have reached `host`."""


class Stage:
    """The hosts of one run, with tasks on them.

    Always true: a host's tasks end when it crashes, and each client is waited for exactly until
    it is served, has failed, or has crashed.
    """

    def __init__(
        self,
        world: World,
        content: Content,
        internet: Internet,
        log: EventLog,
        *,
        wall: Callable[[], float],
        nursery: trio.Nursery,
    ) -> None:
        self.world = world
        self.content = content
        self.wall = wall
        self._internet = internet
        self._log = log
        self._nursery = nursery
        self._tasks: dict[str, list[trio.CancelScope]] = {}
        self._crashed: set[str] = set()
        self._waited_for = set(world.clients)
        self._everyone_served = trio.Event()

    def network(self, host: str) -> Network:
        """Return the network as `host` sees it."""
        return self._internet.attach(host)

    def trace(self, host: str) -> Trace:
        """Return the trace of nodes on `host`."""
        return self._log.trace(host)

    def rng(self, host: str, purpose: str) -> random.Random:
        """Return the randomness of `host` for one `purpose`, decided by the scenario's seed."""
        return random.Random(f"{self.world.scenario.seed}/{host}/{purpose}")

    async def serve(self, host: str, node: Callable[..., Awaitable[object]]) -> Any:
        """Start `node` on `host` for the rest of the run; return what it says when ready."""
        try:
            return await self._nursery.start(self._live, host, node)
        except RuntimeError as error:
            if host in self._crashed:
                raise NotDeliveredError(f"{host} crashed while a node started") from error
            raise

    def start_demand(self) -> None:
        """Start the clock of the experiment; faults are timed from here."""
        self._name_hosts()
        self.trace("experiment")(DEMAND_STARTED)
        for fault in self.world.scenario.faults:
            self._nursery.start_soon(self._strike, fault)

    def fetch(self, client: str, download: Callable[[], Awaitable[str]]) -> None:
        """Let `client` download; `download` returns the SHA-256 (hex) of its copy."""
        self._nursery.start_soon(self._deliver, client, download)

    async def everyone_served(self) -> None:
        """Wait until no client is waited for any more."""
        await self._everyone_served.wait()

    def close(self) -> None:
        """Record who is still waiting and the bytes each host carried, and end the record."""
        for client in self.world.clients:
            if client in self._waited_for:
                self.trace(client)(FAILED, reason="not served before the horizon")
        for host in self.world.topology.hosts:
            up, down = self._internet.bytes_up(host), self._internet.bytes_down(host)
            self.trace(host)(BYTES_COUNTED, up=up, down=down)
        self._log.close()

    def _name_hosts(self) -> None:
        """Record each address that is not its host's name, for neighbours are known by address."""
        for host in self.world.topology.hosts:
            address = self.network(host).host
            if address != host:
                self.trace(host)(HOST_NAMED, address=address)

    async def _live(
        self,
        host: str,
        node: Callable[..., Awaitable[object]],
        *,
        task_status: trio.TaskStatus[object],
    ) -> None:
        with self._scope(host):
            await node(task_status=task_status)

    async def _deliver(self, client: str, download: Callable[[], Awaitable[str]]) -> None:
        with self._scope(client):
            try:
                received = await download()
            except (NotDeliveredError, OSError, trio.BrokenResourceError) as error:
                if client not in self._crashed:
                    self.trace(client)(FAILED, reason=f"{type(error).__name__}: {error}")
            else:
                self._check(client, received)
            self._settle(client)

    def _check(self, client: str, received: str) -> None:
        if received == self.content.sha256:
            self.trace(client)(DELIVERED, bytes=self.content.size, sha256=received)
        else:
            self.trace(client)(FAILED, reason=f"the copy's SHA-256 is {received}")

    def _settle(self, client: str) -> None:
        self._waited_for.discard(client)
        if not self._waited_for:
            self._everyone_served.set()

    def _scope(self, host: str) -> trio.CancelScope:
        scope = trio.CancelScope()
        self._tasks.setdefault(host, []).append(scope)
        return scope

    async def _strike(self, fault: Fault) -> None:
        await trio.sleep(fault.at)
        match fault:
            case Crash(host=host):
                self._crash(host)
            case SlowLink(host=host, up=up, down=down):
                rates = {"up": _plain(up), "down": _plain(down)}
                self.trace(host)("link_changed", **rates)
                self._internet.set_access(host, **rates)

    def _crash(self, host: str) -> None:
        self.trace(host)(HOST_CRASHED)
        self._crashed.add(host)
        self._internet.crash(host)
        for scope in self._tasks.pop(host, []):
            scope.cancel()
        if host in self.world.clients:
            self._settle(host)


def _plain(rate: float | None) -> float | None:
    return None if rate is None else float(rate)
