"""The sections of a CDN's scenario: what there is, who asks for it, and how it is delivered.

They hold what was asked; whether it can be run is the business of `delivery_checks`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from experiments.quantities import Duration, Rate, Size

LARGEST = 64 * 2**20
"""Bytes of the largest object: a heavy tail must not outgrow the memory."""


class Fixed(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind",
    tag="fixed",
):  # fmt: skip
    """Every object has this size."""

    bytes: Size


class LogNormal(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind",
    tag="lognormal",
):  # fmt: skip
    """The logarithm of an object's size is normal, with this `median` and `sigma`."""

    median: Size = Size(32 * 1024)
    sigma: float = 1.0


class Pareto(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind",
    tag="pareto",
):  # fmt: skip
    """Sizes from `least` to `most` with a tail that falls as size to the power -`shape`."""

    least: Size
    most: Size
    shape: float = 1.2


Sizes: TypeAlias = Fixed | LogNormal | Pareto


class Catalogue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the origin has: `objects` whose popularity is Zipf's, with exponent `alpha`.

    Each is one file, or a video of `segments` files of equal size. Caches are told `max_age`.
    """

    objects: int = 1000
    alpha: float = 0.8
    size: Sizes = LogNormal()
    segments: int = 1
    max_age: Duration = Duration(3600)


class Steady(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="steady"
):
    """Sessions begin at the same rate all the time."""


class Diurnal(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind",
    tag="diurnal",
):  # fmt: skip
    """The rate swings round its mean as a sine of this `period`, by the share `swing`."""

    period: Duration
    swing: float = 0.8


Shape: TypeAlias = Steady | Diurnal


class Browse(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind",
    tag="browse",
):  # fmt: skip
    """A session asks for objects one by one: `requests` on average, exponential pauses between."""

    requests: float = 1.0
    pause: Duration = Duration(1.0)


class Watch(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind",
    tag="watch",
):  # fmt: skip
    """A session takes one video's segments in order, and gives up after each with a probability.

    The next segment is asked for `pause` after the last has come.
    """

    abandon: float = 0.1
    pause: Duration = Duration(0.0)


Sessions: TypeAlias = Browse | Watch


class Flash(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For a while sessions begin `factor` times as fast, and a `share` want one object.

    It is the one that was the least popular until then.
    """

    at: Duration
    lasts: Duration
    factor: float = 3.0
    share: float = 0.8


class Drift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every so often, this `share` of the objects changes ranks among themselves."""

    every: Duration
    share: float = 0.1


class Demand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who asks for what, when: `rate` sessions a second, of all clients together.

    It is measured for as long as it `lasts`, after a `warm_up`. `regional` is the share of requests
    whose popularity is their region's own; `by_region` are the regions' shares of all sessions,
    equal unless given. A `trace` takes the place of catalogue and sessions.
    A client whose server is silent for `patience` asks elsewhere.
    """

    rate: float = 50.0
    warm_up: Duration = Duration(0)
    lasts: Duration = Duration(60)
    session: Sessions = Browse()
    shape: Shape = Steady()
    flash: Flash | None = None
    drift: Drift | None = None
    regional: float = 0.0
    by_region: list[float] = []
    trace: str | None = None
    patience: Duration = Duration(5)

    @property
    def ends(self) -> float:
        """When the last session may begin, in seconds."""
        return self.warm_up + self.lasts


class Health(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the director asks after its edges, for so many `bytes`.

    One that cannot send them within `timeout` counts as down. `deep` probes go through to the
    origin.
    """

    interval: Duration = Duration(1)
    timeout: Duration = Duration(1)
    down_after: int = 2
    up_after: int = 2
    bytes: Size = Size(8 * 1024)
    deep: bool = False


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gigabyte (1e9 bytes) that leaves a host costs, by tier."""

    edge: float = 0.02
    regional: float = 0.01
    shield: float = 0.01
    origin: float = 0.08


Capacity: TypeAlias = float | str


class Cdn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it is delivered: caches in `tiers`, what they keep, and which edge serves whom.

    `capacity` is a size, or a share of the catalogue's bytes; a list has one for each tier,
    edges first. Edges have `regionals` above them with two tiers, and these one shield with
    three; the links of both are `upper_up` in each direction. Before demand, and again every
    `replacement`, the origin pushes what `placement` chooses, straight to each edge (`star`), or
    from edge to edge (`tree`, of this `arity`).
    """

    policy: str = "lru"
    capacity: Capacity | list[Capacity] = 0.1
    admission: str = "always"
    tiers: int = 1
    regionals: int = 2
    upper_up: Rate = Rate(200e6)
    cooperative: bool = False
    routing: str = "nearest"
    steering: Literal["redirect", "rewrite"] = "redirect"
    placement: Literal["none", "full", "popular", "greedy", "prefix"] = "none"
    prefix: int = 1
    replacement: Duration | None = None
    spread: Literal["star", "tree"] = "star"
    arity: int = 2
    health: Health = Health()
    price: Price = Price()
