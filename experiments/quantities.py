"""The quantities of a scenario as types: rates in bit/s, sizes in bytes, durations in seconds.

How they are written is the business of `units`, what they measure of whoever names them.
"""

from __future__ import annotations


class Rate(float):
    """A rate in bit/s, written `10Mbps`."""


class Size(int):
    """A number of bytes, written `16MiB`."""


class Duration(float):
    """A time in seconds, written `40ms`."""
