"""Figures: the same bytes for the same numbers, and no numbers that break them."""

from __future__ import annotations

import pytest

from experiments import figures
from experiments.figures import Series

CURVES = [
    Series("client-server", [1, 5, 10], [2.0, 9.0, 18.0], [1.9, 8.9, 17.9]),
    Series("p2p", [1, 5, 10], [2.0, 3.0, 4.0], [1.9, 2.5, 3.0]),
]


def test_equal_numbers_give_equal_bytes() -> None:
    """No date, no random ids: a figure can be compared by its hash."""
    first, second = (figures.delivery_times(CURVES, caption="x") for _ in range(2))
    assert first == second
    assert first["png"].startswith(b"\x89PNG")
    assert b"<svg" in first["svg"]
    assert b"<dc:date>" not in first["svg"]


@pytest.mark.parametrize(
    "times", [{"p2p": [1.0, 2.0, 2.0]}, {"p2p": [1.0]}, {"new-model": [1.0], "p2p": [0.5, 4.0]}]
)
def test_the_cdf_takes_few_clients_and_new_models(times: dict[str, list[float]]) -> None:
    """One client, equal times and models without a colour of their own are drawn too."""
    drawn = figures.completion_cdf(times, clients=3, caption="x")
    assert drawn == figures.completion_cdf(times, clients=3, caption="x")
