"""Fetches hls.js from npm while the package is built: the one program in it that is not ours.

Without a network the package is built all the same, and `swarmbed play` says what is missing.
"""

from __future__ import annotations

import base64
import hashlib
import io
import sys
import tarfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VERSION = "1.7.4"
SHA512 = "3GlxGdPvT2YHvQYOt+yOzT/DEior/qJVNIylHA77kgeoBTdQQqi70GwefNEUmHQeNGyjC8U62+bruqW/Tpm+tg=="
TARBALL = f"https://registry.npmjs.org/hls.js/-/hls.js-{VERSION}.tgz"
FILES = {"package/dist/hls.min.js": "hls.min.js", "package/LICENSE": "hls.LICENSE.txt"}
VENDOR = Path("experiments/play/page/vendor")
LONGEST_WAIT = 60


class CustomBuildHook(BuildHookInterface[Any]):
    """Puts hls.js and its licence beside the page that plays with it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatch's
        """Fetch what is not there yet."""
        vendor = Path(self.root) / VENDOR
        stamp = vendor / "VERSION"
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == VERSION:
            return
        try:
            files = fetch()
        except (urllib.error.URLError, TimeoutError, ValueError) as error:
            sys.stderr.write(f"hls.js was not fetched ({error}); swarmbed play will miss it\n")
            return
        vendor.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (vendor / name).write_bytes(data)
        stamp.write_text(VERSION, encoding="utf-8")


def fetch() -> dict[str, bytes]:
    """Return the files to keep, by name.

    Raises:
        URLError: the registry cannot be reached.
        ValueError: what came is not the release that is asked for.
    """
    with urllib.request.urlopen(TARBALL, timeout=LONGEST_WAIT) as answer:
        packed = answer.read()
    if base64.b64encode(hashlib.sha512(packed).digest()).decode() != SHA512:
        raise ValueError(f"{TARBALL} has another content than release {VERSION}")
    found = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for path, name in FILES.items():
            member = archive.extractfile(path)
            if member is None:
                raise ValueError(f"{TARBALL} has no {path}")
            found[name] = member.read()
    return found
