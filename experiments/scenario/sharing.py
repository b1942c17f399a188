"""The section of a scenario that tells how viewers of a video share it among each other.

It holds what was asked; whether it can be run is checked with the rest of the scenario.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from experiments.quantities import Duration, Size
from peer.web_policy import find_web_policy


class Viewers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How viewers share segments in the models `video-p2p` and `video-hybrid`.

    Each segment is cut into equal chunks, none above `chunk`. What is played within `urgent` and
    has not come is fetched from the edge; the rest as the web seed `policy` says. What was
    watched is kept for others until it lies `behind`. The tracker introduces viewers to `anyone`,
    or to those of the `same-network` first.
    """

    chunk: Size = Size(64 * 1024)
    urgent: Duration = Duration(3)
    behind: Duration = Duration(60)
    policy: str = "take-turns"
    neighbours: Literal["anyone", "same-network"] = "anyone"

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the fix of each thing that cannot be."""
        if not 1024 <= self.chunk <= 16 * 2**20:
            yield "viewers.chunk", "must be between 1KiB and 16MiB"
        for key in ("urgent", "behind"):
            if getattr(self, key) < 0:
                yield f"viewers.{key}", "must not be below 0s"
        try:
            find_web_policy(self.policy)
        except ValueError as error:
            yield "viewers.policy", str(error)
