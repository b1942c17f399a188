"""Field lines as they go out."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.http import fields
from wire.http.headers import Headers

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
latin = st.text(st.characters(max_codepoint=255), max_size=20)


def test_framing_is_set_apart() -> None:
    """h11 must know of lengths, codings and the connection; of nothing else."""
    headers = Headers({"connection": "close", "x": "1", "content-length": "2", "y": "\xe9"})
    lines, framing = fields.split(headers)
    assert framing == [(b"connection", b"close"), (b"content-length", b"2")]
    assert fields.insert(HEAD, lines) == HEAD[:-2] + b"x: 1\r\ny: \xe9\r\n\r\n"


@given(st.lists(st.tuples(latin, latin), max_size=4))
def test_a_line_is_one_field_or_refused(pairs: list[tuple[str, str]]) -> None:
    """Whatever goes out is read as the very fields that went in, never as more or less."""
    headers = Headers([(f"x{name}", f".{value}.") for name, value in pairs])
    lines, framing = fields.split(headers)
    try:
        head = fields.insert(HEAD, lines)
    except ValueError:
        return
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("host", "a")]))
    client.receive_data(head)
    try:
        response = client.next_event()
    except h11.RemoteProtocolError:
        return  # a control character: sent as it came, refused by this reader
    assert isinstance(response, h11.Response)
    assert framing == []
    assert list(response.headers) == [(b"content-length", b"0"), *headers.encode()]


@pytest.mark.parametrize(
    ("name", "value"),
    [("x", "a\r\ny: b"), ("x", "a\n"), ("x", "\0"), ("x y", ""), ("", ""), ("x:", "")],
)
def test_what_would_be_more_than_a_field_is_refused(name: str, value: str) -> None:
    """No line is split or forged."""
    with pytest.raises(ValueError, match="cannot be sent"):
        fields.insert(HEAD, fields.split(Headers({name: value}))[0])
