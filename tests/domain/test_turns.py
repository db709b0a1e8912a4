"""Which attempts are one turn, by a slow replay: each looks back for a failed one that nobody has tried again yet."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.answer_facts import AnswerState
from domain.exchange_facts import Moment
from domain.linking_facts import Earlier
from domain.turns import RETRIED, retried
from tests.linkables import MAIN, STATES, T0, at, earlier, states

GRACE_MS = 250


@st.composite
def attempts(draw: st.DrawFn) -> list[Earlier]:
    """Close together, so that ends and receptions cross; several may come in one millisecond."""
    times = draw(st.lists(st.integers(0, 16), max_size=8))
    lengths = [draw(st.none() | st.integers(0, 16)) for _ in times]
    return [
        Earlier(
            Moment(T0 + timedelta(milliseconds=50 * time), UUID(int=number)),
            MAIN,
            draw(states),
            ended_at=None if length is None else T0 + timedelta(milliseconds=50 * (time + length)),
        )
        for number, (time, length) in enumerate(zip(times, lengths, strict=True), 1)
    ]


def replayed(subject: Moment, found: Sequence[Earlier]) -> tuple[Earlier, Earlier] | None:
    ordered = sorted(found, key=lambda one: one.moment)
    before: dict[Moment, Earlier | None] = {}
    for moment in [*(one.moment for one in ordered), subject]:
        tried_again = {one.moment for one in before.values() if one is not None}
        before[moment] = None
        for one in ordered:
            waits = one.moment < moment and one.state in {"failed", "cut", "refused"} and one.moment not in tried_again
            if waits and (one.ended_at is None or one.ended_at - moment.received_at <= timedelta(milliseconds=250)):
                before[moment] = one
    newest = first = before[subject]
    if newest is None or first is None:
        return None
    while (further := before[first.moment]) is not None:
        first = further
    return first, newest


@given(attempts(), st.integers(16, 40))
def test_a_retry_follows_the_newest_failed_attempt_that_was_over(found: list[Earlier], late: int) -> None:
    subject = Moment(T0 + timedelta(milliseconds=50 * late), UUID(int=99))
    assert retried(subject, found) == replayed(subject, found)
    assert retried(subject, list(reversed(found))) == replayed(subject, found), "whatever order they are found in"


@pytest.mark.parametrize("state", STATES)
def test_only_what_went_wrong_is_tried_again(state: AnswerState) -> None:
    one = earlier(50, state)
    assert retried(at(100), [one]) == ((one, one) if state in {"failed", "cut", "refused"} else None)
    assert (state in RETRIED) == (state in {"failed", "cut", "refused"})


def test_a_row_of_failures_is_one_turn() -> None:
    row = [earlier(n, "failed") for n in (10, 20, 30)]
    assert retried(at(100), row) == (row[0], row[2])


def test_a_finished_attempt_ends_its_turn_and_the_next_begins_one() -> None:
    row = [earlier(10, "failed"), earlier(20, "finished"), earlier(30, "finished")]
    assert retried(at(100), row) is None
    again = [*row, earlier(40, "refused")]
    assert retried(at(100), again) == (again[3], again[3])


def test_of_two_with_the_same_messages_only_the_one_that_failed_is_retried() -> None:
    """Two sub-agents with one prompt, side by side: the first fails when the second has begun."""
    failed = earlier(10, "failed", ended_at=T0 + timedelta(seconds=30))
    other = earlier(11, "finished", ended_at=T0 + timedelta(seconds=40))
    assert retried(other.moment, [failed]) is None
    assert retried(at(100), [failed, other]) == (failed, failed)


@pytest.mark.parametrize(("late_ms", "over"), [(-1, True), (0, True), (GRACE_MS, True), (GRACE_MS + 1, False)])
def test_hanging_up_may_be_heard_a_little_after_the_next_attempt(late_ms: int, over: bool) -> None:
    one = earlier(10, "cut", ended_at=at(100).received_at + timedelta(milliseconds=late_ms))
    assert (retried(at(100), [one]) is not None) == over


def test_an_end_that_nobody_saw_is_over() -> None:
    one = earlier(99, "cut", ended_at=None)
    assert retried(at(100), [one]) == (one, one)
