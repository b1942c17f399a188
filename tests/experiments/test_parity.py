"""The same scenario emulated and on real loopback TCP."""

from __future__ import annotations

import statistics

import pytest

from experiments import runner
from experiments.scenario import Clients, Content, Edges, Rate, Scenario, Server, Size


@pytest.mark.parametrize("model", ["client-server", "p2p", "cdn-pull", "cdn-push"])
def test_both_networks_take_as_long(model: str) -> None:
    """Median completion within 10 %, in runs whose links kept their rates."""
    rate = Rate(20e6)
    asked = Scenario(
        name="parity",
        model=model,
        content=Content(size=Size(2 * 2**20)),
        server=Server(up=rate),
        clients=[Clients(count=3, up=rate, down=rate)],
        edges=Edges(count=2, up=rate),
    )
    emulated, real = runner.run(asked), runner.run(asked, "loopback")
    assert len(real.times) == 3
    assert real.failures == []
    if not real.metrics.valid:
        pytest.skip(f"this machine was too busy: {'; '.join(real.calibration.reasons)}")
    assert statistics.median(real.times) == pytest.approx(
        statistics.median(emulated.times), rel=0.10
    )
