"""Carries out a list of scenarios: run, show, keep, draw, and say how it went.

What `compare`, `run` and `demo` share; it parses no flags.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.cli import show, show_cdn, show_video
from experiments.cli.errors import ENVIRONMENT, FAILED, INTERRUPTED, INVALID, USAGE, CommandError

if TYPE_CHECKING:
    from experiments.results import Results, State
    from experiments.runner import NetworkName, Outcome
    from experiments.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """What to run, where to keep it, and how to talk about it."""

    title: str
    base: Scenario
    scenarios: Sequence[Scenario]
    network: NetworkName
    out: Path
    jobs: int | None
    json: bool
    quiet: bool
    draw_more: Callable[[Outcome], dict[str, bytes]] | None = None  # of a campaign of one run

    def carry_out(self) -> int:
        """Run everything and return the exit code; what is finished is kept in any case."""
        from cdn.player.abr import AbrError
        from experiments import comparison, links
        from experiments.scenario import to_toml
        from peer.decision import StrategyError

        results = self._open_results()
        done: dict[int, Outcome] = {}
        state: State = "failed"
        try:
            with show.progress(len(self.scenarios), quiet=self.quiet) as report:
                jobs = self.jobs or min(os.cpu_count() or 1, len(self.scenarios))
                for index, outcome in comparison.outcomes(self.scenarios, self.network, jobs):
                    done[index] = outcome
                    results.add_run(
                        self.run_name(outcome),
                        scenario=to_toml(outcome.scenario),
                        events=outcome.events,
                        calibration=links.record(outcome.calibration),
                    )
                    report(outcome)
            if not any(outcome.failures for outcome in done.values()):
                state = "complete"
        except OSError as error:
            raise CommandError(str(error), ENVIRONMENT) from error
        except (AbrError, StrategyError) as error:
            raise CommandError(str(error), FAILED) from error
        except KeyboardInterrupt:
            state = "interrupted"
            show.say("interrupted; what was finished is kept", quiet=self.quiet)
        finally:
            self._keep(results, [done[index] for index in sorted(done)], state)
        return self._code(list(done.values()), state)

    def run_name(self, outcome: Outcome) -> str:
        """Return what the files of one run are called."""
        return outcome.name

    def present(self, results: Results, done: Sequence[Outcome], state: State) -> None:
        """Print the table or the JSON, draw, and finish the results directory."""
        import msgspec

        from experiments import comparison, groups
        from experiments.results import with_details

        rows = [outcome.metrics for outcome in done]
        swarms = [outcome.swarm for outcome in done]
        cdns = [outcome.cdn for outcome in done]
        videos = [outcome.video for outcome in done]
        if self.json:
            show.as_json(with_details(rows, (), cdns, videos))
        elif len(done) == 1 and done[0].cdn is not None:
            show_cdn.tables(done[0].cdn, title=self.title)
            show.links([done[0].calibration])
        elif len(done) == 1 and done[0].video is not None:
            show_video.tables(done[0].video, title=self.title)
            show.viewers(done[0].viewers)
            show.links([done[0].calibration])
        elif rows:
            show.table(rows, title=self.title)
            if len(done) == 1:
                show.bound_note(done[0].scenario)
            if len(swarms) == 1 and swarms[0] is not None:
                show.swarm(swarms[0])
                show.groups(groups.fold(done[0]))
            show.links([outcome.calibration for outcome in done])
        drawn = comparison.draw(done, self.base, network=self.network)
        if self.draw_more is not None and done:
            drawn |= self.draw_more(done[0])
        self.keep_figures(results, drawn)
        if len(done) == 1 and done[0].cdn is not None:
            caches = [msgspec.structs.asdict(each) for each in done[0].cdn.caches]
            results.add_lines("caches.csv", caches)
        results.finish(rows, state, swarms=swarms, cdns=cdns, videos=videos)

    def keep_figures(self, results: Results, drawn: Mapping[str, bytes]) -> None:
        """Keep figures by file name, and say where they are."""
        for name, data in drawn.items():
            path = results.add_figure(name, data)
            if path.suffix == ".png":
                show.say(f"figure   {path}", quiet=self.quiet)

    def _open_results(self) -> Results:
        from experiments.results import Results, ResultsError
        from experiments.scenario import to_toml

        try:
            return Results(self.out, scenario=to_toml(self.base), seed=self.base.seed)
        except ResultsError as error:
            raise CommandError(str(error), USAGE) from error

    def _keep(self, results: Results, done: Sequence[Outcome], state: State) -> None:
        self.present(results, done, state)
        show.say(f"results  {results.directory} ({state})", quiet=self.quiet)

    def _code(self, done: Sequence[Outcome], state: State) -> int:
        for outcome in done:
            for failure in outcome.failures:
                show.say(f"failed   {outcome.name}: {failure}", quiet=self.quiet)
            for reason in outcome.calibration.reasons:
                show.say(f"invalid  {outcome.name}: {reason}", quiet=self.quiet)
        if state == "interrupted":
            return INTERRUPTED
        if state == "failed":
            return FAILED
        return 0 if all(outcome.metrics.valid for outcome in done) else INVALID
