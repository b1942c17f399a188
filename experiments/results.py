"""The results directory: what a run leaves behind, and how far it got.

It writes whole files or none and replaces only what it wrote itself; it computes nothing.

    manifest.json           version, seed, fingerprint, state: running, complete, interrupted
    scenario.toml           what was asked, with every default written out
    metrics.json, .csv      one row per run; in the JSON with `swarm`, `cdn`, `video`
    runs/NAME.toml          one run's own scenario
    runs/NAME.events.jsonl.gz   its event log
    runs/NAME.calibration.json  whether its links kept their rates
    *.png, *.svg            figures
"""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from experiments import __version__
from experiments.cdn_metrics import CdnMetrics
from experiments.links import CalibrationRecord
from experiments.metrics import Metrics
from experiments.swarm_metrics import SwarmMetrics
from experiments.video_metrics import VideoMetrics

State = Literal["running", "complete", "interrupted", "failed"]
MANIFEST = "manifest.json"


class ResultsError(Exception):
    """The directory cannot be used; the message says why and what to do."""


class RunManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What made the results beside it, and how far it got."""

    swarmbed: str
    seed: int
    fingerprint: str
    state: State


class Results:
    """One results directory.

    Always true: the manifest's state is `running` until the last file is in place, and no file
    is ever half-written.
    """

    def __init__(self, directory: Path, *, scenario: str, seed: int) -> None:
        """Take `directory` for the results of `scenario` (TOML), replacing earlier results.

        Raises:
            ResultsError: it holds something else, or cannot be written.
        """
        self.directory = directory
        self._manifest = RunManifest(
            swarmbed=__version__, seed=seed, fingerprint=fingerprint(scenario), state="running"
        )
        try:
            _make_room(directory)
            (directory / "runs").mkdir()
            self._write(MANIFEST, _json(self._manifest))
            self._write("scenario.toml", scenario.encode())
        except OSError as error:
            raise ResultsError(f"{directory}: {error.strerror}; give another --out") from error

    def add_run(
        self, name: str, *, scenario: str, events: bytes, calibration: CalibrationRecord
    ) -> None:
        """Keep one run: its scenario (TOML), its event log (gzip) and its links' rates."""
        self._write(f"runs/{name}.toml", scenario.encode())
        self._write(f"runs/{name}.events.jsonl.gz", events)
        self._write(f"runs/{name}.calibration.json", _json(calibration))

    def add_figure(self, name: str, data: bytes) -> Path:
        """Keep a figure; return its path."""
        return self._write(name, data)

    def add_record(self, name: str, value: object) -> None:
        """Keep a value as JSON."""
        self._write(name, _json(value))

    def add_lines(self, name: str, lines: Sequence[Mapping[str, object]]) -> None:
        """Keep lines with equal columns as CSV."""
        self._write(name, _csv(lines, list(lines[0]) if lines else []))

    def finish(
        self,
        rows: Sequence[Metrics],
        state: State,
        *,
        swarms: Sequence[SwarmMetrics | None] = (),
        cdns: Sequence[CdnMetrics | None] = (),
        videos: Sequence[VideoMetrics | None] = (),
    ) -> None:
        """Write the metrics and say how the run ended; swarms and CDNs are the rows' own."""
        self._write("metrics.json", _json(with_details(rows, swarms, cdns, videos)))
        lines = [msgspec.structs.asdict(row) for row in rows]
        self._write("metrics.csv", _csv(lines, Metrics.__struct_fields__))
        self._write(MANIFEST, _json(msgspec.structs.replace(self._manifest, state=state)))

    def _write(self, name: str, data: bytes) -> Path:
        path = self.directory / name
        temporary = path.with_name(f".{path.name}.partial")
        temporary.write_bytes(data)
        temporary.replace(path)
        return path


def with_details(
    rows: Sequence[Metrics],
    swarms: Sequence[SwarmMetrics | None],
    cdns: Sequence[CdnMetrics | None] = (),
    videos: Sequence[VideoMetrics | None] = (),
) -> list[dict[str, object]]:
    """Return the rows as JSON objects, with `swarm`, `cdn` and `video` where there was one."""
    objects: list[dict[str, object]] = [msgspec.to_builtins(row) for row in rows]
    for key, details in (("swarm", swarms), ("cdn", cdns), ("video", videos)):
        for row, detail in zip(objects, details, strict=False):
            if detail is not None:
                row[key] = msgspec.to_builtins(detail)
    return objects


def fingerprint(scenario: str) -> str:
    """Return what tells experiments apart: SHA-256 of the version and the resolved scenario."""
    return hashlib.sha256(f"swarmbed {__version__}\n{scenario}".encode()).hexdigest()


def _make_room(directory: Path) -> None:
    if directory.is_dir() and any(directory.iterdir()):
        if not (directory / MANIFEST).is_file():
            raise ResultsError(
                f"{directory} is not empty and holds no results of swarmbed; give another --out"
            )
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _csv(lines: Iterable[Mapping[str, object]], columns: Sequence[str]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue().encode()
