"""The documents of a packaged video: every playlist and manifest as text, by path, and back.

Refuses to know how the segments came to be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cdn.site import DirectorySite, FileResource
from cdn.video.dash import manifest
from cdn.video.playlist import MasterPlaylist, MediaPlaylist, PlaylistError, parse
from cdn.video.rendition import MANIFEST, MASTER, Rendition, master


def documents(renditions: Sequence[Rendition]) -> Mapping[str, str]:
    """Return the text of each document by its path within the package.

    There is a DASH manifest if all segments are fragmented MP4.
    """
    texts = {MASTER: master(renditions).text()}
    texts.update({each.playlist_path: each.playlist().text() for each in renditions})
    if all(each.fragmented for each in renditions):
        texts[MANIFEST] = manifest(renditions)
    return texts


def read_playlists(site: DirectorySite) -> Mapping[str, MediaPlaylist]:
    """Return the media playlists of the packaged video in `site`, by path.

    Raises:
        FileNotFoundError: a playlist is not there; names it.
        PlaylistError: a playlist is none.
    """
    top = _read(site, MASTER)
    if not isinstance(top, MasterPlaylist):
        raise PlaylistError(1, f"{MASTER} is not a master playlist")
    uris = [*(each.uri for each in top.variants), *(each.uri for each in top.sounds)]
    found = {uri: _read(site, uri) for uri in uris}
    return {uri: each for uri, each in found.items() if isinstance(each, MediaPlaylist)}


def _read(site: DirectorySite, path: str) -> MasterPlaylist | MediaPlaylist:
    resource = site.lookup(f"/{path}")
    if not isinstance(resource, FileResource):
        raise FileNotFoundError(f"there is no {path} in {site.root}")
    return parse(resource.path.read_text("utf-8"))
