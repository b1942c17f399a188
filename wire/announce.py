"""What a peer and a tracker say to each other: announce and scrape, as HTTP query and msgpack.

It knows the form of questions and answers, not who is in a swarm.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast
from urllib.parse import urlencode

import msgpack

from wire.errors import ProtocolError
from wire.layout import contact_problem
from wire.message import PEER_ID_BYTES, SWARM_ID_BYTES, Contact

ANNOUNCE_PATH = "/announce"
SCRAPE_PATH = "/scrape"
DEFAULT_NUMWANT = 50
MAX_NUMWANT = 200
MAX_INTERVAL = 86_400.0
MAX_REPLY_BYTES = 65_536
MAX_SCRAPED = 1000
_MAX_BYTES = 1 << 63
_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)


class Event(StrEnum):
    """Why a peer announces itself; `NONE` is the regular announce of every interval."""

    NONE = ""
    STARTED = "started"
    COMPLETED = "completed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Announce:
    """I am in this swarm, on this port; `left`, `uploaded`, `downloaded` are in bytes."""

    swarm_id: bytes
    peer_id: bytes
    port: int
    left: int
    event: Event = Event.NONE
    uploaded: int = 0
    downloaded: int = 0
    numwant: int = DEFAULT_NUMWANT

    def target(self) -> str:
        """Return the request target, ids in hexadecimal."""
        query: dict[str, str | int] = {
            "swarm_id": self.swarm_id.hex(),
            "peer_id": self.peer_id.hex(),
            "port": self.port,
            "left": self.left,
            "uploaded": self.uploaded,
            "downloaded": self.downloaded,
            "numwant": self.numwant,
        }
        if self.event is not Event.NONE:
            query["event"] = self.event.value
        return f"{ANNOUNCE_PATH}?{urlencode(query)}"

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Announce:
        """Return the announce in decoded query parameters; unknown ones are ignored.

        Raises:
            ProtocolError: a parameter is missing or malformed; the reason names it.
        """
        return cls(
            swarm_id=_identifier(query, "swarm_id", SWARM_ID_BYTES),
            peer_id=_identifier(query, "peer_id", PEER_ID_BYTES),
            port=_integer(query, "port", 1, 65_535),
            left=_integer(query, "left", 0, _MAX_BYTES),
            event=_event(query.get("event", "")),
            uploaded=_integer(query, "uploaded", 0, _MAX_BYTES, default=0),
            downloaded=_integer(query, "downloaded", 0, _MAX_BYTES, default=0),
            numwant=_integer(query, "numwant", 0, MAX_NUMWANT, default=DEFAULT_NUMWANT),
        )


@dataclass(frozen=True, slots=True)
class AnnounceReply:
    """Announce again after `interval` seconds; so many peers are complete and incomplete."""

    interval: float
    complete: int
    incomplete: int
    peers: tuple[Contact, ...]

    def encode(self) -> bytes:
        """Return the reply as a msgpack map."""
        peers = [(peer.peer_id, peer.host, peer.port) for peer in self.peers]
        return _pack(
            {
                "interval": self.interval,
                "complete": self.complete,
                "incomplete": self.incomplete,
                "peers": peers,
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> AnnounceReply:
        """Return the reply that `data` encodes; unknown keys are ignored.

        Raises:
            ProtocolError: it is not such a map, or a value is outside its bounds.
        """
        fields = _unpack(data)
        interval = fields.get("interval")
        if not isinstance(interval, int | float) or not 0 < interval <= MAX_INTERVAL:
            raise ProtocolError(f"reply: interval {interval!r} is not 0 to {MAX_INTERVAL:g} s")
        peers = fields.get("peers")
        if type(peers) is not tuple or len(peers) > MAX_NUMWANT:
            raise ProtocolError(f"reply: peers is not a list of up to {MAX_NUMWANT}")
        return cls(
            interval=float(interval),
            complete=_count(fields, "complete"),
            incomplete=_count(fields, "incomplete"),
            peers=tuple([_contact(peer) for peer in peers]),
        )


@dataclass(frozen=True, slots=True)
class SwarmCount:
    """How many peers of a swarm are complete and incomplete, and how often it was downloaded."""

    swarm_id: bytes
    complete: int
    incomplete: int
    downloaded: int


@dataclass(frozen=True, slots=True)
class ScrapeReply:
    """The counts of one swarm, or of those the tracker knows."""

    swarms: tuple[SwarmCount, ...]

    def encode(self) -> bytes:
        """Return the reply as a msgpack map."""
        swarms = [
            (swarm.swarm_id, swarm.complete, swarm.incomplete, swarm.downloaded)
            for swarm in self.swarms
        ]
        return _pack({"swarms": swarms})

    @classmethod
    def decode(cls, data: bytes) -> ScrapeReply:
        """Return the reply that `data` encodes.

        Raises:
            ProtocolError: it is not such a map, or a value is outside its bounds.
        """
        swarms = _unpack(data).get("swarms")
        if type(swarms) is not tuple or len(swarms) > MAX_SCRAPED:
            raise ProtocolError(f"reply: swarms is not a list of up to {MAX_SCRAPED}")
        return cls(tuple([_swarm_count(swarm) for swarm in swarms]))


def scrape_target(swarm_id: bytes | None = None) -> str:
    """Return the request target that asks for one swarm's counts, or for all."""
    return SCRAPE_PATH if swarm_id is None else f"{SCRAPE_PATH}?swarm_id={swarm_id.hex()}"


