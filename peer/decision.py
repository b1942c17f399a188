"""Asks a strategy for its decision and refuses one it may not take.

Strategies may be anybody's code: whatever they raise or return ends as a `StrategyError` that
names them. It knows what is allowed, not what is wise.
"""

from __future__ import annotations

import math
import random
from typing import Protocol

from peer.view import ChunksView, NeighbourView, RoundView


class StrategyError(Exception):
    """A strategy that cannot be had, or decided what it may not; the message names both."""


class Picker(Protocol):
    """Chooses which chunk to ask a neighbour for."""

    def pick(self, candidates: int, chunks: ChunksView, rng: random.Random) -> int:
        """Return the index of one bit of the mask `candidates`, which is not 0."""


Decision = list[NeighbourView] | tuple[NeighbourView, ...] | dict[NeighbourView, float]
"""Who is served: equally, or by shares of the upload turns (positive numbers, any sum)."""


class Choker(Protocol):
    """Chooses who may download from us until the next round.

    Three class attributes are optional. `work_conserving`: whether a slot that is free between
    rounds goes to who has waited longest (False unless said). `credit`: how many chunks a
    neighbour may get beyond what it gave, looked at before each chunk (no bound unless said).
    `when_complete`: the name of the choker that takes over once the peer has everything
    (`least-served` unless said).
    """

    def choose(self, view: RoundView) -> Decision:
        """Return at most `view.slots` of `view.interested`."""


def pick(picker: Picker, candidates: int, chunks: ChunksView, rng: random.Random) -> int:
    """Return the chunk that `picker` chooses of `candidates`.

    Raises:
        StrategyError: it chose none of them, or failed.
    """
    try:
        index = picker.pick(candidates, chunks, rng)
    except (Exception, SystemExit) as error:  # a strategy is foreign code and may raise anything
        raise _failed(picker, error) from error
    if type(index) is not int or index < 0 or not candidates >> index & 1:
        raise StrategyError(
            f"{name_of(picker)} picked {_shown(index)}, which is none of the chunks it may ask for"
        )
    return index


def choose(choker: Choker, view: RoundView) -> dict[bytes, float]:
    """Return whom `choker` serves, by id, with their shares of the upload turns.

    Raises:
        StrategyError: it chose too many, strangers, or no sensible shares, or failed.
    """
    try:
        decision = choker.choose(view)
    except (Exception, SystemExit) as error:  # a strategy is foreign code and may raise anything
        raise _failed(choker, error) from error
    who = name_of(choker)
    if type(decision) in {list, tuple}:
        chosen = [(neighbour, 1.0) for neighbour in decision]
    elif isinstance(decision, dict):
        chosen = list(decision.items())
    else:
        raise StrategyError(
            f"{who} returned {_shown(decision)}; return a list of neighbours, or a dict of shares"
        )
    if len(chosen) > view.slots:
        raise StrategyError(f"{who} chose {len(chosen)} neighbours for {view.slots} slots")
    known = {neighbour.id for neighbour in view.interested}
    shares: dict[bytes, float] = {}
    for neighbour, share in chosen:
        if not isinstance(neighbour, NeighbourView) or neighbour.id not in known:
            raise StrategyError(f"{who} chose {_shown(neighbour)}: no interested neighbour")
        if neighbour.id in shares:
            raise StrategyError(f"{who} chose {_shown(neighbour)} twice")
        if not isinstance(share, int | float) or not 0 < share < math.inf:
            raise StrategyError(
                f"{who} gave {_shown(neighbour)} the share {_shown(share)}; shares are above 0"
            )
        shares[neighbour.id] = float(share)
    return shares


def name_of(strategy: object) -> str:
    """Return how messages call `strategy`: its class, and its file if it is not one of ours."""
    kind = type(strategy)
    file = getattr(kind, "strategy_file", None)
    return f"{file}:{kind.__name__}" if file else kind.__name__


def _failed(strategy: object, error: BaseException) -> StrategyError:
    line = _last_line(error)
    return StrategyError(f"{name_of(strategy)} failed: {type(error).__name__}: {error}{line}")


def _last_line(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f" (line {trace.tb_lineno})"


def _shown(value: object) -> str:
    if isinstance(value, NeighbourView):
        return f"neighbour {value.name}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
