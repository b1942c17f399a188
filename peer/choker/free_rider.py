"""The choker of a peer that takes and gives nothing.

It looks at nothing.
"""

from __future__ import annotations

from peer.view import NeighbourView, RoundView


class FreeRider:
    """Serve nobody, ever: neither while downloading nor afterwards.

    Source: Locher, Moor, Schmid and Wattenhofer, "Free Riding in BitTorrent is Cheap"
    (HotNets 2006), without its tricks.
    """

    when_complete = "free-rider"

    def choose(self, view: RoundView) -> list[NeighbourView]:  # noqa: ARG002 - part of the protocol
        """Return nobody."""
        return []
