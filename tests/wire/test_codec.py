"""The peer codec: frames to messages and back, whatever way the bytes are cut."""

from __future__ import annotations

import itertools
import tracemalloc
from contextlib import suppress
from typing import cast

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.strategies import MAX_PAYLOAD, frame, messages
from wire.codec import MAX_HEADER, PREFIX_BYTES, VERSION, Decoder, encode
from wire.errors import ProtocolError
from wire.layout import LAYOUTS
from wire.message import (
    MAX_CHUNKS,
    MAX_HAVE,
    Bitfield,
    Chunk,
    Handshake,
    Have,
    Interested,
    Message,
    Request,
    Unchoke,
)


def whole(sent: list[Message]) -> bytes:
    """Return the bytes of `sent`."""
    return b"".join(b"".join(encode(message)) for message in sent)


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


def test_a_payload_is_sent_by_reference() -> None:
    """Encoding a chunk does not copy it."""
    payload = bytes(65_536)
    assert encode(Chunk(3, payload))[1] is payload
    view = memoryview(payload)
    assert encode(Chunk(3, view))[1] is view


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


@pytest.mark.parametrize("header", [b"\xdd\xff\xff\xff\xff", b"\xdd\x00\x00\x1f\xff" * 13_000])
def test_a_header_cannot_claim_memory(header: bytes) -> None:
    """Announced lengths and nested arrays allocate nothing beyond one copy of the header.

    Counted is all that a decoder ever allocates, msgpack's own stack of 40 KiB included.
    """
    data = frame(2, header)
    tracemalloc.start()
    decoder = Decoder(max_payload=MAX_PAYLOAD)
    decoder.feed(data)
    with suppress(ProtocolError):
        decoder.next()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with pytest.raises(ProtocolError, match="Have: the header"):
        decoder.next()
    assert peak < len(header) + 48 * 1024


ONE_SWARM, ONE_PEER = b"s" * 32, b"p" * 20

MALFORMED = [
    (frame(3, version=2), "version 2 is not 1"),
    (frame(13), "unknown message type 13"),
    (frame(255), "unknown message type 255"),
    (frame(8, [1], bytes(MAX_PAYLOAD + 1)), "Chunk: payload of 20001 bytes exceeds 20000"),
    (frame(8, [1]), "Chunk: the payload is empty"),
    (frame(7, [1], b"x"), "Request: unexpected payload of 1 bytes"),
    (frame(3, b""), "Interested: the header is not a flat msgpack array"),
    (frame(3, b"\xc1"), "Interested: the header is not a flat msgpack array"),
    (frame(3, {}), "Interested: the header is not a flat msgpack array"),
    (frame(3, 5), "Interested: the header is not a flat msgpack array"),
    (frame(3, [1]), "Interested: 1 header fields instead of 0"),
    (frame(7, []), "Request: 0 header fields instead of 1"),
    (frame(7, b"\x92\x01"), "Request: the header does not hold the 2 fields it says"),
    (frame(7, b"\x91\x01\x02"), "Request: the header does not hold the 1 fields it says"),
    (frame(7, b"\x91\x01\xcd\x00"), "Request: the header does not hold the 1 fields it says"),
    (frame(7, [[1]]), "Request: the header is not a flat msgpack array"),
    (frame(7, [[]]), "Request: header field 0 is not an integer from 0 to"),
    (frame(7, ["1"]), "Request: header field 0 is not an integer from 0 to"),
    (frame(7, [b"1"]), "Request: header field 0 is not an integer from 0 to"),
    (frame(7, [True]), "Request: header field 0 is not an integer from 0 to"),
    (frame(7, [None]), "Request: header field 0 is not an integer from 0 to"),
    (frame(7, [1.0]), "Request: header field 0 is not an integer from 0 to"),
    (frame(7, [-1]), "Request: header field 0 is not an integer from 0 to"),
    (frame(7, [MAX_CHUNKS]), "Request: header field 0 is not an integer from 0 to 1048575"),
    (frame(7, [msgpack.ExtType(1, b"a")]), "Request: the header is not a flat msgpack array"),
    (frame(7, b"\x91\xd6\xff\x00\x00\x00\x00"), "Request: the header is not a flat msgpack array"),
    (frame(0, [b"s" * 31, ONE_PEER, 1]), "Handshake: header field 0 is not 32 bytes"),
    (frame(0, [b"s" * 33, ONE_PEER, 1]), "Handshake: the header is not a flat msgpack array"),
    (frame(0, [ONE_SWARM, b"p" * 19, 1]), "Handshake: header field 1 is not 20 bytes"),
    (frame(0, [ONE_SWARM, ONE_PEER, 65_536]), "Handshake: header field 2 is not an integer"),
    (frame(0, [ONE_SWARM, ONE_PEER]), "Handshake: 2 header fields instead of 3"),
    (frame(2, []), "Have: 0 indexes, not 1 to 8192"),
    (frame(2, list(range(MAX_HAVE + 1))), "Have: 8193 indexes, not 1 to 8192"),
    (frame(2, [1, b"2"]), "Have: an index is not an integer"),
    (frame(2, [1, False]), "Have: an index is not an integer"),
    (frame(2, [1, -2]), "Have: an index is not an integer from 0 to 1048575"),
    (frame(12, []), "PeerExchange: 0 header fields are not 1 to 50 contacts"),
    (frame(12, [ONE_PEER, "a"]), "PeerExchange: 2 header fields are not 1 to 50 contacts"),
    (frame(12, [ONE_PEER, "a", 1] * 51), "PeerExchange: 153 header fields are not 1 to 50"),
    (frame(12, [b"short", "a", 1]), "PeerExchange: a peer id is not 20 bytes"),
    (frame(12, [ONE_PEER, b"a", 1]), "PeerExchange: a host is not 1 to 255 printable"),
    (frame(12, [ONE_PEER, "a\n", 1]), "PeerExchange: a host is not 1 to 255 printable"),
    (frame(12, [ONE_PEER, "", 1]), "PeerExchange: a host is not 1 to 255 printable"),
    (frame(12, [ONE_PEER, "a" * 256, 1]), "PeerExchange: the header is not a flat msgpack array"),
    (frame(12, [ONE_PEER, "a", 0]), "PeerExchange: port 0 is not 1 to 65535"),
    (frame(2, [MAX_CHUNKS]), "Have: an index is not an integer from 0 to 1048575"),
]


