"""A peer's side of its trackers: one announce per call, to the first that helps.

It knows how to ask, not when; the caller keeps the interval and retries with back-off.
"""

from __future__ import annotations

from collections.abc import Sequence

import trio

from net.seam import Address, Network
from wire.announce import DEFAULT_NUMWANT, MAX_REPLY_BYTES, Announce, AnnounceReply, Event
from wire.errors import ProtocolError
from wire.http.client import HttpConnection

TIMEOUT = 15.0
"""Seconds for one announce, dialling included."""


class AnnounceError(Exception):
    """The tracker did not answer as one should; the text says who and why."""


class Announcer:
    """Announces one peer of one swarm to one tracker."""

    def __init__(
        self, network: Network, tracker: Address, *, swarm_id: bytes, peer_id: bytes, port: int
    ) -> None:
        """Announce that the peer listens on `port`."""
        self._network = network
        self._tracker = tracker
        self._swarm_id = swarm_id
        self._peer_id = peer_id
        self._port = port

    async def announce(
        self,
        event: Event = Event.NONE,
        *,
        left: int,
        uploaded: int = 0,
        downloaded: int = 0,
        numwant: int = DEFAULT_NUMWANT,
    ) -> AnnounceReply:
        """Tell the tracker how far the peer is (in bytes) and return whom else it knows.

        Raises:
            AnnounceError: the tracker cannot be reached, refuses, or answers nonsense.
        """
        question = Announce(
            swarm_id=self._swarm_id,
            peer_id=self._peer_id,
            port=self._port,
            left=left,
            event=event,
            uploaded=uploaded,
            downloaded=downloaded,
            numwant=numwant,
        )
        try:
            with trio.fail_after(TIMEOUT):
                return await self._ask(question.target())
        except trio.TooSlowError:
            reason = f"no answer within {TIMEOUT:g} s"
        except (OSError, trio.BrokenResourceError, ProtocolError) as error:
            reason = str(error) or type(error).__name__
        raise AnnounceError(f"tracker {self._tracker}: {reason}")

    async def _ask(self, target: str) -> AnnounceReply:
        stream = await self._network.dial(self._tracker)
        connection = HttpConnection(stream, str(self._tracker), timeout=TIMEOUT)
        try:
            async with connection.request("GET", target) as response:
                body = await response.read(MAX_REPLY_BYTES)
        finally:
            await connection.aclose()
        if response.status != 200:
            text = body[:200].decode("ascii", "replace").strip()
            raise ProtocolError(text or f"status {response.status}")
        return AnnounceReply.decode(body)


class Announcers:
    """Several trackers of one swarm, asked in the order given (after BEP 12).

    The first is always tried first: so peers that had to turn elsewhere meet there again.
    """

    def __init__(self, announcers: Sequence[Announcer]) -> None:
        """Announce to `announcers`, of which there is at least one."""
        self._announcers = announcers

    async def announce(
        self,
        event: Event = Event.NONE,
        *,
        left: int,
        uploaded: int = 0,
        downloaded: int = 0,
        numwant: int = DEFAULT_NUMWANT,
    ) -> AnnounceReply:
        """Tell one tracker after another until one answers with peers, if peers are wanted.

        Returns:
            That answer, or the first without peers if there is none.

        Raises:
            AnnounceError: no tracker answered; says why for each.
        """
        empty: list[AnnounceReply] = []
        failures: list[str] = []
        for announcer in self._announcers:
            try:
                reply = await announcer.announce(
                    event, left=left, uploaded=uploaded, downloaded=downloaded, numwant=numwant
                )
            except AnnounceError as error:
                failures.append(str(error))
                continue
            if reply.peers or not numwant:
                return reply
            empty.append(reply)
        if empty:
            return empty[0]
        raise AnnounceError("; ".join(failures))
