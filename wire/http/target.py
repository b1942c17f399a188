"""The request target (RFC 9112 3.2): its parts in each of its forms, and the Host rules beside it.

Percent-encoding is left as it came: only a site knows what its names mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from wire.http.errors import BadRequestError
from wire.http.headers import Headers

_ABSOLUTE = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]+)(?P<rest>.*)", re.IGNORECASE)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]{0,5})?")
_PORT = re.compile(r":[0-9]+$")


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is for: `path` and `query` as sent; the path is "*" for OPTIONS *.

    `scheme` and `authority` (lower case) are those of the absolute form. The authority form of
    CONNECT has nothing but an authority.
    """

    path: str
    query: str = ""
    scheme: str = ""
    authority: str = ""

    def parameters(self, limit: int = 64) -> dict[str, str]:
        """Return the decoded query parameters, the last of equal names.

        Raises:
            BadRequestError: more than `limit` of them, or bytes that are not UTF-8.
        """
        try:
            pairs = parse_qsl(
                self.query, keep_blank_values=True, errors="strict", max_num_fields=limit
            )
        except ValueError as error:
            raise BadRequestError(400, f"bad query: {error}") from error
        return dict(pairs)


def parse_target(method: str, target: str) -> Target:
    """Return the parts of a request target in the form that goes with `method` (RFC 9112 3.2).

    Raises:
        BadRequestError: the target has none of the forms of HTTP.
    """
    if method == "CONNECT":
        if not _PORT.search(target):
            raise BadRequestError(400, f"CONNECT needs HOST:PORT, not {target[:100]!r}")
        return Target("", authority=_authority(target))
    if target == "*" and method == "OPTIONS":
        return Target("*")
    absolute = _ABSOLUTE.fullmatch(target)
    rest = absolute["rest"] if absolute else target
    if absolute and rest == "" and method == "OPTIONS":
        return Target("*", "", absolute["scheme"].lower(), _authority(absolute["authority"]))
    if absolute and not rest.startswith("/"):
        rest = f"/{rest}"
    if not rest.startswith("/") or "#" in rest:
        raise BadRequestError(400, f"not a request target: {target[:100]!r}")
    path, _, query = rest.partition("?")
    if absolute is None:
        return Target(path, query)
    return Target(path, query, absolute["scheme"].lower(), _authority(absolute["authority"]))


def _authority(text: str) -> str:
    """Return a host with an optional port; user names are refused (RFC 9110 4.2.4)."""
    if not _HOST.fullmatch(text) or text.startswith(":"):
        raise BadRequestError(400, f"not a host: {text[:100]!r}")
    return text.lower()


def check_host(headers: Headers) -> None:
    """Check that a Host field, if any, is well formed (RFC 9112 3.2; h11 counts them).

    Raises:
        BadRequestError: it is not a host with an optional port.
    """
    host = headers.get("host")
    if host is not None and not _HOST.fullmatch(host):
        raise BadRequestError(400, f"malformed Host: {host[:100]!r}")
