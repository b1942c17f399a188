"""Who comes when, stays how long, and over what line: the population of a scenario, as data.

It draws times and lines from a seed; it starts nobody. Times are seconds after demand starts,
rates bit/s.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec

from experiments.quantities import Duration
from net.topology import Access

ACCESS: Mapping[str, Access] = {
    "dsl": Access(up=1e6, down=16e6),
    "cable": Access(up=10e6, down=100e6),
    "fibre": Access(up=100e6, down=100e6),
}
"""Lines of homes in round numbers: what ADSL2+ (ITU-T G.992.5) reaches near the exchange, and
common tariffs over cable (DOCSIS 3.0) and fibre. Assumptions, not measurements."""


class FlashCrowd(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="flash-crowd"
):
    """Everybody comes at once, when demand starts."""


class Poisson(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="poisson",
):
    """Clients come one by one, with independent exponential gaps of this mean."""

    mean_gap: Duration


class Regular(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="regular",
):
    """Clients come one by one, so long after each other, the first at once."""

    every: Duration


class Timetable(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="trace",
):
    """Clients come at these times, one per client."""

    times: list[Duration]


class Never(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="never"):
    """A client that is complete goes on seeding."""


class OnCompletion(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="on-completion"
):
    """A client leaves, with a goodbye, as soon as it is complete."""


class AfterSeeding(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="after-seeding",
):
    """A client that is complete seeds for this long, and leaves with a goodbye."""

    seeding: Duration


Arrival: TypeAlias = FlashCrowd | Poisson | Regular | Timetable
Departure: TypeAlias = Never | OnCompletion | AfterSeeding


def arrivals(arrival: Arrival, count: int, rng: random.Random) -> list[float]:
    """Return when each of `count` clients comes, in the order of their names."""
    match arrival:
        case Poisson(mean_gap=gap):
            times, now = [], 0.0
            for _ in range(count):
                now += rng.expovariate(1 / gap)
                times.append(now)
            return times
        case Regular(every=gap):
            return [index * float(gap) for index in range(count)]
        case Timetable(times=listed):
            return [float(time) for time in listed]
        case FlashCrowd():
            return [0.0] * count


def stay(departure: Departure) -> float | None:
    """Return how long a complete client seeds, None for good."""
    match departure:
        case Never():
            return None
        case OnCompletion():
            return 0.0
        case AfterSeeding(seeding=seeding):
            return float(seeding)


def lines(shares: Mapping[str, float], count: int, rng: random.Random) -> list[Access]:
    """Return the line of each of `count` clients: classes by share, in random order.

    Numbers are rounded so that they add up, by largest remainder.
    """
    exact = {name: share * count for name, share in shares.items()}
    numbers = {name: int(number) for name, number in exact.items()}
    by_remainder = sorted(exact, key=lambda name: numbers[name] - exact[name])
    for name in by_remainder[: count - sum(numbers.values())]:
        numbers[name] += 1
    mixed = [ACCESS[name] for name, number in numbers.items() for _ in range(number)]
    rng.shuffle(mixed)
    return mixed


def problems(
    arrival: Arrival, shares: Mapping[str, float], count: int, horizon: float
) -> Iterator[tuple[str, str]]:
    """Yield the key and the fix of each thing in a group of `count` clients that cannot be."""
    match arrival:
        case Poisson(mean_gap=gap) if gap <= 0:
            yield "arrival.mean_gap", "must be longer than 0s"
        case Regular(every=gap) if gap < 0:
            yield "arrival.every", "must not be below 0s"
        case Regular(every=gap) if gap * (count - 1) >= horizon:
            yield "arrival.every", "the last client comes after the horizon"
        case Timetable(times=times) if len(times) != count:
            yield "arrival.times", f"{len(times)} times for {count} clients"
        case Timetable(times=times) if max(times, default=0.0) >= horizon:
            yield "arrival.times", "the last comes after the horizon"
    for name, share in shares.items():
        if name not in ACCESS:
            yield f"access.{name}", f"no such line; one of {', '.join(ACCESS)}"
        if not 0 < share <= 1:
            yield f"access.{name}", f"{share:g} is not above 0 and at most 1"
    if shares and abs(sum(shares.values()) - 1) > 1e-6:
        yield "access", f"the shares add up to {sum(shares.values()):g}, not to 1"
