"""Hypothesis strategies for peer messages, their bytes, and frames built by hand."""

from __future__ import annotations

import struct
from typing import Any

import msgpack
from hypothesis import strategies as st

from wire.frame import encode
from wire.message import (
    MAX_CHUNKS,
    MAX_EXCHANGE,
    MAX_HAVE,
    Bitfield,
    Cancel,
    Choke,
    Chunk,
    Contact,
    Handshake,
    Have,
    Interested,
    KeepAlive,
    Message,
    NotInterested,
    PeerExchange,
    Reject,
    Request,
    Unchoke,
)

MAX_PAYLOAD = 20_000

indexes = st.integers(0, MAX_CHUNKS - 1)
contacts = st.builds(
    Contact,
    st.binary(min_size=20, max_size=20),
    st.text("abcxyz-.:0189", min_size=1, max_size=255),
    st.integers(1, 65_535),
)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        Handshake,
        st.binary(min_size=32, max_size=32),
        st.binary(min_size=20, max_size=20),
        st.integers(0, 65_535),
    ),
    st.builds(Bitfield, st.binary(max_size=64)),
    st.builds(Have, st.lists(indexes, min_size=1, max_size=20).map(tuple)),
    st.builds(Have, st.just(tuple(range(MAX_HAVE)))),
    st.sampled_from([Interested(), NotInterested(), Choke(), Unchoke()]),
    st.builds(Request, indexes),
    st.builds(
        Chunk,
        indexes,
        st.integers(1, MAX_PAYLOAD).map(lambda length: b"abcdefg" * (length // 7 + 1)),
    ).map(lambda chunk: Chunk(chunk.index, chunk.payload[:MAX_PAYLOAD])),
    st.builds(Cancel, indexes),
    st.builds(Reject, indexes),
    st.just(KeepAlive()),
    st.builds(PeerExchange, st.lists(contacts, min_size=1, max_size=5).map(tuple)),
    st.builds(PeerExchange, contacts.map(lambda contact: (contact,) * MAX_EXCHANGE)),
)


def whole(sent: list[Message]) -> bytes:
    """Return the bytes of `sent`."""
    return b"".join(b"".join(encode(message)) for message in sent)


def frame(kind: int, header: Any = (), payload: bytes = b"", *, version: int = 1) -> bytes:
    """Return a frame with any header, valid or not; bytes are taken as the encoded header."""
    encoded = header if isinstance(header, bytes) else msgpack.packb(header)
    return struct.pack("!BBHI", version, kind, len(encoded), len(payload)) + encoded + payload
