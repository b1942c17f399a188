"""Health: thresholds, and probes of edges that answer late, wrongly or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from cdn.health import Health, Prober, Probing
from cdn.serving import serve_http
from net.seam import Address
from net.trace import silent
from tests.cdn.internet import Internet, Journal, wall
from wire.http.message import Request, Response


@pytest.mark.parametrize(
    ("answers", "changes"),
    [
        ([False, False], [False, True]),
        ([False, True, False], [False, False, False]),
        ([False, False, True, True, True], [False, True, False, False, True]),
    ],
)
def test_a_state_changes_after_enough_equal_answers(
    answers: list[bool], changes: list[bool]
) -> None:
    """Two failures in a row bring an edge down, three answers bring it back."""
    health = Health(down_after=2, up_after=3)
    assert [health.note(answered=answer) for answer in answers] == changes


@given(st.lists(st.booleans(), max_size=50), st.integers(1, 4), st.integers(1, 4))
def test_the_last_answers_decide(answers: list[bool], down: int, up: int) -> None:
    """An edge is never down after `up` answers in a row, nor up after `down` failures."""
    health = Health(down, up)
    for number, answer in enumerate(answers):
        health.note(answered=answer)
        last = answers[: number + 1]
        if len(last) >= down and not any(last[-down:]):
            assert not health.up
        if len(last) >= up and all(last[-up:]):
            assert health.up


async def probed(answer: Callable[[], object], *, deep: bool = False) -> Journal:
    """Probe a server that answers with `answer` for five seconds; return the prober's trace."""
    internet, journal = Internet(), Journal()

    async def respond(request: Request, remote: Address) -> Response:
        result = answer()
        if isinstance(result, float):
            await trio.sleep(result)
        return Response(200 if isinstance(result, float) else int(str(result)))

    async with trio.open_nursery() as nursery:
        listener = await internet.attach("edge").listen(80)
        address: Address = await nursery.start(
            lambda task_status: serve_http(
                listener, respond, wall=wall, trace=silent, task_status=task_status
            )
        )
        edges, marks = {"edge": address, "gone": Address("gone", 80)}, list[tuple[str, bool]]()
        prober = Prober(
            internet.attach("director"),
            edges,
            lambda edge, *, up: marks.append((edge, up)),
            probing=Probing(deep=deep),
            trace=journal,
        )
        await nursery.start(prober.run)
        await trio.sleep(5)
        nursery.cancel_scope.cancel()
    assert ("gone", False) in marks
    return journal


def down(journal: Journal) -> list[object]:
    """Return the edges that went down."""
    return [fields["edge"] for name, fields in journal.events if name == "edge_went_down"]


@pytest.mark.trio
@pytest.mark.parametrize(
    ("answer", "deep", "expected"),
    [
        (200, False, ["gone"]),
        (504, False, ["gone"]),  # it lacks the object, but it is there
        (0.5, False, ["gone"]),
        (1.5, False, ["gone", "edge"]),  # too slow
        (502, True, ["gone", "edge"]),  # it has lost its origin
        (404, True, ["gone"]),
    ],
)
async def test_who_is_down(
    answer: float, deep: bool, expected: list[str], autojump_clock: MockClock
) -> None:
    """An edge is judged by whether it answers in time; a deep probe by its status as well."""
    journal = await probed(lambda: answer, deep=deep)
    assert sorted(map(str, down(journal))) == sorted(expected)
