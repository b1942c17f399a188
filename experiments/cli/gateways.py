"""Web caches on real sockets, one process each: edge, proxy.

They run until Ctrl-C or SIGTERM and bind to loopback unless told otherwise. What they do is the
roles' business; here they are only given a network, a place to store, and a voice.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

from cyclopts import Parameter

from experiments import units
from experiments.cli import process, show
from experiments.cli.errors import CommandError
from experiments.cli.options import Host, Port, Quiet, Verbose

if TYPE_CHECKING:
    import trio

    from cdn.cache import Admits, Cache, Shelf
    from cdn.eviction import Eviction
    from cdn.tally import Tally
    from cdn.web_cache import WebCache
    from net.seam import Address, Network
    from net.trace import Trace

LOOPBACK = "127.0.0.1"

_Listen = Annotated[
    str | None, Parameter(help="HOST:PORT to bind to, instead of --host and --port.")
]
_Capacity = Annotated[str, Parameter(help="Bytes to cache.")]
_Store = Annotated[
    Path | None,
    Parameter(help="Directory to cache in; it survives the process. [default: in memory]"),
]
_Policy = Annotated[str, Parameter(help="Eviction policy, by name or as path/to/file.py:Class.")]
_Admission = Annotated[
    str,
    Parameter(help="What may enter: always, second-hit, size-limit=1MiB or probability=0.5."),
]
_AdminAt = Annotated[
    str | None,
    Parameter(name="--admin", help="HOST:PORT on this machine for purging and numbers."),
]


def edge(
    *,
    origin: Annotated[str, Parameter(help="The origin's URL.")],
    listen: _Listen = None,
    host: Host = LOOPBACK,
    port: Port = 8080,
    capacity: _Capacity = "1GiB",
    store: _Store = None,
    policy: _Policy = "lru",
    admission: _Admission = "always",
    slices: Annotated[
        str | None,
        Parameter(name="--slice", help="Fetch and store big objects in pieces, as in 1MiB."),
    ] = None,
    admin: _AdminAt = None,
    placement: Annotated[
        str | None, Parameter(help="HOST:PORT where the origin may PUT objects.")
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Cache an origin: answer what is stored, fetch what is missing once for everyone."""
    from cdn.edge import Edge
    from cdn.url import Url

    at = _address(listen, host, port)
    door = None if placement is None else process.address("--placement", placement, lowest=0)
    piece = None if slices is None else _slice_size(slices)
    try:
        behind = Url.parse(origin).address
    except ValueError as error:
        raise CommandError(f"--origin: {error}") from error
    with _keeping(capacity, store, policy, admission, process.trace("edge", verbose)) as kept:

        async def serve(*, task_status: trio.TaskStatus[Address]) -> None:
            listener = await process.listen(at.host, at.port)
            node = Edge(
                _anywhere(),
                behind,
                name=at.host,
                wall=time.time,
                slice_size=piece,
                **kept.settings(),
            )
            kept.tell(node.cache, quiet=quiet)
            async with _administered(node.web_cache, kept.tally, admin, quiet=quiet) as nursery:
                if door is not None:
                    entrance = await process.listen(door.host, door.port)
                    placed = await nursery.start(node.serve_placement, entrance)
                    show.say(f"placement at http://{placed}/", quiet=quiet)
                await node.serve(listener, task_status=task_status)

        return process.serve_until_stopped(
            serve, lambda here: show.say(f"edge at http://{here}/ before {behind}", quiet=quiet)
        )


