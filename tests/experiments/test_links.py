"""What is kept and said of calibrations."""

from __future__ import annotations

import msgspec
import pytest

from experiments import links
from net.calibration import Calibration, LinkClass

EXACT = Calibration((LinkClass("uplink", 10e6, 10e6, 3.0),))
LATE = Calibration(
    (LinkClass("uplink", 20e6, 19e6, 1.0), LinkClass("downlink", 50e6, 40e6, 2.0)), 0.002, 0.0304
)


@pytest.mark.parametrize(
    ("calibrations", "says"),
    [
        ([EXACT], "kept their rates: uplink 100.0 %; events ran on time"),
        (
            [EXACT, LATE],
            "did not all keep their rates: uplink 98.0 %, downlink 80.0 %;"
            " events ran 1.0 ms late on average, 30 ms at most",
        ),
        ([Calibration(())], "no link was busy for 100 ms without a pause; events ran on time"),
        ([], "no link was busy for 100 ms without a pause; events ran on time"),
    ],
)
def test_one_line_sums_up_the_links_of_many_runs(
    calibrations: list[Calibration], says: str
) -> None:
    """Shares are weighed by busy time, the mean lag by runs, and the worst lag is named."""
    assert links.summary(calibrations) == says


def test_a_single_run_is_told_in_full() -> None:
    """Asked and achieved rate and busy time of each class, and the lag."""
    assert links.details(LATE) == [
        "uplink       19.000 of 20.000 Mbit/s (95.0 %), busy 1.00 s",
        "downlink     40.000 of 50.000 Mbit/s (80.0 %), busy 2.00 s",
        "events ran 2.0 ms late on average, 30 ms at most",
    ]
    assert links.details(Calibration(()))[0].startswith("no link was busy")


def test_the_record_keeps_every_number() -> None:
    """Nothing of a calibration is lost on its way to JSON."""
    kept = msgspec.to_builtins(links.record(LATE))
    assert kept == {
        "valid": False,
        "mean_lag_s": 0.002,
        "max_lag_s": 0.0304,
        "rates": [
            {"links": "uplink", "asked_bps": 20e6, "achieved_bps": 19e6, "busy_s": 1.0},
            {"links": "downlink", "asked_bps": 50e6, "achieved_bps": 40e6, "busy_s": 2.0},
        ],
    }