@pytest.mark.parametrize(("data", "reason"), MALFORMED, ids=[reason for _, reason in MALFORMED])
def test_a_malformed_frame_is_refused_by_name(data: bytes, reason: str) -> None:
    """Each fault has its reason, after the good message before it was delivered."""
    decoder = Decoder(max_payload=MAX_PAYLOAD)
    decoder.feed(whole([Interested()]) + data)
    assert decoder.next() == Interested()
    with pytest.raises(ProtocolError) as refusal:
        decoder.next()
    assert refusal.value.reason.startswith(reason)


def test_an_oversized_payload_is_refused_before_it_arrives() -> None:
    """The prefix alone is enough to refuse."""
    decoder = Decoder(max_payload=10)
    decoder.feed(frame(1, [], bytes(11))[:PREFIX_BYTES])
    with pytest.raises(ProtocolError, match="Bitfield: payload of 11 bytes exceeds 10"):
        decoder.next()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Request(-1), "Request: header field 0 is not an integer"),
        (Chunk(0, b""), "Chunk: the payload is empty"),
        (Have(()), "Have: 0 indexes"),
        (Handshake(b"short", ONE_PEER, 1), "Handshake: header field 0 is not 32 bytes"),
    ],
)
def test_a_message_outside_its_bounds_is_not_encoded(message: Message, reason: str) -> None:
    """We do not send what we would refuse."""
    with pytest.raises(ProtocolError, match=reason):
        encode(message)


def test_the_longest_have_fits_a_header() -> None:
    """The bound on indexes keeps every Have within the bound on headers."""
    longest = Have(tuple(range(MAX_CHUNKS - MAX_HAVE, MAX_CHUNKS)))
    assert len(whole([longest])) <= PREFIX_BYTES + MAX_HEADER
    assert decode(whole([longest])) == [longest]


def test_every_message_class_has_one_type() -> None:
    """The table covers the protocol, each class once."""
    classes = [layout.message for layout in LAYOUTS.values()]
    assert len(set(classes)) == len(classes) == 13


@given(st.integers(0, 70), st.data())
def test_a_bit_field_is_its_mask(count: int, data: st.DataObject) -> None:
    """A mask of any number of chunks survives."""
    have = data.draw(st.integers(0, (1 << count) - 1))
    assert Bitfield.of(have, count).mask(count) == have


@pytest.mark.parametrize(("bits", "count"), [(b"\x08", 3), (b"", 1), (b"\x01\x00", 8)])
def test_a_bit_field_of_another_length_is_refused(bits: bytes, count: int) -> None:
    """Missing bytes, spare bytes and spare bits are malformed."""
    with pytest.raises(ProtocolError, match=f"does not describe {count} chunks"):
        Bitfield(bits).mask(count)


def test_bytes_fed_in_a_mutable_buffer_are_copied() -> None:
    """The decoder keeps its bytes when the caller reuses the buffer."""
    buffer = bytearray(whole([Chunk(1, b"a" * 9000)]))
    decoder = Decoder(max_payload=MAX_PAYLOAD)
    decoder.feed(buffer)
    buffer[:] = bytes(len(buffer))
    assert cast("Chunk", decoder.next()).payload == b"a" * 9000
