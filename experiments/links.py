"""Whether links kept their rates, over the runs of one experiment: the record and its words.

Folds over the calibrations of runs; it knows neither links nor scenarios. Rates are bit/s,
times seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from net.calibration import Calibration, LinkClass
from net.link import MIN_PERIOD


class LinkRates(msgspec.Struct, frozen=True, kw_only=True):
    """One class of links in one run: mean rates while busy, and for how long they were."""

    links: str
    asked_bps: float
    achieved_bps: float
    busy_s: float


class CalibrationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one run's calibration, as JSON; lags are 0 in virtual time."""

    valid: bool
    mean_lag_s: float
    max_lag_s: float
    rates: list[LinkRates]


def record(calibration: Calibration) -> CalibrationRecord:
    """Return the record of `calibration`."""
    rates = [
        LinkRates(
            links=each.name, asked_bps=each.asked, achieved_bps=each.achieved, busy_s=each.busy
        )
        for each in calibration.classes
    ]
    return CalibrationRecord(
        valid=calibration.valid,
        mean_lag_s=calibration.mean_lag,
        max_lag_s=calibration.max_lag,
        rates=rates,
    )


def together(calibrations: Sequence[Calibration]) -> Calibration:
    """Return what several runs come to: rates over their busy time, the mean and the worst lag."""
    names = dict.fromkeys(each.name for run in calibrations for each in run.classes)
    merged = []
    for name in names:
        same = [each for run in calibrations for each in run.classes if each.name == name]
        busy = sum(each.busy for each in same)
        asked = sum(each.asked * each.busy for each in same) / busy
        achieved = sum(each.achieved * each.busy for each in same) / busy
        merged.append(LinkClass(name, asked, achieved, busy))
    lags = [run.mean_lag for run in calibrations]
    return Calibration(
        tuple(merged),
        sum(lags) / len(lags) if lags else 0.0,
        max((run.max_lag for run in calibrations), default=0.0),
    )


def summary(calibrations: Sequence[Calibration]) -> str:
    """Return one line on how well the links of `calibrations` kept their rates."""
    all_runs = together(calibrations)
    kept = "kept" if all(run.valid for run in calibrations) else "did not all keep"
    shares = ", ".join(f"{each.name} {_share(each)}" for each in all_runs.classes)
    rates = f"{kept} their rates: {shares}" if shares else _nothing_to_judge()
    return f"{rates}; {_lag(all_runs)}"


def details(calibration: Calibration) -> list[str]:
    """Return one line per class of links, and one on how late events ran."""
    lines = [
        f"{each.name:9} {each.achieved / 1e6:9.3f} of {each.asked / 1e6:.3f} Mbit/s"
        f" ({_share(each)}), busy {each.busy:.2f} s"
        for each in calibration.classes
    ]
    return [*(lines or [_nothing_to_judge()]), _lag(calibration)]


def _share(rates: LinkClass) -> str:
    return f"{rates.achieved / rates.asked:.1%}".replace("%", " %")


def _lag(calibration: Calibration) -> str:
    if not calibration.max_lag:
        return "events ran on time"
    mean, most = calibration.mean_lag * 1e3, calibration.max_lag * 1e3
    return f"events ran {mean:.1f} ms late on average, {most:.0f} ms at most"


def _nothing_to_judge() -> str:
    return f"no link was busy for {MIN_PERIOD * 1e3:.0f} ms without a pause"
