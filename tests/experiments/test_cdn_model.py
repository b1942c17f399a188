"""Whole runs of a CDN in virtual time: every byte right, whatever happens; and who saves what."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from experiments import cli, log, runner
from experiments.cdn_metrics import CdnMetrics
from experiments.models import models
from experiments.runner import Outcome
from experiments.scenario import ScenarioError, delivery, parse

SCENARIOS = Path(__file__).parents[2] / "docs" / "scenarios.md"
BASE: dict[str, Any] = {
    "name": "small",
    "model": "cdn",
    "catalogue": {"objects": 40, "size": {"kind": "fixed", "bytes": "16KiB"}},
    "demand": {"rate": 20.0, "lasts": "5s", "patience": "1s"},
    "cdn": {"capacity": 0.3},
    "edges": {"count": 3},
    "clients": [{"count": 6}],
}


def changed(**sections: dict[str, Any] | list[dict[str, Any]]) -> dict[str, Any]:
    """Return the base with keys of some sections replaced."""
    table = dict(BASE)
    for name, section in sections.items():
        table[name] = {**BASE[name], **section} if isinstance(section, dict) else section
    return table


def run(**sections: dict[str, Any] | list[dict[str, Any]]) -> Outcome:
    """Run the base with changes."""
    return _run(json.dumps(changed(**sections)))


@cache
def _run(table: str) -> Outcome:
    return runner.run(parse(json.loads(table), tuple(models()), source="test"))


def told(outcome: Outcome) -> CdnMetrics:
    """Return a run's metrics."""
    assert outcome.cdn is not None
    return outcome.cdn


def names(outcome: Outcome) -> list[str]:
    """Return the names of a run's events."""
    return [event.name for event in log.read(outcome.events)]


def test_everybody_gets_everything() -> None:
    """Every request is served with the right bytes; hits stay below what is possible."""
    found = told(run())
    assert found.failed == 0
    assert found.requests > 70
    assert 0 < (found.hit_ratio or 0) <= (found.best_hit_ratio or 0)
    assert found.bytes == found.requests * 16 * 1024
    assert 0 < (found.offload or 0) < (found.byte_hit_ratio or 0)  # headers leave the origin, too


def test_a_seed_is_a_whole_run() -> None:
    """Equal scenarios have equal logs, byte for byte."""
    first, again = run(), runner.run(parse(changed(), tuple(models()), source="test"))
    assert first.metrics.digest == again.metrics.digest


@pytest.mark.parametrize("routing", ["origin-only", "random", "maglev", "bounded-load"])
def test_every_routing_serves(routing: str) -> None:
    """Whoever is asked, the bytes are right; the origin alone has no edge to ask."""
    found = told(run(cdn={"routing": routing}))
    assert found.failed == 0
    assert (found.tiers[0].requests == 0) == (routing == "origin-only")


def test_a_router_that_fails_is_told(tmp_path: Path) -> None:
    """A class of one's own may be wrong: nobody hangs, and the run says so."""
    (tmp_path / "mine.py").write_text(
        "class Mine:\n    def route(self, client, key, fleet):\n        return 'moon'\n"
    )
    found = told(run(cdn={"routing": f"{tmp_path}/mine.py:Mine"}, demand={"lasts": "500ms"}))
    assert found.requests == 0
    assert found.errors > found.failed > 0


def test_content_routing_stores_each_object_once() -> None:
    """A hash ring makes one large cache of three: more hits, and longer ways."""
    near, ring = told(run()), told(run(cdn={"routing": "hash-ring"}))
    assert (ring.hit_ratio or 0) > (near.hit_ratio or 0)
    assert (ring.load_jain or 0) < (near.load_jain or 0)


def test_tiers_take_load_off_the_origin() -> None:
    """The same edges miss as often, and the origin sends less with each tier above them."""
    runs = [told(run(cdn={"tiers": tiers, "capacity": [0.2, 0.5, 0.9]})) for tiers in (1, 2, 3)]
    assert [found.hit_ratio for found in runs] == [pytest.approx(runs[0].hit_ratio, abs=0.05)] * 3
    assert [len(found.tiers) for found in runs] == [2, 3, 4]
    origins = [found.tiers[-1].egress_bytes for found in runs]
    assert origins == sorted(origins, reverse=True)


def test_siblings_are_asked_before_the_origin() -> None:
    """Cooperation saves the origin's bytes and costs round trips."""
    alone, together = told(run()), told(run(cdn={"cooperative": True}))
    assert together.from_siblings > 0
    assert (together.offload or 0) > (alone.offload or 0)
    assert (together.first_byte.mean_s or 0) > (alone.first_byte.mean_s or 0)


@pytest.mark.parametrize("placement", ["popular", "greedy"])
def test_what_is_placed_is_hit(placement: str) -> None:
    """Placed objects are there for the first who asks."""
    found = told(run(cdn={"placement": placement}))
    assert (found.hit_ratio or 0) > (told(run()).hit_ratio or 0)
    assert found.placement_s is not None
    assert found.tiers[-1].placed_bytes > 0


