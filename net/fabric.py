"""The fabric: every link between the hosts of a topology, and what becomes of them in a run.

It makes flows, carries datagrams, and applies faults. It knows no ports, no connections and
no messages; whoever drives its scheduler decides whether time is virtual or real.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from math import inf

import networkx as nx

from net.clock import Scheduler
from net.flow import PACKET, Flow, Path, Transport
from net.link import Link, Piece, Segment
from net.topology import Topology

MAX_DATAGRAM = 65_507  # bytes of payload in one UDP datagram over IPv4 (RFC 768)
DATAGRAM_QUEUE = 256 * 1024  # bytes of datagrams one host may have waiting at its uplink


class UnreachableError(Exception):
    """No path leads to that host, or it is down."""


class Fabric:
    """All links of an internet.

    Always true: each host has one uplink and one downlink that all its traffic crosses, and
    each rated link of the topology stands here once per direction.
    """

    def __init__(
        self,
        topology: Topology,
        scheduler: Scheduler,
        *,
        seed: int | str,
        transport: Transport | None = None,
    ) -> None:
        self.topology = topology
        self.scheduler = scheduler
        self.transport = transport or Transport()
        self.uplinks = {
            host: Link(f"{host} up", topology.access(host).up, scheduler) for host in topology.hosts
        }
        self.downlinks = {
            host: Link(f"{host} down", topology.access(host).down, scheduler)
            for host in topology.hosts
        }
        self.core: dict[tuple[str, str], Link] = {}
        self._seed = seed
        self._rng = random.Random(f"{seed}/fabric/loss")
        self._paths: dict[tuple[str, str], Path] = {}
        self._flows: dict[tuple[str, str], dict[Flow, None]] = {}
        self._datagrams: dict[tuple[str, str], _Datagrams] = {}
        self._cut: set[frozenset[str]] = set()
        self._islands: list[frozenset[str]] = []
        self._loss: dict[tuple[str, str], float] = {}
        self._down: set[str] = set()

    def path(self, a: str, b: str) -> Path:
        """The way from host `a` to host `b`.

        Raises:
            UnreachableError: the topology does not connect them, or does not have them.
        """
        if (a, b) not in self._paths:
            self._paths[a, b] = self._find_path(a, b)
        return self._paths[a, b]

    def rtt(self, a: str, b: str) -> float:
        """Round-trip propagation delay in seconds."""
        path = self.path(a, b)
        return path.delay + path.back

    def open_flow(
        self,
        a: str,
        b: str,
        *,
        deliver: Callable[[Sequence[Piece], int], None],
        finish: Callable[[], None],
        room: Callable[[], None],
    ) -> Flow:
        """A new flow from `a` to `b`; `Flow` says what the callbacks are for."""
        flow = Flow(
            self.path(a, b),
            scheduler=self.scheduler,
            transport=self.transport,
            rng=self._rng,
            deliver=deliver,
            finish=finish,
            room=room,
        )
        flow.paused = not self.connected(a, b)
        self._flows.setdefault((a, b), {})[flow] = None
        return flow

    def forget(self, a: str, b: str, flow: Flow) -> None:
        """Drop a flow from `a` to `b` that has delivered its end, or that nobody listens to."""
        flow.kill()
        self._flows[a, b].pop(flow, None)

    def open_outbound(
        self,
        a: str,
        *,
        deliver: Callable[[Sequence[Piece], int], None],
        finish: Callable[[], None],
        room: Callable[[], None],
    ) -> Flow:
        """A flow from `a` to somebody outside the topology: only the uplink shapes it."""
        path = Path((self.uplinks[a],), (0.0,), 0.0, 0.0)
        return Flow(
            path,
            scheduler=self.scheduler,
            transport=self.transport,
            rng=self._rng,
            deliver=deliver,
            finish=finish,
            room=room,
        )

    def send_datagram(
        self, a: str, b: str, payload: bytes, deliver: Callable[[bytes], None]
    ) -> None:
        """Carry one datagram; it is dropped on loss, a full queue, a cut path or a dead host."""
        if not self.connected(a, b):
            return
        if (a, b) not in self._datagrams:
            self._datagrams[a, b] = _Datagrams(self.path(a, b), self.scheduler, self._rng)
        self._datagrams[a, b].send(payload, deliver)

    def connected(self, a: str, b: str) -> bool:
        """Whether bytes pass from `a` to `b` at present."""
        return not (
            a in self._down or b in self._down or (self._cut and frozenset((a, b)) in self._cut)
        )

    def is_down(self, host: str) -> bool:
        """Whether `host` has crashed."""
        return host in self._down

    def set_access(self, host: str, *, up: float | None = None, down: float | None = None) -> None:
        """Change the rates of a host's links, in bit/s; None leaves one as it is."""
        if up is not None:
            self.uplinks[host].set_rate(up)
        if down is not None:
            self.downlinks[host].set_rate(down)

    def set_loss(self, a: str, b: str, loss: float) -> None:
        """Lose each packet from `a` to `b` with probability `loss`, on flows opened from now."""
        if not 0 <= loss < 1:
            raise ValueError(f"a loss probability is at least 0 and below 1, not {loss:g}")
        self._loss[a, b] = loss
        self._paths.pop((a, b), None)
        self._datagrams.pop((a, b), None)

    def cut(self, a: str, b: str) -> None:
        """Let nothing pass between two hosts; connections stall until `heal`."""
        self._cut.add(frozenset((a, b)))
        self._refresh(a, b)

    def heal(self, a: str, b: str) -> None:
        """Undo `cut`; stalled connections go on."""
        self._cut.discard(frozenset((a, b)))
        self._refresh(a, b)

    def partition(self, island: Sequence[str]) -> None:
        """Cut every host of `island` from every other host."""
        self._islands.append(frozenset(island))
        for a in island:
            for b in self.topology.hosts:
                if b not in island:
                    self.cut(a, b)

    def rejoin(self, island: Sequence[str]) -> None:
        """Undo `partition(island)`; what another partition separates stays so."""
        self._islands.remove(frozenset(island))
        for a in island:
            for b in self.topology.hosts:
                if b not in island and not self._apart(a, b):
                    self.heal(a, b)

    def heal_all(self) -> None:
        """Undo every cut and partition."""
        self._islands.clear()
        for pair in sorted(self._cut, key=sorted):
            self.heal(*pair)

    def crash(self, host: str) -> None:
        """The host falls silent: nothing it sent or is sent arrives any more."""
        self._down.add(host)
        for (a, b), flows in self._flows.items():
            if host in (a, b):
                for flow in flows:
                    flow.kill()

    def _apart(self, a: str, b: str) -> bool:
        """Whether a partition separates two hosts."""
        return any((a in island) != (b in island) for island in self._islands)

    def _refresh(self, a: str, b: str) -> None:
        connected = self.connected(a, b)
        for pair in ((a, b), (b, a)):
            for flow in self._flows.get(pair, ()):
                if connected:
                    flow.resume()
                else:
                    flow.pause()

    def _find_path(self, a: str, b: str) -> Path:
        for host in (a, b):
            if host not in self.uplinks:
                raise UnreachableError(f"no host {host!r} in the topology")
        if a == b:
            return Path((Link(f"{a} loopback", inf, self.scheduler),), (0.0,), 0.0, 0.0)
        try:
            hops = self.topology.hops(a, b)
        except nx.NetworkXNoPath as error:
            raise UnreachableError(str(error)) from error
        links, delays = [self.uplinks[a]], [0.0]
        for hop in hops:
            if hop.rate < inf:
                links.append(self._core_link(hop.start, hop.end, hop.rate))
                delays.append(0.0)
            delays[-1] += hop.delay
        links.append(self.downlinks[b])
        delays.append(0.0)
        delay = sum(delays)
        return Path(tuple(links), tuple(delays), delay, delay, self._loss.get((a, b), 0.0))

    def _core_link(self, start: str, end: str, rate: float) -> Link:
        if (start, end) not in self.core:
            self.core[start, end] = Link(f"{start}-{end}", rate, self.scheduler)
        return self.core[start, end]


