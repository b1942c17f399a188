"""Announce and scrape: queries and replies survive the trip, and malformed ones are named."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.announce import (
    MAX_NUMWANT,
    MAX_REPLY_BYTES,
    Announce,
    AnnounceReply,
    Event,
    ScrapeReply,
    SwarmCount,
    parse_scrape,
    scrape_target,
)
from wire.errors import ProtocolError
from wire.message import Contact

SWARM, PEER = b"s" * 32, b"p" * 20

counts = st.integers(0, 1 << 60)
ports = st.integers(1, 65_535)
announces = st.builds(
    Announce,
    swarm_id=st.binary(min_size=32, max_size=32),
    peer_id=st.binary(min_size=20, max_size=20),
    port=ports,
    left=counts,
    event=st.sampled_from(Event),
    uploaded=counts,
    downloaded=counts,
    numwant=st.integers(0, MAX_NUMWANT),
)
contacts = st.builds(
    Contact, st.binary(min_size=20, max_size=20), st.sampled_from(["127.0.0.1", "peer-1"]), ports
)


@given(announces)
def test_an_announce_survives_its_query(announce: Announce) -> None:
    """What is asked is what the tracker reads."""
    assert Announce.parse(dict(parse_qsl(urlsplit(announce.target()).query))) == announce


@given(st.floats(0.01, 86_400), counts, counts, st.lists(contacts, max_size=5))
def test_a_reply_survives_msgpack(
    interval: float, complete: int, incomplete: int, peers: list[Contact]
) -> None:
    """What the tracker answers is what the peer reads."""
    reply = AnnounceReply(interval, complete, incomplete, tuple(peers))
    assert AnnounceReply.decode(reply.encode()) == reply


def test_the_largest_reply_is_within_its_bound() -> None:
    """As many peers as may be asked for fit, with long host names."""
    peers = tuple([Contact(PEER, "h" * 255, 65_535)] * MAX_NUMWANT)
    reply = AnnounceReply(120.0, 1 << 60, 1 << 60, peers)
    assert len(reply.encode()) <= MAX_REPLY_BYTES
    assert AnnounceReply.decode(reply.encode()) == reply


def test_a_scrape_survives() -> None:
    """Question and answer of a scrape, for one swarm and for all."""
    assert parse_scrape(dict(parse_qsl(urlsplit(scrape_target(SWARM)).query))) == SWARM
    assert scrape_target() == "/scrape"
    assert parse_scrape({}) is None
    reply = ScrapeReply((SwarmCount(SWARM, 1, 2, 3), SwarmCount(bytes(32), 0, 0, 0)))
    assert ScrapeReply.decode(reply.encode()) == reply


GOOD = dict(parse_qsl(urlsplit(Announce(SWARM, PEER, 1, 0).target()).query))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"swarm_id": "00"}, "swarm_id is not 64 hexadecimal digits"),
        ({"swarm_id": "g" * 64}, "swarm_id is not 64 hexadecimal digits"),
        ({"swarm_id": "0" * 64 + "\n"}, "swarm_id is not 64 hexadecimal digits"),
        ({"peer_id": "00" * 21}, "peer_id is not 40 hexadecimal digits"),
        ({"port": "0"}, "port is not an integer from 1 to 65535"),
        ({"port": "65536"}, "port is not an integer from 1 to 65535"),
        ({"port": "+1"}, "port is not an integer"),
        ({"port": "\N{FULLWIDTH DIGIT ONE}"}, "port is not an integer"),
        ({"left": "-1"}, "left is not an integer"),
        ({"left": "9" * 5000}, "left is not an integer"),
        ({"numwant": "201"}, "numwant is not an integer from 0 to 200"),
        ({"uploaded": ""}, "uploaded is not an integer"),
        ({"event": "paused"}, "event is not started, completed or stopped"),
    ],
)
def test_a_malformed_announce_is_refused_by_name(changes: dict[str, str], reason: str) -> None:
    """The reason says which parameter, and what it should be."""
    with pytest.raises(ProtocolError, match=reason):
        Announce.parse(GOOD | changes)


@pytest.mark.parametrize("name", ["swarm_id", "peer_id", "port", "left"])
def test_what_an_announce_cannot_do_without(name: str) -> None:
    """A missing parameter is named."""
    with pytest.raises(ProtocolError, match=f"{name} is missing"):
        Announce.parse({key: value for key, value in GOOD.items() if key != name})


def reply(**changes: Any) -> bytes:
    """Return an encoded reply with some fields replaced."""
    packed = msgpack.packb({"interval": 9, "complete": 0, "incomplete": 0, "peers": []} | changes)
    assert isinstance(packed, bytes)
    return packed


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not msgpack"),
        (b"\xc1", "not msgpack"),
        (b"\x01", "not a map"),
        (bytes(MAX_REPLY_BYTES + 1), "longer than"),
        (reply(interval=0), "interval 0 is not"),
        (reply(interval=float("nan")), "interval nan is not"),
        (reply(interval="9"), "interval '9' is not"),
        (reply(complete=-1), "complete -1 is not a count"),
        (reply(incomplete=None), "incomplete None is not a count"),
        (reply(peers=None), "peers is not a list"),
        (reply(peers=[0] * 201), "peers is not a list of up to 200"),
        (reply(peers=[[PEER, "h"]]), "a peer is not"),
        (reply(peers=[[b"short", "h", 1]]), "a peer id is not 20 bytes"),
        (reply(peers=[[PEER, "", 1]]), "a host is not"),
        (reply(peers=[[PEER, "h\r\n", 1]]), "a host is not"),
        (reply(peers=[[PEER, "h", 0]]), "port 0 is not"),
    ],
)
def test_a_malformed_reply_is_refused_by_name(data: bytes, reason: str) -> None:
    """A peer does not trust its tracker's bytes."""
    with pytest.raises(ProtocolError, match=reason):
        AnnounceReply.decode(data)


@pytest.mark.parametrize("swarms", [None, [[SWARM, 1, 2]], [[SWARM, 1, 2, -1]], [[b"", 1, 2, 3]]])
def test_a_malformed_scrape_reply_is_refused(swarms: object) -> None:
    """Counts are checked as well."""
    packed = msgpack.packb({"swarms": swarms})
    assert isinstance(packed, bytes)
    with pytest.raises(ProtocolError, match="reply: "):
        ScrapeReply.decode(packed)


@given(st.binary(max_size=100))
def test_random_replies_raise_nothing_but_the_protocol_error(data: bytes) -> None:
    """Garbage is refused by name."""
    for decode in (AnnounceReply.decode, ScrapeReply.decode):
        with pytest.raises(ProtocolError):
            decode(data)
