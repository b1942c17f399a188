"""A decoder gives the same messages whatever way their bytes are cut, and keeps few of them."""

from __future__ import annotations

import itertools
import tracemalloc
from contextlib import suppress
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.strategies import MAX_PAYLOAD, frame, messages, whole
from wire.decoder import Decoder
from wire.errors import ProtocolError
from wire.frame import MAX_HEADER, PREFIX_BYTES, VERSION, encode
from wire.message import Chunk, Interested, Message, Request, Unchoke


def decode(*feeds: bytes | memoryview) -> list[Message]:
    """Return what a fresh decoder makes of `feeds`."""
    decoder = Decoder(max_payload=MAX_PAYLOAD)
    received = []
    for data in feeds:
        decoder.feed(data)
        received += list(decoder.messages())
    assert decoder.idle
    return received


@given(st.lists(messages, max_size=6))
def test_what_is_encoded_decodes_to_the_same_messages(sent: list[Message]) -> None:
    """Every message survives the wire."""
    assert decode(whole(sent)) == sent


@given(messages)
def test_byte_by_byte_equals_whole(message: Message) -> None:
    """A message arrives the same in the smallest pieces, and `needed` never overshoots."""
    data = whole([message])
    decoder = Decoder(max_payload=MAX_PAYLOAD)
    for position in range(len(data)):
        assert decoder.next() is None
        assert 1 <= decoder.needed <= len(data) - position
        decoder.feed(data[position : position + 1])
    assert decoder.next() == message
    assert decoder.idle


@given(st.lists(messages, min_size=1, max_size=5), st.data())
def test_any_cut_gives_the_same_messages(sent: list[Message], data: st.DataObject) -> None:
    """Where segments end is of no importance."""
    stream = whole(sent)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    assert decode(*[stream[a:b] for a, b in itertools.pairwise(edges)]) == sent
    view = memoryview(stream)
    assert decode(*[view[a:b] for a, b in itertools.pairwise(edges)]) == sent


@given(st.lists(messages, max_size=5), st.data())
def test_what_comes_at_once_decodes_as_what_is_fed(
    sent: list[Message], data: st.DataObject
) -> None:
    """Small or large, in whole messages or not: the shortcut for few bytes changes nothing."""
    stream = whole(sent)
    cut = data.draw(st.integers(0, len(stream)))
    decoder = Decoder(max_payload=MAX_PAYLOAD)
    received = [*decoder.decode(stream[:cut]), *decoder.decode(memoryview(stream)[cut:])]
    assert received == sent
    assert decoder.idle


def test_what_comes_before_garbage_is_heard_first() -> None:
    """A malformed frame among small ones is an error behind those before it, and stays one."""
    decoder = Decoder(max_payload=0)
    received = iter(decoder.decode(frame(3) + frame(7, [1]) + frame(99) + frame(3)))
    assert [next(received), next(received)] == [Interested(), Request(1)]
    with pytest.raises(ProtocolError, match="unknown message type 99"):
        next(received)
    with pytest.raises(ProtocolError, match="unknown message type 99"):
        list(decoder.decode(frame(3)))


@given(messages)
def test_needed_leads_to_the_message_in_at_most_two_feeds(message: Message) -> None:
    """Feeding exactly what is needed completes the prefix, then the frame."""
    data = whole([message])
    decoder = Decoder(max_payload=MAX_PAYLOAD)
    assert decoder.needed == PREFIX_BYTES
    decoder.feed(data[:PREFIX_BYTES])
    assert decoder.next() is None
    assert decoder.needed == len(data) - PREFIX_BYTES
    decoder.feed(data[PREFIX_BYTES:])
    assert decoder.next() == message


@given(st.lists(st.one_of(st.binary(max_size=300), messages.map(lambda m: whole([m])[:-1]))))
def test_random_bytes_raise_nothing_but_the_protocol_error(feeds: list[bytes]) -> None:
    """Garbage is refused by name, and never more than one frame and the last feed is buffered."""
    decoder = Decoder(max_payload=MAX_PAYLOAD)
    bound = PREFIX_BYTES + MAX_HEADER + MAX_PAYLOAD
    with suppress(ProtocolError):
        for data in feeds:
            decoder.feed(data)
            list(decoder.messages())
            assert decoder.buffered <= bound


@given(st.binary(min_size=1).filter(lambda data: data[0] != VERSION))
def test_an_error_is_final(data: bytes) -> None:
    """After an error the decoder lets go of its bytes and raises the same error again."""
    decoder = Decoder(max_payload=MAX_PAYLOAD)
    decoder.feed(data.ljust(PREFIX_BYTES))
    for _ in range(2):
        with pytest.raises(ProtocolError, match=r"version .* is not 1"):
            decoder.next()
        assert decoder.buffered == 0
        decoder.feed(frame(3))


def test_a_payload_fed_by_itself_is_received_by_reference() -> None:
    """A payload that arrives as one object is handed on as that object."""
    payload = bytes(range(256)) * 64
    start, same = encode(Chunk(3, payload))
    decoder = Decoder(max_payload=MAX_PAYLOAD)
    decoder.feed(start)
    decoder.feed(same)
    chunk = decoder.next()
    assert isinstance(chunk, Chunk)
    assert chunk.payload is payload


def test_a_payload_inside_a_feed_is_a_view_of_it() -> None:
    """A large payload is not copied out of the bytes it arrived with."""
    decoder = Decoder(max_payload=MAX_PAYLOAD)
    data = whole([Request(1), Chunk(3, bytes(10_000)), Unchoke()])
    decoder.feed(data)
    chunk = list(decoder.messages())[1]
    assert isinstance(chunk, Chunk)
    assert isinstance(chunk.payload, memoryview)
    assert chunk.payload.obj is data


def test_small_feeds_that_never_end_with_a_frame_do_not_pile_up() -> None:
    """A stream cut across every frame keeps no decoded bytes."""
    data = whole([Request(7)] * 20_000)
    decoder = Decoder(max_payload=0)
    decoder.feed(data[:1])
    tracemalloc.start()
    for start in range(1, len(data), 10):
        decoder.feed(data[start : start + 10])
        while decoder.next() is not None:
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(data) / 2  # CPython itself keeps up to 2,000 spare tuples


def test_bytes_fed_in_a_mutable_buffer_are_copied() -> None:
    """The decoder keeps its bytes when the caller reuses the buffer."""
    buffer = bytearray(whole([Chunk(1, b"a" * 9000)]))
    decoder = Decoder(max_payload=MAX_PAYLOAD)
    decoder.feed(buffer)
    buffer[:] = bytes(len(buffer))
    assert cast("Chunk", decoder.next()).payload == b"a" * 9000
