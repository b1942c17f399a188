"""What every emulated internet offers beside its networks: faults, byte counts, calibration.

It knows how a dial begins and fails, and nothing of sockets, real or virtual.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

import trio

from net.calibration import Calibration, calibrate
from net.fabric import Fabric, UnreachableError
from net.seam import Address

SYN_TIMEOUT = 60.0  # seconds until a dial that nobody answers fails


def os_error(code: int, address: Address) -> OSError:
    """The error that the operating system raises with `code`, about `address`."""
    return OSError(code, f"{address}: {os.strerror(code)}")


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

    async def send_syn(self, a: str, b: str, address: Address) -> float:
        """Let a SYN from host `a` reach host `b`, at `address`; returns the delay of the answer.

        One that nothing answers is repeated, with growing patience, and then given up.

        Raises:
            OSError: no path leads there, `a` itself is down, or nobody answered in time.
        """
        try:
            path = self.fabric.path(a, b)
        except UnreachableError as error:
            await trio.lowlevel.checkpoint()
            raise os_error(errno.EHOSTUNREACH, address) from error
        if self.fabric.is_down(a):
            await trio.lowlevel.checkpoint()
            raise os_error(errno.ENETDOWN, address)
        await trio.sleep(path.delay)
        waited, patience = 0.0, 1.0
        while not self.fabric.connected(a, b):
            if waited >= SYN_TIMEOUT:
                raise os_error(errno.ETIMEDOUT, address)
            await trio.sleep(patience)
            waited, patience = waited + patience, patience * 2
        return path.back

    def check_host(self, host: str) -> None:
        """Raise `ValueError` for a host that the topology lacks."""
        if host not in self.fabric.uplinks:
            raise ValueError(f"no host {host!r} in the topology")
