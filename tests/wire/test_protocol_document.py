"""docs/protocol.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wire.announce import Announce, Event
from wire.frame import encode
from wire.layout import LAYOUTS
from wire.manifest import Manifest
from wire.message import Bitfield, Chunk, Contact, Handshake, Have, Message, PeerExchange, Request

DOCUMENT = Path(__file__).parents[2] / "docs" / "protocol.md"
HELLO = Manifest.of_bytes("hello.txt", b"hello world", 8)
PEER_ID = b"-swarmbed-0000000001"

pytestmark = pytest.mark.skipif(
    not DOCUMENT.exists(), reason="the documentation is not part of the wheel"
)


@pytest.fixture
def text() -> str:
    """Return the document."""
    return DOCUMENT.read_text(encoding="utf-8")


def example(text: str, name: str) -> bytes:
    """Return the bytes of the example called `name`."""
    found = re.search(rf"```hex {name}\n(.*?)```", text, re.DOTALL)
    assert found, f"no example of {name}"
    return bytes.fromhex(found[1])


@pytest.mark.parametrize(
    "message",
    [
        Handshake(bytes(range(32)), PEER_ID, 6881),
        Bitfield.of(0b10_0000_0101, 10),
        Have((7, 300)),
        Request(300),
        Chunk(300, b"hello"),
        PeerExchange((Contact(b"-swarmbed-0000000002", "127.0.0.1", 6882),)),
    ],
)
def test_the_examples_are_what_the_codec_writes(text: str, message: Message) -> None:
    """The hexadecimal examples are real frames."""
    assert example(text, type(message).__name__) == b"".join(encode(message))


def test_the_message_table_is_the_codec_s(text: str) -> None:
    """Every type has its row, and there is no other."""
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", text.partition("## Messages")[2], re.MULTILINE)
    assert {int(kind): name for kind, name in rows} == {
        kind: layout.name for kind, layout in LAYOUTS.items()
    }


def test_the_manifest_example_is_what_the_code_writes(text: str) -> None:
    """The encoding, the swarm id and the announce in the document belong together."""
    assert example(text, "Manifest") == HELLO.encode()
    assert f"swarm id is `{HELLO.swarm_id.hex()}`" in text
    announce = Announce(HELLO.swarm_id, PEER_ID, 6881, 11, Event.STARTED)
    assert f"\n{announce.target()}\n" in text
