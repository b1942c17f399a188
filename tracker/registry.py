"""Which peers are in which swarm, and for how long the tracker believes it.

It knows the current time only from its callers, and nothing of HTTP.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import islice

from tracker.introduction import Introduction, Place, anyone
from wire.announce import (
    MAX_SCRAPED,
    Announce,
    AnnounceReply,
    Event,
    ScrapeReply,
    SwarmCount,
)
from wire.message import Contact

INTERVAL = 120.0
"""Seconds between two announces of a peer."""
GRACE = 30.0
"""Seconds a peer may be late after two intervals."""


class FullError(Exception):
    """The tracker has no room for another peer or swarm."""


@dataclass(frozen=True, slots=True)
class Member:
    """A peer as it last announced itself."""

    peer_id: bytes
    complete: bool
    expires: float


@dataclass(slots=True)
class Swarm:
    """The peers of one swarm.

    Always: `members` is ordered by expiry, and `complete` counts those that are.
    """

    members: OrderedDict[Place, Member] = field(default_factory=OrderedDict)
    complete: int = 0
    downloaded: int = 0

    def put(self, place: Place, member: Member) -> None:
        """Add or renew a member, the last to expire."""
        self.remove(place)
        self.members[place] = member
        self.complete += member.complete

    def remove(self, place: Place) -> None:
        """Remove a member, if it is one."""
        member = self.members.pop(place, None)
        if member is not None:
            self.complete -= member.complete

    def count(self, swarm_id: bytes) -> SwarmCount:
        """Return how many members there are of each kind."""
        incomplete = len(self.members) - self.complete
        return SwarmCount(swarm_id, self.complete, incomplete, self.downloaded)

    def expire(self, now: float) -> None:
        """Remove the members whose time is over."""
        while self.members:
            place, member = next(iter(self.members.items()))
            if member.expires > now:
                return
            self.remove(place)


class Registry:
    """Every swarm the tracker knows.

    Always: at most `max_swarms` swarms of at most `max_peers` members each, and no answer counts or
    names a member that has been silent for two intervals and the grace.
    """

    def __init__(
        self,
        *,
        rng: random.Random,
        interval: float = INTERVAL,
        max_swarms: int = 1000,
        max_peers: int = 5000,
        introduce: Introduction = anyone,
    ) -> None:
        """`introduce` chooses, with `rng`, whom a peer is told of."""
        self._rng = rng
        self._introduce = introduce
        self._interval = interval
        self._max_swarms = max_swarms
        self._max_peers = max_peers
        self._swarms: dict[bytes, Swarm] = {}

    def announce(self, now: float, announce: Announce, host: str) -> AnnounceReply:
        """Note what a peer at `host` says and return some others.

        Who has everything is told only of those who lack something: it needs no other.

        Raises:
            FullError: the peer is new and there is no room for it.
        """
        place = Place(host, announce.port)
        if announce.event is Event.STOPPED:
            return self._stop(now, announce.swarm_id, place)
        swarm = self._swarm_with_room(now, announce.swarm_id, place)
        before = swarm.members.get(place)
        complete = announce.left == 0
        if announce.event is Event.COMPLETED and not (before and before.complete):
            swarm.downloaded += 1
        expires = now + 2 * self._interval + GRACE
        swarm.put(place, Member(announce.peer_id, complete, expires))
        others = self._others(swarm, place, announce.numwant, for_complete=complete)
        return self._reply(swarm, others)

    def scrape(self, now: float, swarm_id: bytes | None = None) -> ScrapeReply:
        """Return the counts of one swarm (none if it is unknown), or of up to 1,000."""
        if swarm_id is None:
            self._expire_all(now)
            asked = list(islice(self._swarms, MAX_SCRAPED))
        else:
            self._expire(now, swarm_id)
            asked = [swarm_id] if swarm_id in self._swarms else []
        return ScrapeReply(tuple([self._swarms[each].count(each) for each in asked]))

    def _stop(self, now: float, swarm_id: bytes, place: Place) -> AnnounceReply:
        swarm = self._swarms.get(swarm_id, Swarm())
        swarm.remove(place)
        self._expire(now, swarm_id)
        return self._reply(swarm, ())

    def _reply(self, swarm: Swarm, peers: tuple[Contact, ...]) -> AnnounceReply:
        incomplete = len(swarm.members) - swarm.complete
        return AnnounceReply(self._interval, swarm.complete, incomplete, peers)

    def _swarm_with_room(self, now: float, swarm_id: bytes, place: Place) -> Swarm:
        swarm = self._swarms.get(swarm_id)
        if swarm is None:
            if len(self._swarms) >= self._max_swarms:
                self._expire_all(now)
            if len(self._swarms) >= self._max_swarms:
                raise FullError(f"the tracker holds {self._max_swarms} swarms and takes no more")
            swarm = self._swarms[swarm_id] = Swarm()
        swarm.expire(now)
        if place not in swarm.members and len(swarm.members) >= self._max_peers:
            raise FullError(f"the swarm has {self._max_peers} peers and takes no more")
        return swarm

    def _others(
        self, swarm: Swarm, asker: Place, numwant: int, *, for_complete: bool
    ) -> tuple[Contact, ...]:
        others = [
            place
            for place, member in swarm.members.items()
            if place != asker and not (for_complete and member.complete)
        ]
        chosen = list(self._introduce(asker, others, numwant, self._rng))
        chosen.sort(key=lambda place: not swarm.members[place].complete)  # who dials in order
        return tuple(
            [Contact(swarm.members[place].peer_id, place.host, place.port) for place in chosen]
        )

    def _expire(self, now: float, swarm_id: bytes) -> None:
        swarm = self._swarms.get(swarm_id)
        if swarm is not None:
            swarm.expire(now)
            if not swarm.members:
                del self._swarms[swarm_id]

    def _expire_all(self, now: float) -> None:
        for swarm_id in list(self._swarms):
            self._expire(now, swarm_id)