@pytest.mark.parametrize("spread", ["star", "tree"])
def test_full_replication_never_asks_the_origin(spread: str) -> None:
    """With everything everywhere every request is a hit; a tree shares the work of placing."""
    found = told(run(cdn={"placement": "full", "capacity": 1.5, "spread": spread, "arity": 1}))
    assert found.hit_ratio == 1.0
    placed = {cache.name: cache.placed_bytes for cache in found.caches}
    assert (placed["edge-1"] > 10_000) == (spread == "tree")


def test_replacement_follows_what_is_asked() -> None:
    """A placement that is renewed pushes what has become popular."""
    drift = {"drift": {"every": "1s", "share": 0.5}}
    fixed = run(cdn={"placement": "popular"}, demand=drift)
    renewed = run(cdn={"placement": "popular", "replacement": "1s"}, demand=drift)
    assert names(renewed).count("placement_finished") > names(fixed).count("placement_finished")
    assert names(renewed).count("object_pushed") > names(fixed).count("object_pushed")


def test_rewritten_links_save_the_redirects() -> None:
    """One page for a session instead of a redirect for each request."""
    session = {"session": {"kind": "browse", "requests": 4.0, "pause": "100ms"}, "rate": 5.0}
    redirect = told(run(demand=session))
    rewrite = told(run(demand=session, cdn={"steering": "rewrite"}))
    assert rewrite.requests == redirect.requests
    assert (rewrite.first_byte.mean_s or 0) < (redirect.first_byte.mean_s or 0) - 0.03


def test_videos_are_watched_segment_by_segment() -> None:
    """Their beginnings can be placed."""
    found = told(
        run(
            catalogue={"objects": 10, "segments": 4},
            demand={"session": {"kind": "watch", "abandon": 0.3}, "rate": 5.0},
            cdn={"placement": "prefix", "prefix": 1, "capacity": 0.5},
        )
    )
    assert found.failed == 0
    assert (found.hit_ratio or 0) > 0.3


CRASH = {"kind": "crash", "at": "2s", "host": "edge-1"}
ORIGIN_OUT = {"kind": "outage", "at": "2s", "lasts": "2s", "host": "server"}
EDGE_OUT = {"kind": "outage", "at": "2s", "lasts": "2s", "host": "edge-2"}
SLOW = {"kind": "slow-link", "at": "2s", "host": "edge-3", "up": "40kbps"}
HEALTH = {"interval": "300ms", "timeout": "300ms"}


@pytest.mark.parametrize(
    ("fault", "event"),
    [
        (CRASH, "edge_went_down"),
        (EDGE_OUT, "edge_came_up"),
        (SLOW, "edge_went_down"),
        (ORIGIN_OUT, "origin_failed"),
    ],
)
@pytest.mark.parametrize("steering", ["redirect", "rewrite"])
def test_clients_move_and_nothing_is_lost(fault: dict[str, Any], event: str, steering: str) -> None:
    """An edge that dies, is out, or slows down, an origin that is out: all is served, and right."""
    outcome = run(faults=[fault], cdn={"steering": steering, "health": HEALTH})
    found = told(outcome)
    assert event in names(outcome)
    assert (found.failed, found.requests) == (0, told(run(cdn={"steering": steering})).requests)
    assert found.moved > 0


def test_stale_content_is_served_while_the_origin_is_out() -> None:
    """What is stored answers although it is stale (RFC 9111 4.2.4)."""
    found = told(run(faults=[ORIGIN_OUT], catalogue={"max_age": "1s"}))
    assert found.stale > 0
    assert found.failed == 0


