"""A flow delivers what was sent, in order, and stays within its window and its receiver's room."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net.flow import INITIAL_WINDOW, PACKET, Flow, Path, Transport
from net.link import Link, Piece
from tests.net.timetable import Timetable

DELAY = 0.01
TIGHT = Transport(segment=4_096, window=24_000, receive_buffer=20_000, send_buffer=8_000)


class Transfer:
    """A flow over two links, and the application that reads at its end."""

    def __init__(
        self,
        *,
        up: float = 10e6,
        down: float = 8e6,
        loss: float = 0.0,
        transport: Transport = TIGHT,
        reads: bool = True,
    ) -> None:
        self.time = Timetable()
        self.transport = transport
        self.reads = reads
        self.sent = bytearray()
        self.arrived = bytearray()
        self.unread = 0
        self.ends = 0
        links = (Link("up", up, self.time), Link("down", down, self.time))
        self.flow = Flow(
            Path(links, (DELAY, 0.0), DELAY, DELAY, loss),
            scheduler=self.time,
            transport=transport,
            rng=random.Random("transfer"),
            deliver=self._deliver,
            finish=self._finish,
            room=lambda: None,
        )

    def send(self, size: int) -> None:
        """Send the next `size` bytes of a sequence in which no two places look alike."""
        at = len(self.sent)
        data = bytes((at + n) * 2_654_435_761 >> 24 & 255 for n in range(size))
        self.sent += data
        self.flow.send(data)
        self.check()

    def read(self, size: int) -> None:
        """Let the application take up to `size` of the bytes that have arrived."""
        taken = min(size, self.unread)
        self.unread -= taken
        if taken:
            self.flow.read(taken)

    def run(self, seconds: float = inf) -> None:
        """Let time pass."""
        self.time.run(until=self.time.now() + seconds)
        self.check()

    def check(self) -> None:
        """What a flow promises at any time."""
        assert self.flow._in_flight <= self.flow._cwnd <= self.transport.window
        assert self.flow._unread <= self.transport.receive_buffer
        assert self.unread <= self.flow._unread

    def _deliver(self, pieces: Sequence[Piece], size: int) -> None:
        assert not self.ends
        assert sum(len(piece) for piece in pieces) == size
        for piece in pieces:
            self.arrived += piece
        self.unread += size
        self.check()
        if self.reads:
            self.read(size)

    def _finish(self) -> None:
        self.ends += 1
        assert self.arrived == self.sent


STEPS = st.one_of(
    st.tuples(st.just("send"), st.integers(1, 30_000)),
    st.tuples(st.just("send"), st.integers(1, PACKET)),
    st.tuples(st.just("read"), st.integers(1, 30_000)),
    st.tuples(st.just("run"), st.floats(0.0, 0.1)),
    st.tuples(st.sampled_from(["pause", "resume"]), st.just(0)),
)


@given(st.lists(STEPS, max_size=30), st.booleans())
def test_everything_arrives_once_in_order_and_the_end_last(
    steps: list[tuple[str, float]], reads: bool
) -> None:
    """Whatever is sent, read, paused and resumed when, and with every promise kept throughout."""
    transfer = Transfer(reads=reads)
    for step, amount in steps:
        match step:
            case "send":
                transfer.send(int(amount))
            case "read":
                transfer.read(int(amount))
            case "run":
                transfer.run(amount)
            case "pause":
                transfer.flow.pause()
            case "resume":
                transfer.flow.resume()
    transfer.flow.end()
    transfer.flow.resume()
    transfer.run()
    while transfer.unread:
        transfer.read(10_000)
        transfer.run()
    assert transfer.arrived == transfer.sent
    assert transfer.ends == 1


@given(st.lists(st.integers(1, 30_000), max_size=8), st.floats(0.0, 0.3))
def test_lost_packets_are_repeated(sizes: list[int], loss: float) -> None:
    """Loss costs time, and neither bytes nor their order."""
    transfer = Transfer(loss=loss)
    transfer.check = lambda: None  # type: ignore[method-assign] # a loss halves the window
    for size in sizes:
        transfer.send(size)
        transfer.run(0.005)
    transfer.flow.end()
    transfer.run()
    assert (transfer.arrived, transfer.ends) == (transfer.sent, 1)


@pytest.mark.parametrize("size", [1, 100, PACKET, 5_000])
def test_a_receiver_that_does_not_read_stops_its_sender(size: int) -> None:
    """Bulk or small messages: no more than the receive buffer is ever under way to it."""
    transfer = Transfer(reads=False)
    for _ in range(3 * TIGHT.receive_buffer // size):
        transfer.send(size)
        if size >= 100:
            transfer.run(0.01)
    transfer.run(60.0)
    assert TIGHT.receive_buffer - PACKET < len(transfer.arrived) <= TIGHT.receive_buffer
    assert transfer.flow.unsent == len(transfer.sent) - len(transfer.arrived)


def test_the_first_window_is_ten_packets_and_doubles_each_round_trip() -> None:
    """Slow start (RFC 6928, RFC 5681): after k round trips 10 x (2^k - 1) packets have arrived."""
    transfer = Transfer(up=inf, down=inf, transport=Transport(segment=PACKET))
    transfer.send(200 * PACKET)
    for rounds in range(1, 5):
        transfer.run(DELAY if rounds == 1 else 2 * DELAY)
        assert len(transfer.arrived) == INITIAL_WINDOW * (2**rounds - 1)


def test_a_killed_flow_delivers_nothing_more() -> None:
    """Neither bytes under way nor the end."""
    transfer = Transfer()
    transfer.send(10_000)
    transfer.flow.end()
    transfer.flow.kill()
    transfer.run()
    assert not transfer.arrived
    assert not transfer.ends


def test_what_is_sent_is_not_copied() -> None:
    """A piece within one segment arrives as the object that was sent."""
    arrived: list[Piece] = []
    transfer = Transfer(transport=Transport())
    transfer.flow._deliver = lambda pieces, _: arrived.extend(pieces)
    data = bytes(1_000)
    transfer.flow.send(data)
    transfer.run()
    assert arrived[0] is data
