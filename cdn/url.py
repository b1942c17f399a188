"""HTTP URLs as a client needs them: where to dial, and what to ask for there.

Refuses to know DNS; a host is whatever the network dials.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urljoin, urlsplit

from net.seam import Address

_HOST = re.compile(r"[!-~]+")
_UNRESERVED = "/%:@!$&'()*+,;=~-._?"


@dataclass(frozen=True, slots=True)
class Url:
    """An http URL: the server's `address` and the request `target` (path and query)."""

    address: Address
    target: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the parts of `text`; the port defaults to 80, the path to "/".

        Raises:
            ValueError: it is not an http URL.
        """
        parts = urlsplit(text)
        host = parts.hostname or ""
        if parts.scheme != "http" or not _HOST.fullmatch(host):
            raise ValueError(f"not an http:// URL: {text!r}")
        path = quote(parts.path or "/", safe=_UNRESERVED)
        query = quote(parts.query, safe=_UNRESERVED)
        target = f"{path}?{query}" if query else path
        return cls(Address(host, 80 if parts.port is None else parts.port), target)

    def join(self, location: str) -> Self:
        """Return the URL that a Location field here refers to (RFC 9110 10.2.2).

        Raises:
            ValueError: it leads out of http.
        """
        return type(self).parse(urljoin(str(self), location))

    def __str__(self) -> str:
        return f"http://{self.address}{self.target}"