def proxy(
    *,
    listen: _Listen = None,
    host: Host = LOOPBACK,
    port: Port = 3128,
    capacity: _Capacity = "1GiB",
    store: _Store = None,
    policy: _Policy = "lru",
    admission: _Admission = "always",
    tunnel_ports: Annotated[
        str, Parameter(help="Ports CONNECT may go to, as in 443,8443.")
    ] = "443",
    admin: _AdminAt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Be a web cache for clients that name it as their proxy: http is cached, https tunnelled."""
    from cdn.proxy import Proxy

    at = _address(listen, host, port)
    ports = _ports(tunnel_ports)
    with _keeping(capacity, store, policy, admission, process.trace("proxy", verbose)) as kept:

        async def serve(*, task_status: trio.TaskStatus[Address]) -> None:
            listener = await process.listen(at.host, at.port)
            name = str(listener.address)
            node = Proxy(
                _anywhere(), name=name, wall=time.time, tunnel_ports=ports, **kept.settings()
            )
            kept.tell(node.cache, quiet=quiet)
            async with _administered(node.web_cache, kept.tally, admin, quiet=quiet):
                await node.serve(listener, task_status=task_status)

        return process.serve_until_stopped(
            serve, lambda here: show.say(f"proxy at http://{here}/", quiet=quiet)
        )


def _slice_size(text: str) -> int:
    try:
        size = int(units.parse_size(text))
    except units.UnitError as error:
        raise CommandError(f"--slice: {error}") from error
    if size < 1024:
        raise CommandError(f"--slice: {text} is below 1KiB")
    return size


class _Settings(TypedDict):
    """What edge and proxy are given alike."""

    capacity: int
    trace: Trace
    eviction: Eviction[str]
    admits: Admits | None
    shelf: Shelf | None


@dataclass(frozen=True)
class _Kept:
    """Where and how responses are kept, and who counts what happens to them."""

    eviction: Eviction[str]
    admits: Admits | None
    store: Path | None
    shelf: Shelf | None
    tally: Tally

    def settings(self) -> _Settings:
        """Return this as arguments."""
        return {
            "capacity": self.eviction.capacity,
            "trace": self.tally,
            "eviction": self.eviction,
            "admits": self.admits,
            "shelf": self.shelf,
        }

    def tell(self, cache: Cache, *, quiet: bool) -> None:
        """Say what an earlier life has left."""
        if self.store is not None:
            found = f"{len(cache)} objects, {cache.used} bytes"
            show.say(f"store    {self.store}: {found}", quiet=quiet)


@contextmanager
def _keeping(
    capacity: str, store: Path | None, policy: str, admission: str, trace: Trace
) -> Iterator[_Kept]:
    """Yield what the options mean; a store stays this process's own for so long."""
    from cdn.eviction import PolicyError, make
    from cdn.store.disk import Disk, StoreError
    from cdn.tally import Tally
    from experiments.replay import AdmissionError, find_admission

    tally = Tally(trace)
    try:
        room = int(units.parse_size(capacity))
        eviction = make(policy, room, random.Random())
        admits = find_admission(admission, random.Random()).admits
    except units.UnitError as error:
        raise CommandError(f"--capacity: {error}") from error
    except PolicyError as error:
        raise CommandError(f"--policy: {error}") from error
    except AdmissionError as error:
        raise CommandError(f"--admission: {error}") from error
    if store is None:
        yield _Kept(eviction, admits, None, None, tally)
        return
    try:
        disk = Disk(store, trace=tally)
    except StoreError as error:
        raise CommandError(f"--store: {error}") from error
    with disk:
        yield _Kept(eviction, admits, store, disk, tally)


@asynccontextmanager
async def _administered(
    web_cache: WebCache, tally: Tally, where: str | None, *, quiet: bool
) -> AsyncIterator[trio.Nursery]:
    """Run the admin surface for as long as the block lasts, if it is asked for."""
    import trio

    from cdn.admin import Admin, is_loopback

    async with trio.open_nursery() as nursery:
        if where is not None:
            at = process.address("--admin", where, lowest=0)
            if not is_loopback(at.host):
                raise CommandError(f"--admin: {at.host} is not this machine's own; use 127.0.0.1")
            listener = await process.listen(at.host, at.port)
            admin = Admin(web_cache, tally, wall=time.time)
            here = await nursery.start(admin.serve, listener)
            show.say(f"admin at http://{here}/", quiet=quiet)
        yield nursery


def _anywhere() -> Network:
    """Return a network that dials from whichever of this machine's addresses fits."""
    from net.sockets import SocketNetwork

    return SocketNetwork("0.0.0.0")  # noqa: S104 - dials only


def _address(listen: str | None, host: str, port: int) -> Address:
    from net.seam import Address

    return Address(host, port) if listen is None else process.address("--listen", listen, lowest=0)


def _ports(text: str) -> frozenset[int]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not all(name.isdecimal() and 0 < int(name) < 65536 for name in names):
        raise CommandError(f"--tunnel-ports: {text!r} is not a list of ports such as 443,8443")
    return frozenset(int(name) for name in names)
