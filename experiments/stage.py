"""The stage of one run: where a delivery model puts its nodes, and where faults strike.

It runs tasks on hosts and records who was served when; it does not know how anything is
delivered, when faults are due, nor whether the internet it was given is emulated or real.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import trio

from experiments.content import Content
from experiments.log import EventLog
from experiments.metrics import (
    BYTES_COUNTED,
    BYTES_NOTED,
    CLIENT_ARRIVED,
    DELIVERED,
    DEMAND_STARTED,
    FAILED,
    HOST_CRASHED,
    HOST_LEFT,
)
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

    def partition(self, island: Sequence[str]) -> None:
        """Cut every host of `island` from every other host; connections stall."""

    def heal(self, island: Sequence[str]) -> None:
        """Undo `partition(island)`."""

    def bytes_up(self, host: str) -> int:
        """Bytes that have left `host`."""

    def bytes_down(self, host: str) -> int:
        """Bytes that have reached `host`."""


Node = Callable[..., Awaitable[object]]
"""Runs until cancelled, and reports through `task_status` once it is ready."""


class Stage:
    """The hosts of one run, with tasks on them.

    Always true: a host's tasks end when it crashes, leaves or is stopped, and each client is
    waited for exactly until it is served, has failed, or is gone.
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
        self._nodes: dict[str, list[Node]] = {}
        self._gone: set[str] = set()
        self.demand_started = trio.Event()
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

    async def serve(self, host: str, node: Node) -> Any:
        """Start `node` on `host` for the rest of the run; return what it says when ready."""
        self._nodes.setdefault(host, []).append(node)
        try:
            return await self._nursery.start(self._live, host, node)
        except RuntimeError as error:
            if host in self._gone:
                raise NotDeliveredError(f"{host} was gone before a node had started") from error
            raise

    def start_demand(self) -> None:
        """Start the clock of the experiment; faults are timed from here."""
        self._name_hosts()
        self.trace("experiment")(DEMAND_STARTED)
        self.demand_started.set()

    def fetch(self, client: str, download: Callable[[], Awaitable[str]]) -> None:
        """Let `client` come in its time, download, and leave in its time.

        `download` returns the SHA-256 (hex) of its copy.
        """
        self._nursery.start_soon(self._deliver, client, download)

    def attend(self, client: str, visit: Callable[[], Awaitable[None]]) -> None:
        """Let `client` do something else than one download; it says itself how that went."""
        self._nursery.start_soon(self._attend, client, visit)

    def note_bytes(self) -> None:
        """Record the bytes each host has carried so far."""
        self._record_bytes(BYTES_NOTED)

    async def everyone_served(self) -> None:
        """Wait until no client is waited for any more."""
        await self._everyone_served.wait()

    def crash(self, host: str) -> None:
        """`host` fails for good: its tasks end and its links carry nothing more."""
        self.trace(host)(HOST_CRASHED)
        self._internet.crash(host)
        self._end(host)

    def leave(self, host: str) -> None:
        """The nodes on `host` are asked to stop, and say goodbye."""
        self.trace(host)(HOST_LEFT)
        self._end(host)

    def stop(self, host: str) -> None:
        """Kill the nodes on `host`; its network stays."""
        self.trace(host)("process_stopped")
        self._cancel(host)

    async def start_again(self, host: str) -> None:
        """Start the nodes that were stopped on `host` anew."""
        self.trace(host)("process_started")
        for node in self._nodes.pop(host, []):
            await self.serve(host, node)

    def set_access(self, host: str, *, up: float | None = None, down: float | None = None) -> None:
        """Change the rates of the access link of `host`, in bit/s; None leaves one as it is."""
        rates = {"up": _plain(up), "down": _plain(down)}
        self.trace(host)("link_changed", **rates)
        self._internet.set_access(host, **rates)

    def partition(self, hosts: Sequence[str]) -> None:
        """Let nothing pass between `hosts` and all others."""
        self.trace("experiment")("partition_began", hosts=" ".join(hosts))
        self._internet.partition(hosts)

    def heal(self, hosts: Sequence[str]) -> None:
        """Undo `partition(hosts)`."""
        self.trace("experiment")("partition_healed", hosts=" ".join(hosts))
        self._internet.heal(hosts)

    def close(self) -> None:
        """Record who is still waiting and the bytes each host carried, and end the record."""
        for client in self.world.clients:
            if client in self._waited_for:
                self.trace(client)(FAILED, reason="not served before the horizon")
        self._record_bytes(BYTES_COUNTED)
        self._log.close()

    def _record_bytes(self, event: str) -> None:
        for host in self.world.topology.hosts:
            up, down = self._internet.bytes_up(host), self._internet.bytes_down(host)
            self.trace(host)(event, up=up, down=down)

    def _name_hosts(self) -> None:
        """Record each address that is not its host's name, for neighbours are known by address."""
        for host in self.world.topology.hosts:
            address = self.network(host).host
            if address != host:
                self.trace(host)(HOST_NAMED, address=address)

    async def _live(self, host: str, node: Node, *, task_status: trio.TaskStatus[object]) -> None:
        with self._scope(host):
            await node(task_status=task_status)

    async def _deliver(self, client: str, download: Callable[[], Awaitable[str]]) -> None:
        with self._scope(client):
            await trio.sleep(self.world.arrivals[client])
            self.trace(client)(CLIENT_ARRIVED)
            try:
                received = await download()
            except (NotDeliveredError, OSError, trio.BrokenResourceError) as error:
                if client not in self._gone:
                    self.trace(client)(FAILED, reason=f"{type(error).__name__}: {error}")
            else:
                self._check(client, received)
            self._settle(client)
            stay = self.world.stays[client]
            if stay is not None:
                await trio.sleep(stay)
                self.leave(client)

    async def _attend(self, client: str, visit: Callable[[], Awaitable[None]]) -> None:
        with self._scope(client):
            if self.world.arrivals[client]:
                await trio.sleep(self.world.arrivals[client])
            self.trace(client)(CLIENT_ARRIVED)
            await visit()
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

    def _end(self, host: str) -> None:
        self._gone.add(host)
        self._cancel(host)
        if host in self.world.clients:
            self._settle(host)

    def _cancel(self, host: str) -> None:
        for scope in self._tasks.pop(host, []):
            scope.cancel()


def _plain(rate: float | None) -> float | None:
    return None if rate is None else float(rate)
