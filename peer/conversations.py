"""What a peer hears from its neighbours and says to them, each conversation from hello to goodbye.

It refuses to know who is dialled, let in, or told of by trackers, and decides nothing about chunks.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from math import inf

import trio

from net.trace import Trace
from peer.bans import Bans
from peer.contacts import Contacts
from peer.line import Line
from peer.neighbour import Neighbour
from peer.swarm import CorruptChunkError, Swarm
from wire.channel import Channel
from wire.errors import ProtocolError
from wire.message import Message, PeerExchange


class Conversations:
    """The conversations of one peer.

    Always true: `lines` has each neighbour that was not hung up on, oldest first; after each call
    what the swarm has to say to them is said, or left to a line that goes on.
    """

    def __init__(
        self,
        swarm: Swarm,
        *,
        bans: Bans,
        contacts: Contacts,
        completed: trio.Event,
        trace: Trace,
    ) -> None:
        """`completed` is set when the store is; who misbehaves goes to `bans`."""
        self.lines: dict[Neighbour, Line] = {}
        self._swarm = swarm
        self._store = swarm.store
        self._bans = bans
        self._contacts = contacts
        self._completed = completed
        self._trace = trace
        self._alarm = trio.CancelScope()
        self._alarm_at = inf  # its deadline, which costs more to ask for

    async def hold(
        self, neighbour: Neighbour, channel: Channel, *, dialled: bool, here: bool
    ) -> None:
        """Exchange messages with a neighbour that has shaken hands, to the end of the connection.

        `dialled` is whether by us; `here` whether it is on our own host.
        """
        self._trace("neighbour_connected", neighbour=neighbour.name)
        try:
            async with trio.open_nursery() as nursery:
                line = self.lines[neighbour] = Line(
                    neighbour, channel, self._swarm, nursery,
                    sent=self.speak, lost=self.hang_up,
                    dialled=dialled, here=here, since=trio.current_time(),
                )  # fmt: skip
                self._swarm.join(neighbour)
                self.speak()
                self.hang_up(line, await self._read(line))
        finally:
            self._forget(neighbour)
            self._swarm.leave(neighbour, trio.current_time())
            self.speak()

    def hang_up(self, line: Line, reason: str) -> None:
        """End a conversation, unless that has been done."""
        if self._forget(line.neighbour):
            self._trace("neighbour_lost", neighbour=line.neighbour.name, reason=reason)
            line.nursery.cancel_scope.cancel()

    def _forget(self, neighbour: Neighbour) -> bool:
        """Speak to this neighbour no more; returns whether we did so far."""
        line = self.lines.pop(neighbour, None)
        if line is None:
            return False
        line.ended = True
        return True

    def _ban(self, line: Line) -> None:
        """Have nothing to do with this neighbour from now on, whichever connection it uses."""
        self._bans.add(line.neighbour.address, whole_host=not line.here)
        self._trace("neighbour_banned", neighbour=line.neighbour.name)
        for each in list(self.lines.values()):
            if each is not line and each.neighbour.address in self._bans:
                self.hang_up(each, "banned")

    async def _read(self, line: Line) -> str:
        """Act on messages until the connection ends; returns why it did."""
        try:
            await line.channel.receive_each(partial(self._hear, line.neighbour))
        except CorruptChunkError as error:
            self._ban(line)
            return error.reason
        except ProtocolError as error:
            return error.reason
        except trio.EndOfChannel:
            return "closed by the neighbour"
        except trio.BrokenResourceError as error:
            return str(error) or type(error).__name__
        return "both have everything"

    def _hear(self, neighbour: Neighbour, messages: Iterable[Message]) -> bool:
        """Act on messages that came together; returns whether nothing is left to be said."""
        swarm, now = self._swarm, trio.current_time()
        for message in messages:
            if isinstance(message, PeerExchange):
                if not self._store.complete:
                    known = {each.peer_id for each in self.lines}
                    self._contacts.hear_of(message.added, known)
                neighbour.heard = now
            else:
                swarm.receive(neighbour, message, now)
        if swarm.wake_at <= now:
            swarm.tick(now)
        self.speak()
        if not self._store.complete:
            return False
        self._note_completion()
        return swarm.useless(neighbour)

    def speak(self) -> None:
        """See to it that everything the swarm has to say is said."""
        if self._swarm.touched:
            touched, self._swarm.touched = self._swarm.touched, {}
            for neighbour in touched:
                line = self.lines.get(neighbour)
                if line is not None:
                    line.speak()
        if self._swarm.wake_at < self._alarm_at:
            self._alarm_at = self._swarm.wake_at
            self._alarm.cancel()

    def settle(self) -> None:
        """Chunks came, or will not come, from a web seed."""
        self.speak()
        if self._store.complete:
            self._note_completion()

    def _note_completion(self) -> None:
        if self._completed.is_set():
            return
        self._completed.set()
        self._trace("download_completed", bytes=self._store.manifest.size)
        self._contacts.clear()
        for line in list(self.lines.values()):
            if self._swarm.useless(line.neighbour):
                self.hang_up(line, "both have everything")

    async def keep_time(self) -> None:
        """Wake the swarm when it is due, until cancelled."""
        while True:
            self._alarm_at = self._swarm.wake_at
            with trio.CancelScope(deadline=self._alarm_at) as self._alarm:
                await trio.sleep_forever()
            self._swarm.tick(trio.current_time())
            self.speak()
