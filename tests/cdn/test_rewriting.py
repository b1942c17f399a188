"""Pages whose links are led elsewhere."""

from __future__ import annotations

import pytest

from cdn.rewriting import rewrite, rewrites

PLAYLIST = """#EXTM3U
#EXT-X-MAP:URI="init.mp4"
#EXTINF:4.0,
segment-0.m4s
#EXTINF:4.0,
http://other.example/segment-1.m4s
"""


def led(text: str, media_type: str, base: str = "/video/index") -> str:
    """Rewrite with an edge that is easy to see."""
    return rewrite(text, media_type, base, lambda path: f"http://edge{path}")


def test_a_playlist_leads_to_the_edge() -> None:
    """Lines and URI attributes (RFC 8216 4.1) change; tags and other sites stay."""
    assert led(PLAYLIST, "application/vnd.apple.mpegurl") == PLAYLIST.replace(
        "init.mp4", "http://edge/video/init.mp4"
    ).replace("\nsegment-0", "\nhttp://edge/video/segment-0")


@pytest.mark.parametrize(
    ("link", "becomes"),
    [
        ("/a.bin", "http://edge/a.bin"),
        ("a.bin?x=1", "http://edge/video/a.bin?x=1"),
        ("../a.bin#part", "http://edge/a.bin#part"),
        ("https://other/a", "https://other/a"),
        ("//other/a", "//other/a"),
        ("#here", "#here"),
    ],
)
def test_links_of_html(link: str, becomes: str) -> None:
    """References to the same site are resolved (RFC 3986 5.2) and led; others stay."""
    text = f"<img SRC = '{link}'><a class=x href=\"{link}\">text</a><p>{link}</p>"
    assert led(text, "text/html; charset=utf-8") == text.replace(
        f"'{link}'", f"'{becomes}'"
    ).replace(f'"{link}"', f'"{becomes}"')


def test_a_list_of_links() -> None:
    """Comments and line ends of a list (RFC 2483 5) survive."""
    assert led("# mine\r\n/a\r\n\r\n/b\r\n", "text/uri-list") == (
        "# mine\r\nhttp://edge/a\r\n\r\nhttp://edge/b\r\n"
    )


def test_what_has_no_links_stays() -> None:
    """A script is no page."""
    assert not rewrites("text/javascript")
    assert led("'/a'", "text/javascript") == "'/a'"
