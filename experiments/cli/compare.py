"""`swarmbed compare`: every model at every number of clients, on the same hosts and seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from cyclopts import Parameter

from experiments import units
from experiments.cli.campaign import Campaign
from experiments.cli.errors import CommandError
from experiments.cli.options import Json, OnNetwork, Quiet

if TYPE_CHECKING:
    from experiments.scenario import Scenario

T = TypeVar("T")
_FLAGS = {
    "content.file": "--file",
    "content": "--file or --size",
    "content.chunk_size": "--chunk-size",
    "clients": "--clients",
    "clients[0].count": "--clients",
    "edges.count": "--edges",
    "network.segment": "--segment",
    "model": "--models",
}


def compare(
    *,
    file: Annotated[Path | None, Parameter(help="Deliver this file.")] = None,
    size: Annotated[str | None, Parameter(help="Deliver this many bytes (default 16MiB).")] = None,
    clients: Annotated[str, Parameter(help="Numbers of clients.")] = "1,2,5,10,20,50,100",
    models: Annotated[
        str, Parameter(help="Delivery models.")
    ] = "client-server,p2p,cdn-pull,cdn-push,hybrid",
    network: OnNetwork = "virtual",
    seed: Annotated[int, Parameter(help="Same seed, same event log.")] = 1,
    server_up: Annotated[str, Parameter(help="The server's uplink.")] = "50Mbps",
    up: Annotated[str, Parameter(help="Each client's uplink.")] = "10Mbps",
    down: Annotated[str, Parameter(help="Each client's downlink.")] = "50Mbps",
    edge_up: Annotated[str, Parameter(help="Each edge's uplink and downlink.")] = "50Mbps",
    rtt: Annotated[str, Parameter(help="Round trip to the server.")] = "40ms",
    edges: Annotated[int, Parameter(help="How many edges, one per region.")] = 4,
    chunk_size: Annotated[str, Parameter(help="Chunk of the swarm.")] = "64KiB",
    segment: Annotated[
        str, Parameter(help="Segment the links serve: fidelity or speed.")
    ] = "16KiB",
    out: Annotated[Path, Parameter(help="Results directory, replaced.")] = Path("results/compare"),
    jobs: Annotated[
        int | None, Parameter(help="Virtual runs at a time (default: one per core).")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Compare how long client-server, P2P, CDN and hybrid take, next to the theoretical limit.

    Prints a table and writes a results directory with two figures.
    """
    from experiments.scenario import (
        Clients,
        Content,
        Duration,
        Edges,
        Network,
        Rate,
        Scenario,
        Server,
        Size,
    )  # fmt: skip

    if file is not None and size is not None:
        raise CommandError("give either --file or --size")
    content = Content(
        file=None if file is None else str(file.resolve()),
        size=None
        if file is not None
        else Size(read_quantity("--size", units.parse_size, size or "16MiB")),
        chunk_size=Size(read_quantity("--chunk-size", units.parse_size, chunk_size)),
    )
    group = Clients(
        count=1,
        up=Rate(read_quantity("--up", units.parse_rate, up)),
        down=Rate(read_quantity("--down", units.parse_rate, down)),
    )
    base = Scenario(
        name="compare",
        model="client-server",
        seed=seed,
        content=content,
        server=Server(up=Rate(read_quantity("--server-up", units.parse_rate, server_up))),
        clients=[group],
        edges=Edges(count=edges, up=Rate(read_quantity("--edge-up", units.parse_rate, edge_up))),
        network=Network(
            rtt=Duration(read_quantity("--rtt", units.parse_duration, rtt)),
            segment=Size(read_quantity("--segment", units.parse_size, segment)),
        ),
    )
    campaign = plan(
        base, _names(models), _counts(clients), network=network, out=out, jobs=jobs,
        json=json, quiet=quiet,
    )  # fmt: skip
    return campaign.carry_out()


def plan(
    base: Scenario,
    names: list[str],
    counts: list[int],
    *,
    network: Literal["virtual", "loopback"],
    out: Path,
    jobs: int | None,
    json: bool,
    quiet: bool,
) -> Campaign:
    """Return the campaign that varies `base` by model and number of clients.

    Raises:
        CommandError: something in it cannot be run; names the flag.
    """
    from experiments.comparison import Plan
    from experiments.models import models
    from experiments.scenario import problems

    scenarios = Plan(base, names, counts).scenarios()
    for scenario in scenarios:
        for key, problem in problems(scenario, tuple(models())):
            raise CommandError(f"{_FLAGS.get(key, key)}: {problem}")
    if jobs is not None and jobs < 1:
        raise CommandError(f"--jobs: {jobs} is below 1")
    return Campaign(
        title=f"{network} network, seed {base.seed}",
        base=base,
        scenarios=scenarios,
        network=network,
        out=out,
        jobs=jobs,
        json=json,
        quiet=quiet,
    )


def read_quantity(flag: str, parse: Callable[[str], T], text: str) -> T:
    """Return the quantity that `text` gives for `flag`.

    Raises:
        CommandError: it is none; names the flag.
    """
    try:
        return parse(text)
    except units.UnitError as error:
        raise CommandError(f"{flag}: {error}") from error


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _counts(text: str) -> list[int]:
    try:
        return sorted({int(count) for count in text.split(",")})
    except ValueError as error:
        raise CommandError(f"--clients: '{text}' is not a list like 1,5,20") from error
