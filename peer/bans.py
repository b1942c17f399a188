"""Who is banned: addresses that sent chunks which do not match their hashes.

It remembers within bounds; hanging up and refusing are the node's.
"""

from __future__ import annotations

from net.seam import Address

MAX_BANS = 1000
_ANY_PORT = -1


class Bans:
    """Addresses to have nothing to do with.

    Always true: at most `MAX_BANS`; when there are more, the oldest is forgotten.
    """

    def __init__(self) -> None:
        self._banned: dict[Address, None] = {}

    def __len__(self) -> int:
        return len(self._banned)

    def __contains__(self, address: Address) -> bool:
        return address in self._banned or Address(address.host, _ANY_PORT) in self._banned

    def add(self, address: Address, *, whole_host: bool) -> None:
        """Ban one peer, or every peer on its host, for it could come back on another port."""
        self._banned.pop(address, None)
        self._banned[Address(address.host, _ANY_PORT) if whole_host else address] = None
        if len(self._banned) > MAX_BANS:
            del self._banned[next(iter(self._banned))]

    def whole_host(self, host: str) -> bool:
        """Whether every peer on `host` is banned."""
        return Address(host, _ANY_PORT) in self._banned
