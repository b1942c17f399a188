"""Channels: messages over a stream, ending cleanly or not."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
import trio
from trio.testing import memory_stream_pair

from tests.wire.strategies import frame
from wire.channel import Channel
from wire.errors import ProtocolError
from wire.message import Bitfield, Buffer, Choke, Chunk, Have, Interested, Message, Request, Unchoke

MESSAGES: list[Message] = [
    Bitfield(b"\x05"),
    Interested(),
    Chunk(1, b"x" * 30_000),
    Have((1, 2)),
    Chunk(2, b"y"),
    Unchoke(),
]


@pytest.mark.trio
async def test_messages_arrive_in_order_then_the_end() -> None:
    """All that was sent is received, then the channel ends."""
    left, right = memory_stream_pair()
    sender, receiver = Channel(left, max_payload=1), Channel(right, max_payload=30_000)
    await sender.send(*MESSAGES)
    await sender.send_eof()
    assert [await receiver.receive() for _ in MESSAGES] == MESSAGES
    with pytest.raises(trio.EndOfChannel):
        await receiver.receive()
    await receiver.send(Request(1))
    assert await sender.receive() == Request(1)


@pytest.mark.trio
@pytest.mark.parametrize("missing", [1, 4, 9])
async def test_the_end_within_a_message_is_an_error(missing: int) -> None:
    """A stream cut inside a frame or a prefix is a protocol error, not an end."""
    left, right = memory_stream_pair()
    await left.send_all(frame(3) + frame(7, [1])[:-missing])
    await left.aclose()
    receiver = Channel(right, max_payload=0)
    assert await receiver.receive() == Interested()
    with pytest.raises(ProtocolError, match="the stream ended"):
        await receiver.receive()


@pytest.mark.trio
async def test_malformed_bytes_are_an_error_every_time() -> None:
    """A channel that met garbage does not recover."""
    left, right = memory_stream_pair()
    receiver = Channel(right, max_payload=0)
    await left.send_all(frame(99) + frame(3))
    for _ in range(2):
        with pytest.raises(ProtocolError, match="unknown message type 99"):
            await receiver.receive()


class RecordingStream(trio.abc.HalfCloseableStream):
    """Keeps the objects it was asked to send; receives prepared pieces and notes watermarks."""

    def __init__(self, *pieces: bytes) -> None:
        self.sent: list[Buffer] = []
        self.watermarks: list[int] = []
        self._pieces = list(pieces)

    def set_low_watermark(self, n: int) -> None:
        self.watermarks.append(n)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        assert not isinstance(data, bytearray)
        self.sent.append(data)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        assert max_bytes is None or max_bytes > 0
        return self._pieces.pop(0)

    async def wait_send_all_might_not_block(self) -> None:
        """Sending never blocks."""

    async def send_eof(self) -> None:
        """Nothing to end."""

    async def aclose(self) -> None:
        """Nothing to close."""


@pytest.mark.trio
async def test_payloads_reach_the_stream_by_reference_and_the_rest_is_joined() -> None:
    """Few writes, no copies of chunks."""
    stream = RecordingStream()
    payload = bytes(65_536)
    await Channel(stream, max_payload=0).send(
        Unchoke(), Have((1,)), Chunk(7, payload), Interested(), Request(3)
    )
    assert len(stream.sent) == 3
    assert stream.sent[1] is payload


@pytest.mark.trio
async def test_a_plain_stream_takes_nothing_without_waiting() -> None:
    """Then all is left to `send`."""
    channel = Channel(RecordingStream(), max_payload=0)
    assert not channel.immediate
    assert not channel.send_now(Unchoke())
    assert not channel.send_then(Chunk(1, b"x"), lambda: pytest.fail("it was not sent"))


@pytest.mark.trio
async def test_nothing_is_sent_when_one_message_is_bad() -> None:
    """A message outside its bounds stops the whole batch."""
    stream = RecordingStream()
    with pytest.raises(ProtocolError):
        await Channel(stream, max_payload=0).send(Unchoke(), Request(-1))
    assert stream.sent == []


@pytest.mark.trio
async def test_the_reader_sleeps_until_a_prefix_then_until_a_frame() -> None:
    """A stream with a low watermark is told what is needed next."""
    data = frame(8, [5], b"z" * 5000)
    stream = RecordingStream(data[:8], data[8:100], data[100:])
    assert await Channel(stream, max_payload=5000).receive() == Chunk(5, b"z" * 5000)
    assert stream.watermarks == [8, len(data) - 8, len(data) - 100]


@pytest.mark.trio
async def test_messages_that_came_together_are_heard_together() -> None:
    """Until whoever hears them has enough; what was decoded before comes first."""
    stream = RecordingStream(
        frame(3) + frame(7, [1]), frame(7, [2]) + frame(3), frame(6) + frame(5), frame(3)
    )
    channel = Channel(stream, max_payload=0)
    assert await channel.receive() == Interested()
    heard: list[list[Message]] = []

    def hear(messages: Iterable[Message]) -> bool:
        heard.append(list(messages))
        return Unchoke() in heard[-1]

    await channel.receive_each(hear)
    assert heard == [[Request(1)], [Request(2), Interested()], [Unchoke(), Choke()]]


@pytest.mark.trio
@pytest.mark.parametrize(
    ("last", "error", "heard"),
    [
        (b"", trio.EndOfChannel, 2),
        (frame(7, [1])[:-1], ProtocolError, 2),
        (frame(3) + frame(99), ProtocolError, 3),
    ],
)
async def test_hearing_ends_as_receiving_does(
    last: bytes, error: type[Exception], heard: int
) -> None:
    """With the end of the stream, or the first malformed bytes."""
    stream = RecordingStream(frame(3) + frame(3), *filter(None, [last]), b"")
    received: list[Message] = []

    def hear(messages: Iterable[Message]) -> bool:
        received.extend(messages)
        return False

    with pytest.raises(error):
        await Channel(stream, max_payload=0).receive_each(hear)
    assert received == [Interested()] * heard


@pytest.mark.trio
async def test_a_closed_channel_says_so() -> None:
    """Closing closes the stream under it."""
    left, _right = memory_stream_pair()
    channel = Channel(left, max_payload=0)
    await channel.aclose()
    with trio.move_on_after(math.inf), pytest.raises(trio.ClosedResourceError):
        await channel.receive()
