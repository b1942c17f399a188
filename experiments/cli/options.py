"""Flags that several commands share."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

_SWITCH = Parameter(negative="", show_default=False)

Json = Annotated[bool, _SWITCH, Parameter(help="JSON on stdout instead of text.")]
Quiet = Annotated[bool, _SWITCH, Parameter(help="No talk on stderr.")]
Verbose = Annotated[bool, _SWITCH, Parameter(help="Every event as a line of JSON on stderr.")]
OnNetwork = Annotated[
    Literal["virtual", "loopback"],
    Parameter(help="virtual: emulated, exact, fast; loopback: real sockets, real time."),
]
Host = Annotated[str, Parameter(help="Address to bind to; 0.0.0.0 is every interface.")]
Port = Annotated[int, Parameter(help="Port to bind to; 0 picks a free one.")]
TrackerAt = Annotated[str, Parameter(help="Where the tracker listens, HOST:PORT.")]
