"""Eviction policies."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdn.eviction import Lru


def test_the_least_recently_used_goes_first() -> None:
    """A use saves a key from being next."""
    lru = Lru()
    for key in "abc":
        lru.add(key, 1)
    lru.touch("a")
    assert lru.victim() == "b"
    lru.discard("b")
    assert lru.victim() == "c"


def test_an_empty_policy_has_no_victim() -> None:
    """Asking for a victim of nothing is an error, not a surprise."""
    with pytest.raises(KeyError):
        Lru().victim()


@given(st.lists(st.tuples(st.sampled_from(["add", "touch", "discard"]), st.sampled_from("abcde"))))
def test_lru_agrees_with_a_list(history: list[tuple[str, str]]) -> None:
    """Any history of uses leaves the order a plain list of last uses has."""
    lru, uses = Lru(), OrderedDict[str, int]()
    for now, (event, key) in enumerate(history):
        if event == "add" and key not in uses:
            lru.add(key, 1)
            uses[key] = now
        elif event == "touch" and key in uses:
            lru.touch(key)
            uses[key] = now
        elif event == "discard":
            lru.discard(key)
            uses.pop(key, None)
        if uses:
            assert lru.victim() == min(uses, key=lambda held: uses[held])
