"""The hash that all consistent routers share: 64 even bits of a text, the same everywhere.

It refuses to know what is hashed.
"""

from __future__ import annotations

from hashlib import blake2b

BITS = 64


def hash64(text: str, salt: str = "") -> int:
    """Return 64 bits that depend on `text` and `salt` only (BLAKE2b, RFC 7693)."""
    digest = blake2b(f"{salt}\0{text}".encode(), digest_size=BITS // 8).digest()
    return int.from_bytes(digest, "big")
