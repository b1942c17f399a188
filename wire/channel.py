"""Peer messages over any trio byte stream.

It knows framing and end of stream, not what a message means or when it is due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, runtime_checkable

import trio

from wire.decoder import Decoder
from wire.errors import ProtocolError
from wire.frame import encode
from wire.message import Buffer, Message

_ALONE = 4096  # bytes; a longer byte string is sent by itself, by reference


@runtime_checkable
class LowWatermark(Protocol):
    """A stream whose reader can sleep until enough has arrived, as with `SO_RCVLOWAT`."""

    def set_low_watermark(self, n: int) -> None:
        """Wake the reader only when `n` bytes, the end of the stream or an error are there."""


@runtime_checkable
class Gathering(Protocol):
    """A stream that takes several byte strings as one, and small ones without being awaited."""

    async def send_parts(self, *parts: Buffer) -> None:
        """Send `parts` in order, as `send_all` would send them joined."""

    def send_now(self, *parts: Buffer, then: Callable[[], None] | None = None) -> bool:
        """Take `parts` whole, or return False if that would mean waiting, or fail.

        `then` is called, and not by a task, where `send_parts` would return.
        """


@runtime_checkable
class Pouring(Protocol):
    """A stream that passes on what arrives without waking a task for it."""

    async def receive_each(self, take: Callable[[Sequence[Buffer]], bool]) -> None:
        """Call `take` with the pieces that have come (none: the end) until it returns True."""


class Channel(trio.abc.AsyncResource):
    """Messages both ways on one stream, for one sending and one receiving task.

    After a `ProtocolError` nothing more can be received: close the channel.
    """

    def __init__(self, stream: trio.abc.HalfCloseableStream, *, max_payload: int) -> None:
        """Speak on `stream`, accepting payloads of up to `max_payload` bytes."""
        self.stream = stream
        self._decoder = Decoder(max_payload=max_payload)
        self._watermark = stream if isinstance(stream, LowWatermark) else None
        self._needed = 0  # as the stream was told last
        self._gathering = stream if isinstance(stream, Gathering) else None
        self._pouring = stream if isinstance(stream, Pouring) else None

    @property
    def immediate(self) -> bool:
        """Whether messages can be sent without waiting."""
        return self._gathering is not None

    async def send(self, *messages: Message) -> None:
        """Send `messages` in order; small ones share a write, payloads are written by reference.

        Cancelled half-way it may have sent part of a message: close the channel.

        Raises:
            ProtocolError: a message is outside its bounds; none of them was sent.
            trio.BrokenResourceError: the connection is lost.
            trio.ClosedResourceError: this channel is closed.
        """
        parts = [part for message in messages for part in encode(message)]
        if self._gathering is not None:
            await self._gathering.send_parts(*parts)
            return
        for write in _writes(parts):
            await self.stream.send_all(write)

    def send_now(self, *messages: Message) -> bool:
        """Send small `messages` without waiting; False if that cannot be done, and none was sent.

        Raises:
            ProtocolError: a message is outside its bounds.
        """
        if self._gathering is None:
            return False
        parts = [part for message in messages for part in encode(message)]
        return self._gathering.send_now(b"".join(parts))

    def send_then(self, message: Message, then: Callable[[], None]) -> bool:
        """Send a large message without waiting, or return False if that cannot be done.

        `then` is called, and not by a task, where `send` would return; never if the connection
        ends before. It must wake a task if it moves a deadline.

        Raises:
            ProtocolError: the message is outside its bounds.
        """
        return self._gathering is not None and self._gathering.send_now(*encode(message), then=then)

    async def send_eof(self) -> None:
        """Say that no message will follow; receiving goes on."""
        await self.stream.send_eof()

    async def receive(self) -> Message:
        """Return the next message.

        It waits, and lets other tasks run, only when what was received before is used up: at most
        after every 64 KiB on a socket.

        Raises:
            trio.EndOfChannel: the other side ended the stream after a whole message.
            ProtocolError: it sent something malformed, or ended the stream within a message.
            trio.BrokenResourceError: the connection is lost.
            trio.ClosedResourceError: this channel is closed.
        """
        while (message := self._decoder.next()) is None:
            self._set_watermark()
            data = await self.stream.receive_some()
            if not data:
                self._end()
            self._decoder.feed(data)
        return message

    async def receive_each(self, hear: Callable[[Iterable[Message]], bool]) -> None:
        """Call `hear` with the messages that came together, until it returns True.

        On a virtual connection it is called as they arrive, and not by a task: it must wake one if
        it moves a deadline. It raises what `receive` raises, and what `hear` does; a malformed
        message is an error of the iterable, behind those before it.
        """

        def take(pieces: Sequence[Buffer | bytearray]) -> bool:
            if not pieces:
                self._end()
            enough = hear(self._decoder.decode(*pieces))
            self._set_watermark()
            return enough

        if hear(self._decoder.messages()):
            return
        self._set_watermark()
        if self._pouring is not None:
            await self._pouring.receive_each(take)
            return
        while not take([data] if (data := await self.stream.receive_some()) else []):
            pass

    def _set_watermark(self) -> None:
        needed = self._decoder.needed
        if self._watermark is not None and needed != self._needed:
            self._needed = needed
            self._watermark.set_low_watermark(needed)

    def _end(self) -> None:
        if self._decoder.idle:
            raise trio.EndOfChannel
        raise ProtocolError(f"the stream ended {self._decoder.needed} bytes before a frame did")

    async def aclose(self) -> None:
        """Close the stream."""
        await self.stream.aclose()


def _writes(parts: list[Buffer]) -> list[Buffer]:
    """Return `parts` with neighbouring small ones joined."""
    writes: list[Buffer] = []
    small: list[Buffer] = []
    for part in parts:
        if len(part) < _ALONE:
            small.append(part)
            continue
        if small:
            writes.append(b"".join(small))
            small = []
        writes.append(part)
    if small:
        writes.append(b"".join(small))
    return writes
