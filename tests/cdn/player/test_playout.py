"""The playout buffer: when it plays, stalls, has room and ends."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdn.player.playout import Change, Playout, State, Thresholds


def playout(start: float = 2.0, resume: float = 4.0, ahead: float = 12.0) -> Playout:
    """Return a playout that begins at time 0."""
    return Playout(Thresholds(start, resume, ahead), 0.0)


def test_it_starts_at_the_start_threshold_and_resumes_at_its_own() -> None:
    """Two seconds start it, and after a stall it takes four."""
    tape = playout()
    tape.add(1.0, 1.0)
    assert tape.take_changes() == []
    tape.add(1.0, 3.0)
    assert tape.deadline() == 5.0
    tape.advance(6.0)
    tape.add(2.0, 7.0)
    tape.add(2.0, 8.0)
    assert tape.take_changes() == [
        Change(3.0, State.PLAYING), Change(5.0, State.STALLED), Change(8.0, State.PLAYING),
    ]  # fmt: skip
    assert tape.played == 2.0
    assert tape.level(9.0) == 3.0
    assert tape.position(9.0) == 3.0


def test_a_stall_between_two_looks_is_not_missed() -> None:
    """A segment that comes long after the buffer ran empty finds a stall behind it."""
    tape = playout()
    tape.add(4.0, 0.0)
    tape.add(4.0, 6.0)
    assert tape.take_changes() == [
        Change(0.0, State.PLAYING), Change(4.0, State.STALLED), Change(6.0, State.PLAYING),
    ]  # fmt: skip


def test_the_end_is_played_out_below_the_thresholds() -> None:
    """What is there at the end is played, however little, and then it has ended, not stalled."""
    tape = playout()
    tape.add(1.0, 0.0)
    tape.complete(1.0)
    tape.advance(5.0)
    assert tape.take_changes() == [Change(1.0, State.PLAYING), Change(2.0, State.ENDED)]
    empty = playout()
    empty.complete(1.0)
    assert empty.state is State.ENDED


def test_a_pause_holds_the_playhead_and_the_room() -> None:
    """While paused the level does not fall, and a full buffer has no room."""
    tape = playout()
    for _ in range(3):
        tape.add(4.0, 0.0)
    assert tape.room_at(4.0, 0.0) == 4.0
    tape.pause(1.0)
    assert tape.level(100.0) == 11.0
    assert tape.room_at(4.0, 50.0) == inf
    assert tape.deadline() == inf
    tape.unpause(50.0)
    assert tape.room_at(4.0, 50.0) == 53.0


def test_a_seek_waits_for_the_threshold_unless_it_is_buffered() -> None:
    """What is kept is played on; nothing kept means waiting, which is no stall."""
    tape = playout()
    for _ in range(3):
        tape.add(4.0, 0.0)
    tape.seek(1.0, kept=5.0)
    assert (tape.state, tape.level(1.0)) == (State.PLAYING, 5.0)
    tape.seek(2.0)
    assert (tape.state, tape.level(2.0)) == (State.SEEKING, 0.0)
    tape.add(4.0, 3.0)
    assert [change.state for change in tape.take_changes()] == [
        State.PLAYING, State.SEEKING, State.PLAYING,
    ]  # fmt: skip


def test_there_is_room_for_two_segments_however_long() -> None:
    """Segments longer than half the buffer can still be fetched before the last is played."""
    tape = playout(ahead=5.0)
    tape.add(4.0, 0.0)
    assert tape.room_at(4.0, 0.0) == 0.0


@pytest.mark.parametrize("wrong", [(0, 4, 12), (2, 13, 12), (13, 4, 12), (2, 4, inf)])
def test_thresholds_must_fit(wrong: tuple[float, float, float]) -> None:
    """Thresholds that could never be reached are refused."""
    with pytest.raises(ValueError, match="must be above 0"):
        Thresholds(*wrong)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "pause", "unpause", "seek", "advance", "complete"]),
            st.floats(0, 6),
        ),
        max_size=40,
    )
)
def test_time_is_played_stalled_or_waited_and_the_level_is_what_came_less_what_was_played(
    acts: list[tuple[str, float]],
) -> None:
    """Whatever happens the level is never negative, and no second is played that never came."""
    tape, now, came = playout(), 0.0, 0.0
    for act, wait in acts:
        now += wait
        if act == "add":
            if tape.room_at(4.0, now) > now or tape.state is State.ENDED:
                continue
            tape.add(4.0, now)
            came += 4.0
        elif act == "seek":
            came -= tape.level(now)
            tape.seek(now)
        else:
            getattr(tape, act)(now)
        assert 0 <= tape.level(now) <= 12.0 + 1e-6
        assert tape.played + tape.level(now) <= came + 1e-6
        assert tape.deadline() >= now - 1e-6
    times = [change.at for change in tape.take_changes()]
    assert times == sorted(times)