def parse_scrape(query: Mapping[str, str]) -> bytes | None:
    """Return the swarm a scrape asks for, None for all.

    Raises:
        ProtocolError: the id is malformed.
    """
    return _identifier(query, "swarm_id", SWARM_ID_BYTES) if "swarm_id" in query else None


def _identifier(query: Mapping[str, str], name: str, length: int) -> bytes:
    text = query.get(name)
    if text is None:
        raise ProtocolError(f"{name} is missing")
    if not re.fullmatch(rf"[0-9a-fA-F]{{{2 * length}}}", text):
        raise ProtocolError(f"{name} is not {2 * length} hexadecimal digits")
    return bytes.fromhex(text)


def _integer(
    query: Mapping[str, str], name: str, least: int, most: int, default: int | None = None
) -> int:
    text = query.get(name)
    if text is None:
        if default is None:
            raise ProtocolError(f"{name} is missing")
        return default
    if not _DIGITS.fullmatch(text) or not least <= int(text) <= most:
        raise ProtocolError(f"{name} is not an integer from {least} to {most}")
    return int(text)


def _event(text: str) -> Event:
    try:
        return Event(text)
    except ValueError:
        raise ProtocolError("event is not started, completed or stopped") from None


def _pack(fields: dict[str, object]) -> bytes:
    return cast("bytes", msgpack.packb(fields))


def _unpack(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_REPLY_BYTES:
        raise ProtocolError(f"reply: longer than {MAX_REPLY_BYTES} bytes")
    try:
        fields = msgpack.unpackb(
            data, use_list=False, max_array_len=MAX_SCRAPED, max_map_len=16, max_ext_len=0
        )
    except (ValueError, msgpack.UnpackException) as error:
        raise ProtocolError(f"reply: not msgpack: {error}") from error
    if type(fields) is not dict:
        raise ProtocolError("reply: not a map")
    return fields


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if not _is_count(value):
        raise ProtocolError(f"reply: {name} {value!r} is not a count")
    return cast("int", value)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _contact(peer: object) -> Contact:
    if type(peer) is not tuple or len(peer) != 3:
        raise ProtocolError("reply: a peer is not [peer id, host, port]")
    problem = contact_problem(*peer)
    if problem is not None:
        raise ProtocolError(f"reply: {problem}")
    return Contact(*peer)


def _swarm_count(swarm: object) -> SwarmCount:
    if type(swarm) is not tuple or len(swarm) != 4 or not all(map(_is_count, swarm[1:])):
        raise ProtocolError("reply: a swarm is not [swarm id, complete, incomplete, downloaded]")
    if type(swarm[0]) is not bytes or len(swarm[0]) != SWARM_ID_BYTES:
        raise ProtocolError(f"reply: a swarm id is not {SWARM_ID_BYTES} bytes")
    return SwarmCount(*swarm)