class _Datagrams:
    """The datagrams from one host to another: segments without window or repair."""

    def __init__(self, path: Path, scheduler: Scheduler, rng: random.Random) -> None:
        self.tags = [0.0] * len(path.links)
        self._path = path
        self._scheduler = scheduler
        self._rng = rng
        self._waiting = 0
        self._receivers: deque[Callable[[bytes], None]] = deque()  # links keep a carrier's order

    def send(self, payload: bytes, deliver: Callable[[bytes], None]) -> None:
        if self._waiting + len(payload) > DATAGRAM_QUEUE:
            return
        packets = max(1, -(-len(payload) // PACKET))
        if self._path.loss and self._rng.random() < 1 - (1 - self._path.loss) ** packets:
            return
        self._waiting += len(payload)
        segment = Segment(self, (payload,), max(1, len(payload)))
        self._receivers.append(deliver)
        self._path.links[0].enqueue(segment)

    def crossed(self, segment: Segment) -> None:
        hop = segment.hop
        if hop == 0:
            self._waiting -= len(segment.pieces[0])
        segment.hop = hop + 1
        last = segment.hop == len(self._path.links)
        onward = self._arrive if last else self._path.links[segment.hop].enqueue
        self._scheduler.call_at(self._scheduler.now() + self._path.delays[hop], onward, segment)

    def _arrive(self, segment: Segment) -> None:
        self._receivers.popleft()(bytes(segment.pieces[0]))
