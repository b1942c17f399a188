"""A flow: one direction of a connection, sent within a window as TCP would.

Slow start from ten packets (RFC 6928), one packet per round trip beyond the threshold, and a
halved window on loss (RFC 5681), counted in segments rather than packets. It knows links, and
nothing of ports or connections.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from net.clock import Scheduler
from net.link import Link, Piece, Segment

PACKET = 1460  # bytes of payload in an Ethernet-sized TCP packet
INITIAL_WINDOW = 10 * PACKET


@dataclass(frozen=True, slots=True)
class Path:
    """The way from one host to another: at least one link, and the delay after each.

    `delay` is their sum, `back` the one-way delay of the other direction, `loss` the
    probability that a packet is lost.
    """

    links: tuple[Link, ...]
    delays: tuple[float, ...]
    delay: float
    back: float
    loss: float = 0.0


@dataclass(frozen=True, slots=True)
class Transport:
    """What all flows of an internet share: sizes in bytes.

    `segment` is the unit links serve (finer is truer, coarser is faster), `window` the most a
    flow has in flight, `receive_buffer` what an application that does not read can be sent,
    `send_buffer` what may wait before the first link without `send_all` waiting: none, so that
    who sends one thing after the other knows when each has left.
    """

    segment: int = 16 * 1024
    window: int = 1024 * 1024
    receive_buffer: int = 1024 * 1024
    send_buffer: int = 0


class Flow:
    """Bytes in order from one host to another.

    Always true: bytes in flight <= the congestion window, bytes sent and not yet read by the
    receiving application <= the receive buffer, and pieces are delivered in the order sent.
    """

    __slots__ = (
        "_acks", "_at_uplink", "_cwnd", "_deliver", "_end_arrival", "_express_arrival",
        "_finish", "_held", "_in_flight", "_in_transit", "_path", "_pending", "_rng", "_room",
        "_scheduler", "_ssthresh", "_timer_set", "_transport", "_unread", "dead", "paused",
        "tags", "unsent",
    )  # fmt: skip

    def __init__(
        self,
        path: Path,
        *,
        scheduler: Scheduler,
        transport: Transport,
        rng: random.Random,
        deliver: Callable[[Sequence[Piece], int], None],
        finish: Callable[[], None],
        room: Callable[[], None],
    ) -> None:
        """Make a flow along `path`.

        Args:
            path: the links to cross.
            scheduler: tells and takes time.
            transport: segment, window and buffer sizes.
            rng: decides losses.
            deliver: called with pieces and their total size as they arrive.
            finish: called when the end of the flow arrives.
            room: called when the unsent bytes fall to the send buffer's size.
        """
        self.tags = [0.0] * len(path.links)
        self.unsent = 0
        self.paused = False
        self.dead = False
        self._path = path
        self._scheduler = scheduler
        self._transport = transport
        self._rng = rng
        self._deliver = deliver
        self._finish = finish
        self._room = room
        self._pending: deque[Piece] = deque()
        self._at_uplink = False
        self._in_transit = 0  # segments under way
        self._in_flight = 0  # bytes not yet acknowledged
        self._unread = 0  # bytes sent that the receiver has not read
        self._cwnd = float(min(INITIAL_WINDOW, transport.window))
        self._ssthresh = inf
        self._acks: deque[tuple[float, int]] = deque()
        self._timer_set = False
        self._express_arrival = 0.0
        self._end_arrival: float | None = None
        self._held = 0.0

    def send(self, *pieces: Piece) -> None:
        """Queue `pieces`; they are kept by reference, so they must not change."""
        size = sum(map(len, pieces))
        if not size or self.dead:
            return
        alone = not self.unsent and not self._in_transit and not self.paused
        if size <= PACKET and alone and self._unread + size <= self._transport.receive_buffer:
            arrival = self._express(size)
            if arrival is not None:
                self._unread += size
                self._scheduler.call_at(arrival, self._arrive_express, (pieces, size))
                return
        self._pending.extend(pieces)
        self.unsent += size
        self.pump()

    def end(self) -> None:
        """Deliver an end mark after all that was sent; it takes no room on any link."""
        self._end_arrival = self._scheduler.now() + self._path.delay
        self._end_if_last()

    def read(self, size: int) -> None:
        """The receiving application has taken `size` bytes; their room returns to the sender."""
        self._unread -= size
        if self.unsent and not self._timer_set and not self._at_uplink:
            self._set_timer(self._scheduler.now() + self._path.back)

    def pause(self) -> None:
        """Send no more until `resume` (the path is cut)."""
        self.paused = True

    def resume(self) -> None:
        """Go on after `pause`."""
        self.paused = False
        self.pump()
        self._end_if_last()

    def kill(self) -> None:
        """Drop everything, sent or not; nothing more is delivered."""
        self.dead = True
        self._pending.clear()
        self.unsent = 0

    def pump(self) -> None:
        """Hand the next segment to the first link, if the window has room for it."""
        if self._at_uplink or self.paused or not self.unsent:
            return
        transport = self._transport
        wanted = min(transport.segment, max(PACKET, int(self._cwnd) // 4))
        if self.unsent < wanted + PACKET:
            wanted = self.unsent  # less than a packet is not worth a segment of its own
        size = min(wanted, self._window_room(), transport.receive_buffer - self._unread)
        if size < wanted and size < PACKET:
            if self._acks and not self._timer_set:
                self._set_timer(self._acks[0][0])
            return
        segment = Segment(self, self._cut(size), size)
        self._in_flight += size
        self._unread += size
        self.unsent -= size
        self._in_transit += 1
        self._at_uplink = True
        self._path.links[0].enqueue(segment)
        if self.unsent <= transport.send_buffer:
            self._room()

    def crossed(self, segment: Segment) -> None:
        """A link has served `segment`: send it on, and from the first link fetch the next."""
        path = self._path
        hop = segment.hop
        if hop == 0:
            self._at_uplink = False
            self.pump()
        segment.hop = hop + 1
        onward = path.links[hop + 1].enqueue if hop + 1 < len(path.links) else self._arrive
        if path.delays[hop]:
            self._scheduler.call_at(self._scheduler.now() + path.delays[hop], onward, segment)
        else:
            onward(segment)

    def _end_if_last(self) -> None:
        """Schedule the end mark, if one is due and nothing is left to arrive before it."""
        if self._end_arrival is None or self.paused:
            return
        if not self.unsent and not self._in_transit:
            when = max(self._end_arrival, self._express_arrival, self._scheduler.now())
            self._end_arrival = None
            self._scheduler.call_at(when, self._arrive_end, None)

    def _cut(self, size: int) -> Sequence[Piece]:
        """Take exactly `size` bytes off the pending pieces, without copying any."""
        pending = self._pending
        pieces: list[Piece] = []
        while size:
            piece = pending.popleft()
            length = len(piece)
            if length > size:
                view = memoryview(piece)
                pending.appendleft(view[size:])
                piece, length = view[:size], size
            pieces.append(piece)
            size -= length
        return pieces

    def _window_room(self) -> int:
        """Bytes the congestion window still admits, after the acknowledgements due by now."""
        acks = self._acks
        now = self._scheduler.now()
        while acks and acks[0][0] <= now:
            _, size = acks.popleft()
            self._in_flight -= size
            if self._cwnd < self._transport.window:
                growth = size if self._cwnd < self._ssthresh else PACKET * size / self._cwnd
                self._cwnd = min(self._cwnd + growth, self._transport.window)
        return int(self._cwnd) - self._in_flight

    def _set_timer(self, when: float) -> None:
        self._timer_set = True
        self._scheduler.call_at(when, self._timer, None)

    def _timer(self, _: object) -> None:
        self._timer_set = False
        self.pump()

    def _express(self, size: int) -> float | None:
        """When a small message alone on its flow arrives, or None if it has to queue."""
        path = self._path
        now = arrival = self._scheduler.now()
        for link in path.links:
            if not link.has_express_room(now):
                return None
        for link in path.links:
            arrival += link.carry_express(size, now)
        arrival += path.delay
        if path.loss:
            arrival += self._recovery(size)
        self._express_arrival = max(arrival, self._express_arrival)
        return self._express_arrival

    def _recovery(self, size: int) -> float:
        """Seconds lost to repeating lost packets of `size` bytes: one round trip each time."""
        loss = self._path.loss
        packets = -(-size // PACKET)
        rounds = 0
        while self._rng.random() < 1 - (1 - loss) ** packets:
            rounds, packets = rounds + 1, 1
        if rounds:
            self._ssthresh = max(self._cwnd / 2, 2.0 * PACKET)
            self._cwnd = self._ssthresh
        return rounds * (self._path.delay + self._path.back)

    def _arrive(self, segment: Segment) -> None:
        """`segment` has crossed its last link; losses and order may hold it back."""
        now = held = self._scheduler.now()
        if self._path.loss:
            held += self._recovery(segment.size)
        held = max(held, self._held, self._express_arrival)
        if held > now:
            self._held = held
            self._scheduler.call_at(held, self._arrive_in_order, segment)
        else:
            self._arrive_in_order(segment)

    def _arrive_in_order(self, segment: Segment) -> None:
        self._in_transit -= 1
        acknowledged = self._scheduler.now() + self._path.back
        self._acks.append((acknowledged, segment.size))
        if self.dead:
            return
        if self.unsent and not self._at_uplink and not self._timer_set:
            self._set_timer(acknowledged)
        self._deliver(segment.pieces, segment.size)
        self._end_if_last()

    def _arrive_express(self, message: tuple[Sequence[Piece], int]) -> None:
        if not self.dead:
            self._deliver(*message)

    def _arrive_end(self, _: object) -> None:
        if not self.dead:
            self._finish()
