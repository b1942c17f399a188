"""The registry of models, and the bound each states for a world."""

from __future__ import annotations

import pytest

from experiments import world
from experiments.models import models
from experiments.scenario import Clients, Content, Edges, Rate, Scenario, Server, Size

MBIT = 1_000_000


def test_models_are_found_by_name_the_textbooks_first() -> None:
    """A module in the package is enough to be known."""
    assert tuple(models())[:4] == ("client-server", "p2p", "cdn-pull", "cdn-push")
    assert all(model.name == name for name, model in models().items())


@pytest.mark.parametrize(
    ("model", "seconds"),
    [
        ("client-server", 6 * 8 / 20),  # six copies through 20 Mb/s
        ("p2p", 6 * 8 / (20 + 6 * 5)),  # six copies through all uplinks
        ("cdn-pull", 2 * 8 / 20),  # two fills through 20 Mb/s, slower than serving
        ("cdn-push", 3 * 8 / 40),  # three clients at an edge of 40 Mb/s
    ],
)
def test_each_model_states_its_bound(model: str, seconds: float) -> None:
    """8 Mb to six clients, by hand."""
    built = world.build(
        Scenario(
            name="bound",
            model=model,
            content=Content(size=Size(MBIT)),
            server=Server(up=Rate(20 * MBIT)),
            clients=[Clients(count=6, up=Rate(5 * MBIT), down=Rate(100 * MBIT))],
            edges=Edges(count=2, up=Rate(40 * MBIT)),
        )
    )
    assert models()[model].bound(built, MBIT) == pytest.approx(seconds)
