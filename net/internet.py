"""What every emulated internet offers beside its networks: faults, byte counts, calibration."""

from __future__ import annotations

from collections.abc import Sequence

from net.calibration import Calibration, calibrate
from net.fabric import Fabric


class Internet:
    """Hosts joined by a fabric; subclasses say how their bytes travel and how time passes."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric

    def crash(self, host: str) -> None:
        """`host` falls silent: nothing it sent or is sent arrives any more."""
        self.fabric.crash(host)

    def partition(self, island: Sequence[str]) -> None:
        """Cut every host of `island` from every other host; connections stall."""
        self.fabric.partition(island)

    def heal(self, island: Sequence[str]) -> None:
        """Undo `partition(island)`; what another partition separates stays so."""
        self.fabric.rejoin(island)

    def set_access(self, host: str, *, up: float | None = None, down: float | None = None) -> None:
        """Change a host's access rates, in bit/s."""
        self.fabric.set_access(host, up=up, down=down)

    def bytes_up(self, host: str) -> int:
        """Bytes that have left `host` so far."""
        return self.fabric.uplinks[host].bytes_carried

    def bytes_down(self, host: str) -> int:
        """Bytes that have reached `host` so far."""
        return self.fabric.downlinks[host].bytes_carried

    def calibration(self) -> Calibration:
        """Asked against achieved rate per link class."""
        return calibrate(self.fabric)

    def check_host(self, host: str) -> None:
        """Raise `ValueError` for a host that the topology lacks."""
        if host not in self.fabric.uplinks:
            raise ValueError(f"no host {host!r} in the topology")
