"""The bytes a run delivers: a real file's, or some made from the seed.

It knows the file, its manifest and its SHA-256; not who wants it.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from experiments.scenario import Scenario
from wire.manifest import Manifest


@dataclass(frozen=True)
class Content:
    """A file in memory, its manifest, and the SHA-256 (hex) every copy must have."""

    data: bytes
    manifest: Manifest
    sha256: str

    @property
    def path(self) -> str:
        """The path under which HTTP servers offer it, percent-encoded."""
        return f"/{quote(self.manifest.name)}"

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return len(self.data)


def load(scenario: Scenario) -> Content:
    """Return the content of `scenario`.

    Raises:
        OSError: its file cannot be read.
    """
    wanted = scenario.content
    if wanted.file is not None:
        name, data = Path(wanted.file).name, Path(wanted.file).read_bytes()
    else:
        name = "content.bin"
        data = random.Random(f"{scenario.seed}/content").randbytes(wanted.size or 0)
    manifest = Manifest.of_bytes(name, data, int(wanted.chunk_size))
    return Content(data, manifest, hashlib.sha256(data).hexdigest())