def test_a_trace_is_replayed_through_the_cdn(tmp_path: Path) -> None:
    """Its requests, in its order, by clients chosen by the seed."""
    trace = tmp_path / "trace.csv"
    trace.write_text("time,object,size\n" + "".join(f"{n / 10},o{n % 5},1000\n" for n in range(40)))
    found = told(run(demand={"trace": str(trace)}))
    assert (found.requests, found.bytes, found.failed) == (40, 40_000, 0)


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"cdn": {"policy": "lruu"}}, "cdn.policy: no policy 'lruu'; did you mean 'lru'?"),
        ({"cdn": {"policy": "belady"}}, "cdn.policy: belady knows the future"),
        ({"cdn": {"routing": "nearset"}}, "no router 'nearset'; did you mean 'nearest'"),
        ({"cdn": {"admission": "never"}}, "cdn.admission: no admission 'never'; there are always"),
        ({"cdn": {"capacity": "64"}}, "cdn.capacity: '64' is not a size"),
        ({"cdn": {"capacity": 3.0}}, "cdn.capacity: 3 is no share of the catalogue"),
        ({"cdn": {"tiers": 2, "capacity": [0.1]}}, None),
        ({"cdn": {"tiers": 3, "capacity": [0.1, 0.2]}}, "cdn.capacity: 2 capacities for 3 tiers"),
        ({"cdn": {"tiers": 4}}, "cdn.tiers: 4 is not between 1 and 3"),
        ({"cdn": {"placement": "full"}}, "cdn.capacity: edges that get everything need room"),
        ({"cdn": {"placement": "prefix"}}, "cdn.prefix: 1 of 1 segments is no prefix"),
        ({"cdn": {"placement": "some"}}, "cdn.placement: Invalid enum value 'some'"),
        ({"cdn": {"replacement": "1s"}}, "cdn.replacement: there is nothing to replace"),
        ({"cdn": {"polici": "lru"}}, "cdn.polici: unknown key; did you mean 'policy'?"),
        ({"cdn": {"health": {"tmeout": "1s"}}}, "cdn.health.tmeout: unknown key; did you mean"),
        ({"demand": {"rate": 0.0}}, "demand.rate: 0 is not above 0"),
        ({"demand": {"lasts": "0s"}}, "demand.lasts: must be longer than 0s"),
        ({"demand": {"trace": "/absent"}}, "demand.trace: there is no file"),
        ({"demand": {"by_region": [1.0]}}, "demand.by_region: 1 shares for 3 regions"),
        ({"demand": {"session": {"kind": "watch", "abandn": 1.0}}}, "did you mean 'abandon'?"),
        ({"catalogue": {"objects": 0}}, "catalogue.objects: 0 is not between 1"),
        ({"catalogue": {"size": {"kind": "fixed", "bytes": "1GiB"}}}, "size.bytes: is above"),
        ({"faults": [{"kind": "outage", "at": "1s", "lasts": "1s", "host": "client-1"}]},
         "'client-1' cannot be started anew; one of server, director, edge-1"),
        ({"faults": [{"kind": "crash", "at": "1s", "host": "regional-1"}]},
         "no host 'regional-1'"),
    ],
)  # fmt: skip
def test_a_refusal_names_key_and_fix(sections: dict[str, Any], says: str | None) -> None:
    """What cannot be run is refused before anything starts."""
    if says is None:
        parse(changed(**sections), tuple(models()), source="small.toml")
        return
    with pytest.raises(ScenarioError) as caught:
        parse(changed(**sections), tuple(models()), source="small.toml")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cdn": None}, "cdn: the model 'cdn' needs a [cdn] section"),
        ({"model": "p2p", "content": {"size": "1MiB"}}, "only the model 'cdn' has this section"),
        ({"content": {"size": "1MiB"}}, "content: the model 'cdn' delivers a [catalogue] instead"),
        (
            {"clients": [{"count": 6, "arrival": {"kind": "poisson", "mean_gap": "1s"}}]},
            "clients[0].arrival: in this model [demand] says when somebody asks",
        ),
    ],
)
def test_sections_belong_to_the_model(change: dict[str, Any], says: str) -> None:
    """The CDN needs its three sections, other models have none of them."""
    with pytest.raises(ScenarioError) as caught:
        parse({**BASE, **change}, tuple(models()), source="small.toml")
    assert says in str(caught.value)


def test_the_command_shows_tiers_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table per tier and cache, how long requests took; files and figures in the results."""
    path, out = tmp_path / "small.toml", tmp_path / "out"
    path.write_text(
        'name = "small"\nmodel = "cdn"\n[catalogue]\nobjects = 20\n[demand]\nrate = 10\n'
        'lasts = "3s"\n[cdn]\n[edges]\ncount = 2\n[[clients]]\ncount = 4\n'
    )
    code = cli.app(
        ["run", str(path), "--figures", "--quiet", "--out", str(out)], exit_on_error=False
    )
    printed = capsys.readouterr().out
    assert code == 0
    for words in ("tier", "edge-2", "origin", "first byte", "Jain's index", "per GB delivered"):
        assert words in printed
    row = json.loads((out / "metrics.json").read_text())[0]
    assert row["cdn"]["failed"] == 0
    assert (out / "caches.csv").read_text().startswith("name,requests,hit_ratio")
    for figure in ("latency", "hits-over-time", "load"):
        assert (out / f"{figure}.svg").stat().st_size > 1000


@pytest.mark.skipif(not SCENARIOS.exists(), reason="the documentation is not part of the wheel")
@pytest.mark.parametrize(
    ("section", "kind"),
    [
        ("catalogue", delivery.Catalogue),
        ("demand", delivery.Demand),
        ("cdn", delivery.Cdn),
        ("cdn.health", delivery.Health),
        ("cdn.price", delivery.Price),
    ],
)
def test_every_key_is_documented(section: str, kind: type[msgspec.Struct]) -> None:
    """docs/scenarios.md names each key of a CDN's sections."""
    text = SCENARIOS.read_text(encoding="utf-8")
    told = text.partition("## A CDN")[2].partition("\n## ")[0]
    for field in msgspec.structs.fields(kind):
        known = (f"`{section}.{field.name}", f"`.{field.name}`", f"`cdn.{field.name}.")
        assert any(form in told for form in known), f"{section}.{field.name}"
