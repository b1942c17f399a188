"""What a delivery model is: a name, a bound, and nodes put on a stage.

It knows no particular model.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from experiments.stage import Stage
from experiments.world import World


class Model(Protocol):
    """One way to bring a file from the server to all clients."""

    name: str
    rank: int

    def bound(self, world: World, size: int) -> float:
        """Return the least time, in seconds, in which all clients can have `size` bytes."""

    async def deploy(self, stage: Stage) -> None:
        """Start the nodes, then demand, then one fetch per client."""


REGISTERED: dict[str, Model] = {}
_M = TypeVar("_M", bound=type[Model])


def register(model: _M) -> _M:
    """Make a model known under its name."""
    REGISTERED[model.name] = model()
    return model
