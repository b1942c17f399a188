"""Frames of messages, and what no frame may hold."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import msgpack
import pytest

from tests.wire.strategies import MAX_PAYLOAD, frame, whole
from wire.decoder import Decoder
from wire.errors import ProtocolError
from wire.frame import MAX_HEADER, PREFIX_BYTES, encode
from wire.layout import LAYOUTS
from wire.message import MAX_CHUNKS, MAX_HAVE, Chunk, Handshake, Have, Interested, Message, Request


def test_a_payload_is_sent_by_reference() -> None:
    """Encoding a chunk does not copy it."""
    payload = bytes(65_536)
    assert encode(Chunk(3, payload))[1] is payload
    view = memoryview(payload)
    assert encode(Chunk(3, view))[1] is view


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
    decoder = Decoder(max_payload=0)
    decoder.feed(whole([longest]))
    assert decoder.next() == longest


def test_every_message_class_has_one_type() -> None:
    """The table covers the protocol, each class once."""
    classes = [layout.message for layout in LAYOUTS.values()]
    assert len(set(classes)) == len(classes) == 13
