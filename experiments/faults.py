"""What can go wrong in a run, as data: one typed value per kind of fault.

Times count from the start of demand. It applies nothing; `experiments.adversity` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from experiments.quantities import Duration, Rate


class Crash(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="crash",
):
    """`host` fails for good, without a goodbye."""

    at: Duration
    host: str


class Crashes(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="crashes",
):
    """A `share` of the clients, chosen by the seed, crash: each at some time in `lasts`."""

    at: Duration
    lasts: Duration
    share: float


class Leave(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="leave",
):
    """The nodes on `host` say goodbye and are gone."""

    at: Duration
    host: str


class SlowLink(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="slow-link",
):
    """The access link of `host` changes to the given rates."""

    at: Duration
    host: str
    up: Rate | None = None
    down: Rate | None = None


class TrackerOutage(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="tracker-outage",
):
    """The tracker on `host` is killed, and started anew on the same port: it remembers nobody."""

    at: Duration
    lasts: Duration
    host: str = "tracker"


class Outage(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="outage",
):
    """The server, the director or a cache is killed, and started anew: it remembers nothing."""

    at: Duration
    lasts: Duration
    host: str


class Partition(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="partition",
):
    """Nothing passes between `hosts` and all others; connections stall until it heals."""

    at: Duration
    hosts: list[str]
    lasts: Duration | None = None


class Freeze(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="freeze",
):
    """`host` stops answering for a while; its connections stay."""

    at: Duration
    lasts: Duration
    host: str


Fault: TypeAlias = Crash | Crashes | Leave | SlowLink | TrackerOutage | Outage | Partition | Freeze

KEYS = ("kind", "at", "lasts", "host", "hosts", "share", "up", "down")
"""All keys that some fault has."""


def hosts_of(fault: Fault) -> list[tuple[str, str]]:
    """Return each host that `fault` names, with the key that names it."""
    if isinstance(fault, Partition):
        return [(f"hosts[{index}]", host) for index, host in enumerate(fault.hosts)]
    return [] if isinstance(fault, Crashes) else [("host", fault.host)]


def problems(
    fault: Fault,
    *,
    horizon: float,
    trackers: tuple[str, ...],
    restartable: tuple[str, ...] = (),
) -> Iterator[tuple[str, str]]:
    """Yield the key and the fix of each thing in `fault` that cannot be, hosts aside."""
    if fault.at >= horizon:
        yield "at", "comes after the horizon"
    match fault:
        case SlowLink(up=None, down=None):
            yield "", "a slow-link needs up or down"
        case Crashes(share=share) if not 0 < share <= 1:
            yield "share", f"{share:g} is not above 0 and at most 1"
        case Outage(host=host) if host not in restartable:
            yield (
                "host",
                f"{host!r} cannot be started anew; one of {', '.join(restartable) or 'none'}",
            )
        case Partition(hosts=[]):
            yield "hosts", "a partition needs at least one host"
        case TrackerOutage(host=host) if host not in trackers:
            yield "host", f"{host!r} is no tracker; one of {', '.join(trackers)}"
