"""The tournament: equal shares, fair seeds, honest intervals; and what the lab shows with them."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from msgspec.structs import replace

from experiments import groups, runner, tournament
from experiments.cli.errors import FAILED, USAGE, CommandError
from experiments.cli.run import run
from experiments.cli.tournament import tournament as command
from experiments.confidence import Interval, interval, student_t
from experiments.scenario import (
    Clients,
    Content,
    Duration,
    Peers,
    Rate,
    Scenario,
    ScenarioError,
    Server,
    Size,
    load,
)
from experiments.tournament import Participant, Tournament
from peer.decision import StrategyError
from peer.view import ChunksView

SMALL = Scenario(
    name="small",
    model="p2p",
    horizon=Duration(600),
    content=Content(size=Size(256 * 1024), chunk_size=Size(16 * 1024)),
    server=Server(up=Rate(8e6)),
    clients=[Clients(count=1, up=Rate(2e6), down=Rate(8e6))],
)
ABC = [Participant(name, name) for name in ("tit-for-tat", "round-robin", "free-rider")]
MINE = """
class Mine:
    def choose(self, view):
        {body}
"""


@pytest.mark.parametrize(
    ("freedom", "t"), [(1, 12.7062), (4, 2.7764), (30, 2.0423), (31, 2.0395), (1000, 1.9623)]
)
def test_student_t_is_that_of_the_tables(freedom: int, t: float) -> None:
    """Within the table and beyond it."""
    assert student_t(freedom) == pytest.approx(t, abs=1e-4)


def test_an_interval_by_hand() -> None:
    """Five samples with standard deviation sqrt(2.5); one sample says nothing of variance."""
    five = interval([1, 2, 3, 4, 5])
    assert five.mean == 3.0
    assert five.half_width == pytest.approx(2.7764 * math.sqrt(0.5))
    assert interval([7.0]) == Interval(7.0, math.inf)


def test_shares_are_equal_and_who_joins_first_rotates() -> None:
    """Eleven clients make three each; over three seeds each strategy is first once."""
    scenarios = Tournament(SMALL, ABC, 11, range(1, 4)).scenarios()
    assert [scenario.seed for scenario in scenarios] == [1, 2, 3]
    assert all([group.count for group in scenario.clients] == [3] * 3 for scenario in scenarios)
    assert [scenario.clients[0].choker for scenario in scenarios] == [
        "tit-for-tat", "round-robin", "free-rider",
    ]  # fmt: skip


def test_standings_follow_the_participants_through_the_seeds() -> None:
    """Each line is about one strategy, whatever its place in a run."""
    contest = Tournament(SMALL, ABC[1:], 4, range(1, 3))
    done = [runner.run(scenario) for scenario in contest.scenarios()]
    standings = contest.standings(done)
    assert [row.rank for row in standings] == [1, 2]
    assert standings[0].mean_s <= standings[1].mean_s
    (rider,) = [row for row in standings if row.strategy == "free-rider"]
    assert rider.share_ratio == 0
    assert rider.each_s == [
        next(group.mean_s for group in groups.fold(outcome) if group.choker == "free-rider")
        for outcome in done
    ]
    assert rider.half_width_s == pytest.approx(interval(rider.each_s).half_width)
    assert set(tournament.draw(standings, caption="small")) == {"standings.png", "standings.svg"}


def test_the_command_keeps_what_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names in both spellings, a picker with a choker, and a class of one's own."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE.format(body="return view.interested[: view.slots]"))
    code = command(
        "TitForTat", "sequential+tit-for-tat", "mine.py:Mine",
        seeds=2, clients=6, size="256KiB", jobs=1, json=True, quiet=True, out=Path("out"),
    )  # fmt: skip
    printed = json.loads(capsys.readouterr().out)
    assert code == 0
    assert {row["strategy"] for row in printed} == {
        "TitForTat", "sequential+tit-for-tat", "mine.py:Mine",
    }  # fmt: skip
    assert json.loads(Path("out/standings.json").read_text()) == printed
    assert {path.name for path in Path("out/runs").glob("*.toml")} == {"seed-1.toml", "seed-2.toml"}
    assert json.loads(Path("out/manifest.json").read_text())["state"] == "complete"
    assert load(Path("out/runs/seed-1.toml"), ["p2p"]).clients[2].choker == str(
        tmp_path / "mine.py:Mine"
    )


@pytest.mark.parametrize(
    ("strategies", "options", "says"),
    [
        (["tit-for-tat", "freerider"], {}, "no choker 'freerider'; did you mean 'free-rider'"),
        (["tit-for-tat", "newest+tit-for-tat"], {}, "no picker 'newest'; one of rarest-first"),
        (["tit-for-tat", "absent.py:Mine"], {}, "there is no file 'absent.py'"),
        (["tit-for-tat"], {}, "at least two strategies"),
        (["tit-for-tat", "tit-for-tat"], {}, "each once"),
        (["tit-for-tat", "free-rider"], {"seeds": 0}, "--seeds: 0 is below 1"),
        (["tit-for-tat", "free-rider"], {"clients": 1}, "--clients: 1 are fewer"),
        (["tit-for-tat", "free-rider"], {"seed_leaves": 40}, "--seed-leaves: 40 is not between"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_starts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    strategies: list[str],
    options: dict[str, int],
    says: str,
) -> None:
    """With the nearest name, or the flag."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=says) as caught:
        command(*strategies, **options)  # type: ignore[arg-type] # ints only
    assert caught.value.code == USAGE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return ['everybody']", "mine.py:Mine chose 'everybody': no interested neighbour"),
        ("return 1 / 0", r"mine.py:Mine failed: ZeroDivisionError: .* \(line 4\)"),
    ],
)
def test_an_illegal_decision_ends_the_run_and_names_the_strategy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, says: str
) -> None:
    """Exit code 1, and the results say that the run failed."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE.format(body=body))
    Path("own.toml").write_text(
        'name = "own"\nmodel = "p2p"\n[content]\nsize = "256KiB"\n[server]\nup = "500kbps"\n'
        '[[clients]]\ncount = 3\nchoker = "mine.py:Mine"\n'
    )
    with pytest.raises(CommandError, match=says) as caught:
        run(Path("own.toml"), quiet=True)
    assert caught.value.code == FAILED
    assert json.loads(Path("results/own/manifest.json").read_text())["state"] == "failed"


def test_an_illegal_pick_ends_the_run_as_well() -> None:
    """Though it is taken deep inside a connection."""
    group = Clients(count=2, picker=f"{__file__}:Stubborn")
    with pytest.raises(StrategyError, match=r"test_tournament.py:Stubborn picked 0, which is none"):
        runner.run(replace(SMALL, clients=[group]))


class Stubborn:
    """A picker that wants the first chunk, always."""

    def pick(self, candidates: int, chunks: ChunksView, rng: random.Random) -> int:
        return 0


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('choker = "tit-for-tatt"', r"clients\[0\].choker: no choker 'tit-for-tatt'; did you mean"),
        ('picker = "rarest"', r"clients\[0\].picker: no picker 'rarest'; did you mean 'rarest-fir"),
        ('seed_choker = "mine.py:Mine"', r"clients\[0\].seed_choker: there is no file"),
    ],
)
def test_a_scenario_with_an_unknown_strategy_is_refused(
    tmp_path: Path, line: str, says: str
) -> None:
    """The key's path, and the nearest name."""
    path = tmp_path / "own.toml"
    path.write_text(
        f'name = "own"\nmodel = "p2p"\n[content]\nsize = "1MiB"\n[[clients]]\ncount = 3\n{line}\n'
    )
    with pytest.raises(ScenarioError, match=says):
        load(path, ["p2p"])


