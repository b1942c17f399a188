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
TrackersAt = Annotated[
    list[str] | None,
    Parameter(
        name="--tracker",
        negative="",
        help="Where a tracker listens, HOST:PORT (default 127.0.0.1:7000). Repeat it for others, "
        "asked in this order when one fails or knows nobody.",
    ),
]
WebSeedsAt = Annotated[
    list[str] | None,
    Parameter(
        name="--web-seed",
        help="An HTTP server's URL of the same file, or of its directory; again for others.",
        negative="",
    ),
]
WebPolicy = Annotated[
    str, Parameter(help="When to use web seeds: always, when-rare, when-idle, take-turns or never.")
]
Picker = Annotated[
    str,
    Parameter(
        help="Which chunk to ask for next: rarest-first, random, sequential, windowed-rarest, or "
        "a class of your own, path/to/file.py:ClassName."
    ),
]
Choker = Annotated[
    str,
    Parameter(
        help="Whom to serve: tit-for-tat, block-tit-for-tat, prop-share, bit-tyrant, round-robin, "
        "least-served, seed-linear, free-rider (nobody), or path/to/file.py:ClassName."
    ),
]
