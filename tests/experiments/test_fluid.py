"""The fluid model's arithmetic, and a swarm beside it."""

from __future__ import annotations

import pytest

from experiments import fluid, runner
from experiments.scenario import (
    AfterSeeding,
    Arrival,
    Clients,
    Content,
    Departure,
    Duration,
    FlashCrowd,
    Never,
    OnCompletion,
    Poisson,
    Rate,
    Scenario,
    Server,
    Size,
)

SIZE = 2_000_000  # 8 s through 2 Mb/s
EVERY_HALF_SECOND = Poisson(mean_gap=Duration(0.5))


def scenario(
    departure: Departure,
    *,
    arrival: Arrival = EVERY_HALF_SECOND,
    server_up: float = 2e6,
    down: float = 8e6,
    access: dict[str, float] | None = None,
) -> Scenario:
    """Return eighty clients with 2 Mb/s up who come twice a second."""
    return Scenario(
        name="fluid",
        model="p2p",
        horizon=Duration(3600),
        content=Content(size=Size(SIZE), chunk_size=Size(16 * 1024)),
        server=Server(up=Rate(server_up)),
        clients=[
            Clients(
                count=80,
                up=Rate(2e6),
                down=Rate(down),
                access=access or {},
                arrival=arrival,
                departure=departure,
            )
        ],
    )


@pytest.mark.parametrize(
    ("seeding", "server_up", "down", "seconds"),
    [
        (0.0, 2e6, 8e6, 8 - 0.5),  # the server gives each who comes half a second's worth
        (3.0, 2e6, 8e6, 8 - 3 - 0.5),
        (3.0, 8e6, 8e6, 8 - 3 - 2),
        (3.0, 2e6, 2.5e6, 6.4),  # the downlink decides
        (100.0, 2e6, 8e6, 2.0),
    ],
)
def test_the_steady_state(seeding: float, server_up: float, down: float, seconds: float) -> None:
    """T = max{ 1 / c, 1 / m - 1 / g - s / (l m) }, and Little's law for the rest."""
    asked = scenario(AfterSeeding(seeding=Duration(seeding)), server_up=server_up, down=down)
    got = fluid.steady_state(asked, SIZE)
    assert got is not None
    assert got.download_time == pytest.approx(seconds)
    assert got.downloaders == pytest.approx(seconds / 0.5)
    assert got.seeds == pytest.approx(seeding / 0.5)


@pytest.mark.parametrize(
    "asked",
    [
        scenario(Never()),
        scenario(OnCompletion(), arrival=FlashCrowd()),
        scenario(OnCompletion(), access={"dsl": 1.0}),
    ],
)
def test_other_populations_have_no_steady_state(asked: Scenario) -> None:
    """Seeds that pile up, a crowd at once, and unequal lines are not the model's case."""
    assert fluid.steady_state(asked, SIZE) is None


def test_the_first_to_come_are_left_out() -> None:
    """A third of the clients finds a swarm that is not yet steady."""
    waits = {"a": 100.0, "b": 4.0, "c": 6.0}
    assert fluid.measured(waits, ["a", "b", "c"]) == 5.0
    assert fluid.measured({"a": 100.0}, ["a", "b", "c"]) is None


@pytest.mark.parametrize("seeding", [1.0, 3.0])
def test_a_swarm_comes_near_the_model(seeding: float) -> None:
    """Slower than the fluid, which knows no chunks, but by less than four tenths."""
    swarm = runner.run(scenario(AfterSeeding(seeding=Duration(seeding)))).swarm
    assert swarm is not None
    assert swarm.fluid_s is not None
    assert swarm.steady_mean_s is not None
    assert swarm.fluid_s == pytest.approx(7.5 - seeding)
    assert 1.0 < swarm.steady_mean_s / swarm.fluid_s < 1.4
