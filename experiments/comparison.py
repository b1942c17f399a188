"""Many runs of one experiment: every model at every number of clients, side by side.

It plans runs, spreads them over processes and turns outcomes into figures; it runs nothing itself.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from msgspec.structs import replace

from experiments import figures, runner
from experiments.figures import Series
from experiments.runner import NetworkName, Outcome
from experiments.scenario import Scenario


@dataclass(frozen=True)
class Plan:
    """What is compared: a base scenario, and the models and numbers of clients to vary it by."""

    base: Scenario
    models: Sequence[str]
    clients: Sequence[int]

    def scenarios(self) -> list[Scenario]:
        """Return one scenario per model and number of clients, in the order of the table."""
        group = self.base.clients[0]
        return [
            replace(
                self.base,
                name=f"{self.base.name}-{model}-{count}",
                model=model,
                clients=[replace(group, count=count)],
            )
            for model in self.models
            for count in self.clients
        ]


def outcomes(
    scenarios: Sequence[Scenario], network: NetworkName, jobs: int
) -> Iterator[tuple[int, Outcome]]:
    """Yield each scenario's index and outcome as it ends; the outcome does not depend on `jobs`.

    Runs in real time go one after another: they would disturb each other.
    """
    if network == "loopback" or jobs == 1 or len(scenarios) == 1:
        for index, scenario in enumerate(scenarios):
            yield index, runner.run(scenario, network)
        return
    context = multiprocessing.get_context("spawn")
    heaviest_first = sorted(enumerate(scenarios), key=lambda item: -item[1].client_count)
    with ProcessPoolExecutor(jobs, context, initializer=_die_quietly) as pool:
        try:
            submitted = {
                pool.submit(runner.run, scenario, network): index
                for index, scenario in heaviest_first
            }
            for future in as_completed(submitted):
                yield submitted[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def draw(done: Sequence[Outcome], base: Scenario, *, network: NetworkName) -> dict[str, bytes]:
    """Return the figures of `done` by file name: delivery times if N varies, and the CDF."""
    served = [outcome for outcome in done if outcome.times]
    if not served:
        return {}
    caption = describe(base, served[0].size, network)
    named: dict[str, dict[str, bytes]] = {}
    counts = sorted({outcome.metrics.clients for outcome in served})
    if len(counts) > 1:
        named["delivery-time"] = figures.delivery_times(_series(served), caption=caption)
    most: dict[str, list[float]] = {}  # of several seeds, all times together
    for outcome in served:
        if outcome.metrics.clients == counts[-1]:
            model = outcome.metrics.model
            most[model] = sorted([*most.get(model, ()), *outcome.times])
    named["completion-cdf"] = figures.completion_cdf(most, clients=counts[-1], caption=caption)
    return {f"{name}.{form}": data for name, forms in named.items() for form, data in forms.items()}


def _series(served: Sequence[Outcome]) -> list[Series]:
    series = []
    for model in dict.fromkeys(outcome.metrics.model for outcome in served):
        own = sorted(
            (o for o in served if o.metrics.model == model), key=lambda o: o.metrics.clients
        )
        series.append(
            Series(
                model,
                clients=[o.metrics.clients for o in own],
                last=[o.times[-1] for o in own],
                bound=[o.metrics.bound_s for o in own],
            )
        )
    return series


def describe(base: Scenario, size: int, network: NetworkName) -> str:
    """Return the hosts, links and file of `base` in one line, for below a title."""
    group = base.clients[0]
    parts = [
        _size(size),
        f"server {_rate(base.server.up)} up",
        f"clients {_rate(group.up)} up, {_rate(group.down)} down",
        f"{base.edges.count} edges {_rate(base.edges.up)} up",
        f"RTT {base.network.rtt * 1e3:g} ms",
        network,
    ]
    return " · ".join(parts)


def _rate(rate: float) -> str:
    return "unlimited" if rate == float("inf") else f"{rate / 1e6:.4g} Mb/s"


def _size(size: int) -> str:
    whole, rest = divmod(size, 2**20)
    return f"{size / 1e6:.3g} MB" if rest else f"{whole} MiB"


def _die_quietly() -> None:
    """Let Ctrl-C end a worker without a traceback; the parent tells what was kept."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
