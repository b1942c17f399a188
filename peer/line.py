"""The speaking half of a connection: what is owed to a neighbour goes out, words before chunks.

It refuses to know what is heard, whom else we talk to, and why something is owed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import trio

from peer.neighbour import Neighbour
from peer.swarm import Swarm
from wire.channel import Channel
from wire.message import Chunk


@dataclass(eq=False, slots=True)
class Line:
    """How to speak to a neighbour, and how to hang up.

    Always true: while `speaking`, a task or the end of a chunk under way goes on until nothing is
    owed; nobody else sends meanwhile.
    """

    neighbour: Neighbour
    channel: Channel
    swarm: Swarm
    nursery: trio.Nursery
    sent: Callable[[], None]
    """To be called when a chunk has gone, for then others may be owed something."""
    lost: Callable[[Line, str], None]
    """To be called when the connection breaks, with the reason."""
    dialled: bool  # by us
    here: bool  # on our own host, where all peers have one address
    since: float
    speaking: bool = False
    ended: bool = False  # the neighbour is none any more

    def speak(self) -> None:
        """Say what there is to say: at once if that can be, or in a task."""
        if self.speaking:
            return
        neighbour = self.neighbour
        said = not neighbour.outbox or self._send_now()
        if said and neighbour.sending is None:
            return
        self.speaking = True
        if not (said and self.channel.immediate and self._send_chunk_now()):
            self.nursery.start_soon(self._write)

    def _send_now(self) -> bool:
        """Send what the outbox holds, and the news, without waiting; or leave it all there."""
        neighbour = self.neighbour
        self.swarm.news.put(neighbour)
        if not self.channel.send_now(*neighbour.outbox):
            return False
        neighbour.outbox = []
        neighbour.spoke = trio.current_time()
        return True

    def _send_chunk_now(self) -> bool:
        """Send a chunk without a task; what there is to say meanwhile is said after it."""
        index = self.neighbour.sending
        if index is None:
            return False
        payload = self.swarm.store.read(index)

        def go_on() -> None:
            self.speaking = False
            if not self.ended:
                self.swarm.sent_chunk(self.neighbour, len(payload), trio.current_time())
                self.speak()
                self.sent()

        return self.channel.send_then(Chunk(index, payload), go_on)

    async def _write(self) -> None:
        """Send what there is to say, control messages before chunks."""
        neighbour, channel, swarm = self.neighbour, self.channel, self.swarm
        try:
            while neighbour.outbox or neighbour.sending is not None:
                if neighbour.outbox:
                    swarm.news.put(neighbour)
                    messages, neighbour.outbox = neighbour.outbox, []
                    neighbour.spoke = trio.current_time()
                    await channel.send(*messages)
                elif neighbour.sending is not None:
                    payload = swarm.store.read(neighbour.sending)
                    await channel.send(Chunk(neighbour.sending, payload))
                    swarm.sent_chunk(neighbour, len(payload), trio.current_time())
                    self.sent()
        except trio.BrokenResourceError as error:
            self.lost(self, str(error) or type(error).__name__)
        self.speaking = False
