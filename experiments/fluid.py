"""The fluid model of a swarm whose members come and go (Qiu & Srikant, SIGCOMM 2004).

Pure arithmetic on a scenario; it runs nothing. Sizes are bytes, rates bit/s, times seconds.

With x downloaders and y seeds, arrivals at rate l, up- and download bandwidths m and c in files
per second, seeds that leave at rate g, and effectiveness e of sharing between downloaders:

    dx/dt = l - min{ c x , m (e x + y) + s }        dy/dt = min{ ... } - g y

Nobody gives up. The term s, the files per second of a server that never leaves, is ours; with
s = 0 it is the paper's model. In the steady state y = l / g, and by Little's law the mean download
time is x / l:

    T = max{ 1 / c , (1 / e) (1 / m - 1 / g - s / (l m)) }
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.bounds import transfer_time
from experiments.population import Poisson, stay
from experiments.scenario import Scenario

EFFECTIVENESS = 1.0
"""The share of a downloader's uplink that finds a taker: about 1 with many chunks (section 3.3)."""
WARM_UP = 1 / 3
"""The share of the clients, the first to come, that find no steady state yet."""


@dataclass(frozen=True, slots=True)
class SteadyState:
    """What the model says: the mean download time, and how many download and seed on average."""

    download_time: float
    downloaders: float
    seeds: float


def steady_state(scenario: Scenario, size: int) -> SteadyState | None:
    """Return the model's steady state for a file of `size` bytes, None where it has none.

    It needs one group of equal clients that come by a Poisson process and leave some time.
    """
    if len(scenario.clients) != 1 or scenario.model != "p2p":
        return None
    (group,) = scenario.clients
    seeding = stay(group.departure)
    if not isinstance(group.arrival, Poisson) or group.access or seeding is None:
        return None
    gap = group.arrival.mean_gap
    uploading = (
        transfer_time(size, group.up) - seeding - gap * scenario.server.up / group.up
    ) / EFFECTIVENESS
    download_time = max(transfer_time(size, group.down), uploading)
    return SteadyState(download_time, download_time / gap, seeding / gap)


def measured(waits: Mapping[str, float], clients: Sequence[str]) -> float | None:
    """Return the mean of `waits` over those of `clients`, in order of arrival, after warm-up."""
    late = clients[round(WARM_UP * len(clients)) :]
    times = [waits[client] for client in late if client in waits]
    return sum(times) / len(times) if times else None