def riders_and_contributors(choker: str, seed: int) -> tuple[float, float]:
    """Return the mean completion times of free riders and of others who choke by `choker`."""
    slow = Clients(count=12, up=Rate(2e6), down=Rate(16e6), choker=choker)
    outcome = runner.run(
        Scenario(
            name="riders",
            model="p2p",
            seed=seed,
            horizon=Duration(600),
            content=Content(size=Size(6 * 2**20)),
            server=Server(up=Rate(16e6), leaves_after=4),
            clients=[slow, replace(slow, count=3, choker="free-rider")],
        )
    )
    contributors, riders = groups.fold(outcome)
    assert riders.mean_s is not None
    assert contributors.mean_s is not None
    assert riders.share_ratio == 0
    return riders.mean_s, contributors.mean_s


@pytest.mark.parametrize("seed", [1, 2])
def test_free_riders_finish_later_under_tit_for_tat_and_not_under_round_robin(seed: int) -> None:
    """Once the seed has left, who gives nothing waits for those who give, or does not."""
    riders, contributors = riders_and_contributors("tit-for-tat", seed)
    assert riders > 1.03 * contributors
    riders, contributors = riders_and_contributors("round-robin", seed)
    assert riders < contributors


def test_sequential_picking_is_clearly_worse_than_rarest_first() -> None:
    """With an ordinary seed all want the same chunk at once, and only the seed has it."""

    def last(picker: str) -> float:
        group = Clients(count=16, up=Rate(10e6), down=Rate(40e6), picker=picker)
        outcome = runner.run(
            Scenario(
                name="order",
                model="p2p",
                content=Content(size=Size(4 * 2**20)),
                server=Server(up=Rate(10e6)),
                clients=[group],
                peers=Peers(super_seed=False),
            )
        )
        return outcome.times[-1]

    assert last("sequential") > 1.4 * last("rarest-first")
