"""Least recently used."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cdn.eviction import Lru


def test_the_least_recently_used_goes_first() -> None:
    """A use saves a key from being next."""
    lru = Lru[str](3)
    assert [lru.insert(key, 1) for key in "abc"] == [[], [], []]
    lru.touch("a")
    assert lru.insert("d", 1) == ["b"]
    assert lru.insert("e", 2) == ["c", "a"]


@given(st.lists(st.tuples(st.sampled_from(["ask", "discard"]), st.sampled_from("abcde"))))
def test_lru_agrees_with_a_list(history: list[tuple[str, str]]) -> None:
    """Any history of uses leaves what a plain list of last uses has at its end."""
    lru, recent = Lru[str](3), list[str]()
    for event, key in history:
        held, expected = key in recent, list[str]()
        if held:
            recent.remove(key)
        if event == "ask":
            recent.append(key)
            expected, recent = recent[:-3], recent[-3:]
            if held:
                lru.touch(key)
            else:
                assert lru.insert(key, 1) == expected
        else:
            lru.discard(key)
        assert {key for key in "abcde" if key in lru} == set(recent)
