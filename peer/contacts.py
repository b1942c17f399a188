"""Peers that could be dialled: told of by the tracker, or by neighbours.

It remembers within bounds and forgets who is handed out; it dials nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from net.seam import Address
from wire.message import Contact

MAX_CONTACTS = 1000  # peers remembered
MAX_HEARSAY = 500  # of them, no more are taken in from neighbours


class Contacts:
    """Addresses of peers.

    Always true: at most `MAX_CONTACTS`, no two with one address, and never ourselves.
    """

    def __init__(self, own_id: bytes) -> None:
        self._own_id = own_id
        self._contacts: dict[Address, Contact] = {}

    def __len__(self) -> int:
        return len(self._contacts)

    def remember(self, contacts: Iterable[Contact]) -> None:
        """The tracker tells us of peers."""
        for contact in contacts:
            if contact.peer_id != self._own_id and len(self._contacts) < MAX_CONTACTS:
                self._contacts[Address(contact.host, contact.port)] = contact

    def hear_of(self, contacts: Iterable[Contact], known: Collection[bytes]) -> None:
        """A neighbour tells us of peers: remember strangers, but leave room for the tracker's."""
        room = max(0, MAX_HEARSAY - len(self._contacts))
        self.remember([each for each in contacts if each.peer_id not in known][:room])

    def clear(self) -> None:
        """Forget everybody."""
        self._contacts.clear()

    def take(self, known: Collection[bytes]) -> Address | None:
        """Hand out, and forget, the oldest contact whose id is not among `known`."""
        while self._contacts:
            address = next(iter(self._contacts))
            if self._contacts.pop(address).peer_id not in known:
                return address
        return None
