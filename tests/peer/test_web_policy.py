"""Policies of web seeds: what each takes of the same situations."""

from __future__ import annotations

import random

import pytest

from peer.web_policy import PATIENCE, WEB_POLICIES, TakeTurns, WebView, find_web_policy

LEVELS = [0b0011, 0b1100]  # chunks 0 and 1 are with nobody, 2 and 3 with one neighbour


def view(*, free: int = 0b1111, late: int = 0, quiet: float = 0.0) -> WebView:
    """Return a situation; the web seed's order is 3, 2, 1, 0."""
    return WebView(free, late, LEVELS, (3, 2, 1, 0), quiet)


def choices(policy: str, seen: WebView) -> set[int | None]:
    """Return all that a policy chooses in a situation, by chance."""
    chosen = find_web_policy(policy)()
    return {chosen.choose(seen, random.Random(seed)) for seed in range(60)}


@pytest.mark.parametrize(
    ("policy", "seen", "chosen"),
    [
        ("always", view(), {0, 1, 2, 3}),
        ("always", view(free=0b0110), {1, 2}),
        ("always", view(free=0, late=0b0101), {0, 2}),
        ("always", view(free=0), {None}),
        ("when-rare", view(), {0, 1}),
        ("when-rare", view(free=0b1100), {None}),
        ("when-rare", view(free=0b1100, quiet=PATIENCE), {2, 3}),
        ("when-idle", view(), {None}),
        ("when-idle", view(quiet=PATIENCE), {0, 1}),
        ("when-idle", view(free=0, late=0b1000, quiet=PATIENCE), {3}),
        ("when-idle", view(free=0, quiet=PATIENCE), {None}),
        ("never", view(quiet=1e9), {None}),
    ],
)
def test_what_a_policy_takes(policy: str, seen: WebView, chosen: set[int | None]) -> None:
    """Each line is one situation, and all that may be chosen in it."""
    assert choices(policy, seen) == chosen


def test_always_keeps_to_the_order() -> None:
    """Only the next few chunks in the web seed's order are drawn from."""
    order = list(range(99, -1, -1))
    everything = (1 << 100) - 1
    chosen = {
        WEB_POLICIES["always"]().choose(
            WebView(everything, 0, [everything], order, 0.0), random.Random(seed)
        )
        for seed in range(200)
    }
    assert chosen == {99, 98, 97, 96}


def test_a_misspelt_policy_is_explained() -> None:
    """The error names the nearest, or all."""
    with pytest.raises(ValueError, match="did you mean 'when-rare'"):
        find_web_policy("when-rar")
    with pytest.raises(ValueError, match="one of always, when-rare, when-idle, take-turns, never"):
        find_web_policy("x")


def turning(now: float, rivals: int, free: int = 0b1111) -> WebView:
    """Return a situation in which chunks 0 and 1 are rare, at a time, with rivals."""
    return WebView(free, 0, LEVELS, (), 0.0, now, lambda: rivals)


def test_who_has_no_rival_takes_rare_chunks_in_order() -> None:
    """At once, and the first one first."""
    policy, rng = TakeTurns(), random.Random(1)
    assert policy.choose(turning(0.0, 0), rng) == 0
    assert policy.choose(turning(0.0, 0, 0b1110), rng) == 1
    assert policy.choose(turning(0.0, 0, 0b1100), rng) is None


@pytest.mark.parametrize("rivals", [1, 10, 50])
def test_rivals_take_turns(rivals: int) -> None:
    """Each of them takes one in so many steps of the pace, whatever their number."""
    policy, rng, steps = TakeTurns(), random.Random(2), 100_000
    taken = sum(
        policy.choose(turning(step * 0.05, rivals), rng) is not None for step in range(steps)
    )
    assert taken == pytest.approx(steps * 0.05 / (TakeTurns.PACE * (1 + rivals)), rel=0.2)
