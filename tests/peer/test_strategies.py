"""Strategies: what each decides, what they may not, and how they are found."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peer.choker import BitTyrant, BlockTitForTat, FreeRider, PropShare, RoundRobin, SeedLinear
from peer.decision import Choker, StrategyError, choose, pick
from peer.picker import Availability, Sequential, WindowedRarest, bits
from peer.round import Rounds
from peer.settings import PeerSettings
from peer.strategy import CHOKERS, PICKERS, Strategies, find_choker, find_picker
from peer.view import ChunksView, Exchange, NeighbourView, RoundView
from tests.peer.views import neighbour, round_of
from wire.manifest import Manifest

COUNT = 100
exchanges = st.builds(Exchange, st.integers(0, 500), st.integers(0, 500))


class Progress:
    """A download that lacks the chunks of a mask."""

    in_flight = 0

    def __init__(self, missing: int) -> None:
        self.missing = missing


def chunks(missing: int, neighbours: list[int]) -> ChunksView:
    """Return what a picker sees that lacks `missing` and whose neighbours have these masks."""
    availability = Availability(COUNT)
    for mask in neighbours:
        availability.add_all(mask)
    return ChunksView(COUNT, availability, Progress(missing))


@st.composite
def rounds(draw: st.DrawFn) -> RoundView:
    """A choke round with any neighbours in it."""
    everyone = [
        neighbour(
            f"n{i}",
            received=draw(st.integers(0, 1000)),
            sent=draw(st.integers(0, 1000)),
            download_rate=draw(st.floats(0, 1e6)),
            choking=draw(st.booleans()),
            last=draw(st.none() | exchanges),
        )
        for i in range(draw(st.integers(0, 8)))
    ]
    return round_of(everyone, slots=draw(st.integers(1, 5)), rng=random.Random(draw(st.integers())))


@pytest.mark.parametrize("name", CHOKERS)
@settings(max_examples=40)
@given(history=st.lists(rounds(), min_size=1, max_size=4))
def test_no_choker_that_ships_breaks_the_rules(name: str, history: list[RoundView]) -> None:
    """Whatever happens round after round, the decision is a legal one."""
    choker = find_choker(name)()
    for view in history:
        assert len(choose(choker, view)) <= view.slots


@pytest.mark.parametrize("name", PICKERS)
@given(
    missing=st.integers(1, (1 << COUNT) - 1),
    wanted=st.integers(0, (1 << COUNT) - 1),
    neighbours=st.lists(st.integers(0, (1 << COUNT) - 1), max_size=5),
    seed=st.integers(),
)
def test_no_picker_that_ships_breaks_the_rules(
    name: str, missing: int, wanted: int, neighbours: list[int], seed: int
) -> None:
    """Each picks one of the candidates."""
    candidates = missing & wanted or missing
    view = chunks(missing, neighbours)
    assert candidates >> pick(find_picker(name)(), candidates, view, random.Random(seed)) & 1


@given(candidates=st.integers(1, (1 << COUNT) - 1))
def test_sequential_picks_the_first(candidates: int) -> None:
    """Whatever is rare."""
    view = chunks((1 << COUNT) - 1, [])
    assert Sequential().pick(candidates, view, random.Random(1)) == next(bits(candidates))


@pytest.mark.parametrize(
    ("missing_from", "candidates", "expected"),
    [
        (0, {3, 9, 60}, 9),  # 9 is rare and within the window, 60 is rarer and beyond
        (30, {33, 60, 90}, 60),  # the window has moved on
        (0, {60, 90}, 60),  # nothing soon to be played is left to ask for
    ],
)
def test_windowed_rarest_looks_ahead_only_so_far(
    missing_from: int, candidates: set[int], expected: int
) -> None:
    """The rarest within the window goes first; beyond it only if the window is empty."""
    copies = {3: 2, 9: 1, 33: 2, 60: 0, 90: 2}
    neighbours = [
        sum(1 << index for index, count in copies.items() if count > turn) for turn in range(3)
    ]
    view = chunks((1 << COUNT) - (1 << missing_from), neighbours)
    mask = sum(1 << index for index in candidates)
    assert WindowedRarest().pick(mask, view, random.Random(1)) == expected


def test_block_tit_for_tat_stops_at_two_chunks_of_credit() -> None:
    """Who owes us two chunks waits; who gave most beyond what it got goes first."""
    everyone = [
        neighbour("even", sent=100, received=100),
        neighbour("in debt", sent=120, received=100),
        neighbour("generous", sent=0, received=300),
        neighbour("newcomer"),
    ]
    chosen = BlockTitForTat().choose(round_of(everyone))
    assert [each.name for each in chosen] == ["generous", "even", "newcomer"]


@pytest.mark.parametrize("credit", [0, -1, "two", None, float("nan")])
def test_a_credit_that_is_no_number_of_chunks_is_refused(credit: object) -> None:
    """The message names the class and what it says."""
    choker = BlockTitForTat()
    choker.credit = credit  # type: ignore[assignment]  # that is the point
    manifest = Manifest.of_bytes("x", bytes(100), 10)
    rounds = Rounds(choker, BlockTitForTat(), PeerSettings(), manifest, random.Random(1))
    assert rounds.credit(seeding=True) == 20
    with pytest.raises(StrategyError, match=r"BlockTitForTat has the credit .*; give chunks"):
        rounds.credit(seeding=False)


def test_prop_share_shares_in_proportion() -> None:
    """Four fifths as they gave in the last round, one fifth to somebody who gave nothing."""
    everyone = [
        neighbour("a", last=Exchange(received=300, sent=0)),
        neighbour("b", last=Exchange(received=100, sent=900)),
        neighbour("c", last=Exchange(received=0, sent=900)),
    ]
    shares = PropShare().choose(round_of(everyone))
    assert {each.name: share for each, share in shares.items()} == pytest.approx(
        {"a": 0.6, "b": 0.2, "c": 0.2}
    )


@pytest.mark.parametrize(
    ("choking", "prices"),
    [(True, [1000, 1200, 1440, 1728, 2073.6]), (False, [1000, 1000, 900, 810, 729])],
)
def test_bit_tyrant_pays_more_to_who_does_not_serve_and_less_to_who_does(
    choking: bool, prices: list[float]
) -> None:
    """The price rises by a fifth each round without return, and falls by a tenth after three."""
    tyrant = BitTyrant()
    one = neighbour("a", choking=choking, last=None if choking else Exchange(received=50, sent=9))
    paid = [tyrant.choose(round_of([one], slots=1, upload_rate=1000))[one] for _ in prices]
    assert paid == pytest.approx(prices)


def test_bit_tyrant_prefers_a_good_bargain() -> None:
    """Who gave more for the same price is served first, until the uplink is spent."""
    good = neighbour("good", choking=False, last=Exchange(received=9000, sent=10))
    bad = neighbour("bad", choking=False, last=Exchange(received=10, sent=10))
    chosen = BitTyrant().choose(round_of([bad, good], slots=1, upload_rate=100))
    assert [each.name for each in chosen] == ["good"]


def test_round_robin_serves_all_equally_often() -> None:
    """In any five rounds each of five gets two turns of two slots, whatever it gives."""
    everyone = [neighbour(f"n{i}", download_rate=i) for i in range(5)]
    choker = RoundRobin()
    turns = [each.name for _ in range(5) for each in choker.choose(round_of(everyone, slots=2))]
    assert sorted(turns) == sorted(2 * [f"n{i}" for i in range(5)])


def test_a_free_rider_serves_nobody_even_when_complete() -> None:
    """Nor does it fill free slots."""
    assert FreeRider().choose(round_of([neighbour("a", download_rate=1e6)])) == []
    assert isinstance(Strategies(choker="free-rider").make_seed_choker(), FreeRider)
    assert not getattr(FreeRider, "work_conserving", False)


def test_seed_linear_serves_one_group_after_another() -> None:
    """Each of four is due 250 of 1,000 bytes per copy; when none lacks it, the next copy begins."""
    choker, sent = SeedLinear(), dict.fromkeys("abcd", 0)
    order = []
    for _ in range(16):
        everyone = [neighbour(name, sent=size) for name, size in sent.items()]
        (served,) = choker.choose(round_of(everyone, slots=1, seeding=True))
        order.append(served.name)
        sent[served.name] += 125
    assert "".join(order) == "aabbccddaabbccdd"


class Decides:
    """A choker that returns what it was given, or raises it."""

    def __init__(self, decision: object) -> None:
        self._decision = decision

    def choose(self, view: RoundView) -> list[NeighbourView]:
        if isinstance(self._decision, Exception):
            raise self._decision
        return self._decision  # type: ignore[return-value] # that is the point


A, B = neighbour("a"), neighbour("b")


@pytest.mark.parametrize(
    ("decision", "says"),
    [
        (None, "returned None; return a list"),
        (A, "returned neighbour a; return a list"),
        ([neighbour("x")], "chose neighbour x: no interested neighbour"),
        (["a"], "chose 'a': no interested neighbour"),
        ([[]], r"chose \[\]: no interested neighbour"),
        ([A, A], "chose neighbour a twice"),
        ([A, B, neighbour("c")], "chose 3 neighbours for 2 slots"),
        ({A: 0}, "gave neighbour a the share 0; shares are above 0"),
        ({A: float("nan")}, "gave neighbour a the share nan"),
        ({A: "much"}, "gave neighbour a the share 'much'"),
        (KeyError("rate"), r"failed: KeyError: 'rate' \(line \d+\)"),
    ],
)
def test_an_illegal_choice_names_the_choker_and_itself(decision: object, says: str) -> None:
    """Wrong types, strangers, too many, nonsense shares, and exceptions."""
    with pytest.raises(StrategyError, match=f"^Decides {says}"):
        choose(Decides(decision), round_of([A, B, neighbour("c")], slots=2))


class Picks:
    """A picker that returns what it was given."""

    def __init__(self, index: object) -> None:
        self._index = index

    def pick(self, candidates: int, chunks: ChunksView, rng: random.Random) -> int:
        if isinstance(self._index, Exception):
            raise self._index
        return self._index  # type: ignore[return-value] # that is the point


@pytest.mark.parametrize(
    ("index", "says"),
    [
        (3, "picked 3, which is none"),
        (-1, "picked -1, which is none"),
        (10**12, "picked 1000000000000, which is none"),
        (2.0, "picked 2.0, which is none"),
        (True, "picked True, which is none"),
        (None, "picked None, which is none"),
        (ZeroDivisionError("0"), "failed: ZeroDivisionError: 0"),
    ],
)
def test_an_illegal_pick_names_the_picker_and_itself(index: object, says: str) -> None:
    """A chunk that is no candidate, no number at all, or an exception."""
    with pytest.raises(StrategyError, match=f"^Picks {says}"):
        pick(Picks(index), 0b10110, chunks(0b10111, []), random.Random(1))


def test_views_can_be_read_only() -> None:
    """A strategy cannot change what it sees, nor the peer through it."""
    view = chunks(0b1110, [0b0110])
    assert (view.have & 1, view.playback, view.copies(1), view.begun) == (1, 1, 1, True)
    for thing, name in [(view, "count"), (view, "missing"), (A, "sent"), (round_of([A]), "slots")]:
        with pytest.raises(AttributeError):
            setattr(thing, name, 7)
    assert isinstance(view.levels, tuple)


@pytest.mark.parametrize("name", ["tit-for-tat", "TitForTat", "block-tit-for-tat", "BitTyrant"])
def test_names_are_read_in_both_ways(name: str) -> None:
    """As literature writes them, and as files do."""
    kind: type[Choker] = find_choker(name)
    assert kind.__name__.lower() == name.replace("-", "").lower()


@pytest.mark.parametrize(
    ("source", "class_name", "says"),
    [
        (None, "Mine", "there is no file '.*mine.py'"),
        ("x = 1", "Mine", "has no class 'Mine'; it has none"),
        ("class Yours: pass", "Mine", "has no class 'Mine'; it has Yours"),
        ("Mine = 3", "Mine", "has no class 'Mine'"),
        ("def f(:", "Mine", "cannot be loaded: SyntaxError"),
        ("import nowhere", "Mine", "cannot be loaded: ModuleNotFoundError"),
        ("raise SystemExit(3)", "Mine", "cannot be loaded: SystemExit: 3"),
        ("class Mine: pass", "Mine", r"is no choker: it has no choose\(self, view\)"),
        ("class Mine:\n  def choose(self): pass", "Mine", "cannot be called as choose"),
        (
            "class Mine:\n  def __init__(self, n): pass\n  def choose(self, view): pass",
            "Mine",
            "its __init__ must need no arguments",
        ),
    ],
)
def test_a_file_that_holds_no_choker_is_refused(
    tmp_path: Path, source: str | None, class_name: str, says: str
) -> None:
    """The error names the file and what is missing in it."""
    path = tmp_path / "mine.py"
    if source is not None:
        path.write_text(source)
    with pytest.raises(StrategyError, match=says):
        find_choker(f"{path}:{class_name}")


def test_an_own_class_is_named_with_its_file(tmp_path: Path) -> None:
    """So is the line that failed."""
    path = tmp_path / "mine.py"
    path.write_text("class Mine:\n  def choose(self, view):\n    return view.nothing\n")
    choker = find_choker(f"{path}:Mine")()
    with pytest.raises(StrategyError, match=r"mine.py:Mine failed: AttributeError.* \(line 3\)"):
        choose(choker, round_of([A]))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tit-for-tatt", "no choker 'tit-for-tatt'; did you mean 'tit-for-tat'"),
        ("zzz", "no choker 'zzz'; one of tit-for-tat, "),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, says: str) -> None:
    """And with the other way to name a strategy."""
    with pytest.raises(StrategyError, match=says):
        find_choker(name)
