"""Each neighbour is told once of each chunk that it lacks."""

from __future__ import annotations

from peer.neighbour import Neighbour
from peer.news import News
from peer.store import ChunkPool, MemoryStore
from wire.manifest import Manifest
from wire.message import Bitfield, Have

DATA = bytes(range(8))
MANIFEST = Manifest.of_bytes("file", DATA, 1)


def news_of(*chunks: int) -> News:
    """Return the news of a peer that got `chunks`."""
    store = MemoryStore(MANIFEST, ChunkPool())
    news = News(store)
    for index in chunks:
        store.write(index, DATA[index : index + 1])
        news.add(index)
    return news


def neighbour_with(*chunks: int) -> Neighbour:
    """Return a neighbour that has `chunks`."""
    neighbour = Neighbour("it", b"p" * 20, 0.0)
    neighbour.have = sum(1 << index for index in chunks)
    return neighbour


def test_chunks_are_told_in_order_and_once() -> None:
    """What was put into the outbox is not put there again."""
    news, neighbour = news_of(5, 2), neighbour_with()
    news.put(neighbour)
    news.put(neighbour)
    assert neighbour.outbox == [Have((5, 2))]


def test_who_has_a_chunk_is_not_told_of_it() -> None:
    """Nothing is said of what the neighbour has, not even an empty message."""
    news = news_of(5, 2)
    one, both = neighbour_with(5), neighbour_with(2, 5)
    news.put(one)
    news.put(both)
    assert one.outbox == [Have((2,))]
    assert both.outbox == []


def test_a_bit_field_makes_the_news_before_it_old() -> None:
    """Who was told of everything at once is told only of what comes later."""
    news, neighbour = news_of(5, 2), neighbour_with()
    everything = Bitfield.of(1 << 5 | 1 << 2, 8)
    news.put_all(neighbour, everything)
    news.put(neighbour)
    assert neighbour.outbox == [everything]
