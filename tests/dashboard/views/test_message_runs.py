"""What was carried over is folded, what is new stands open, and a page holds only so much."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.details import SentMessage
from dashboard.views.message_runs import (
    MESSAGES,
    MESSAGES_CHARS,
    Run,
    folded,
    runs_of,
    shown_runs,
    with_message,
    with_more,
)
from domain.whats_new import News, State

NAMES: dict[str, State] = {"c": "carried", "x": "changed", "p": "partly", "n": "new"}


def news(initials: str) -> News:
    return News(tuple(NAMES[letter] for letter in initials))


def talk(count: int, size: int = 1) -> list[SentMessage]:
    return [SentMessage(("user", "assistant")[n % 2], ({"type": "text", "text": "x" * size},)) for n in range(count)]


histories = st.text("cxpn", min_size=1, max_size=80)


@given(histories)
def test_runs_are_the_whole_in_order_and_alternate(initials: str) -> None:
    runs = runs_of(talk(len(initials)), news(initials))
    assert [place for run in runs for place in range(run.start, run.end)] == list(range(len(initials)))
    for run in runs:
        assert {letter in "cx" for letter in initials[run.start : run.end]} == {run.carried}
    assert all(one.carried != other.carried for one, other in pairwise(runs))


def test_without_news_there_is_one_run_of_which_nothing_is_known() -> None:
    assert runs_of(talk(3), None) == (Run(0, 3, carried=False),)
    assert runs_of([], None) == runs_of([], News(())) == ()


@given(histories, st.integers(1, 60_000))
def test_at_first_what_is_new_is_shown_as_far_as_it_fits(initials: str, size: int) -> None:
    messages = talk(len(initials), size)
    runs = runs_of(messages, news(initials))
    firsts = folded(messages, runs)
    assert all(firsts[run.start] == run.end for run in runs if run.carried)
    shown = sum(run.end - firsts[run.start] for run in runs)
    assert 0 <= shown <= MESSAGES
    assert (shown - 1) * size <= MESSAGES_CHARS
    if not runs[-1].carried:
        assert firsts[runs[-1].start] < runs[-1].end


@given(histories, st.data())
def test_more_is_shown_until_all_is(initials: str, data: st.DataObject) -> None:
    messages = talk(len(initials))
    runs = runs_of(messages, news(initials))
    firsts = folded(messages, runs)
    run = data.draw(st.sampled_from(runs))
    for _ in range(len(initials) // MESSAGES + 2):
        more = with_more(messages, firsts, run.start)
        assert more[run.start] <= firsts[run.start]
        assert {**more, run.start: 0} == {**firsts, run.start: 0}
        firsts = more
    assert firsts[run.start] == run.start


def test_what_is_no_run_stays_as_it_is() -> None:
    assert with_more(talk(4), {0: 4}, 2) == {0: 4}


@given(histories, st.integers(-1, 90))
def test_a_message_that_is_asked_for_is_shown(initials: str, place: int) -> None:
    messages = talk(len(initials))
    runs = runs_of(messages, news(initials))
    before = folded(messages, runs)
    firsts = with_message(runs, before, place)
    shown = {one for run in runs for one in range(firsts[run.start], run.end)}
    assert shown >= {one for run in runs for one in range(before[run.start], run.end)}
    assert (place in shown) == (0 <= place < len(initials))


@given(histories)
def test_every_message_is_shown_or_counted_as_hidden(initials: str) -> None:
    messages = talk(len(initials))
    found = news(initials)
    runs = runs_of(messages, found)
    shown = shown_runs(messages, runs, folded(messages, runs), found)
    assert sum(run.hidden + len(run.messages) for run in shown) == sum(run.count for run in shown) == len(initials)
    assert sum(run.changed for run in shown) == initials.count("x")
    for run in shown:
        places = range(run.start + run.hidden, run.start + run.count)
        assert [message.number - 1 for message in run.messages] == list(places)


def test_messages_are_marked_by_their_state_unless_all_are_new() -> None:
    found = News(("carried", "partly", "new"), {1: frozenset({0})})
    runs = runs_of(talk(3), found)
    _, open_run = shown_runs(talk(3), runs, {0: 0, 1: 1}, found)
    assert [message.state for message in open_run.messages] == ["partly", "new"]
    assert open_run.messages[0].new_blocks == {0}
    (whole,) = shown_runs(talk(2), runs_of(talk(2), news("nn")), {0: 0}, news("nn"))
    assert [message.state for message in whole.messages] == [None, None]
    (unknown,) = shown_runs(talk(2), runs_of(talk(2), None), {0: 0}, None)
    assert [message.state for message in unknown.messages] == [None, None]


@pytest.mark.parametrize(("initials", "elsewhere"), [("ccnc", False), ("cccc", True), ("nnnn", True)])
def test_a_new_result_stands_where_it_came_also_before_the_newest_answer(initials: str, elsewhere: bool) -> None:
    """Its call is in what is folded, so nobody would see it there."""
    messages = [
        SentMessage("user", ({"type": "text", "text": "Go"},)),
        SentMessage("assistant", ({"type": "tool_use", "id": "t", "name": "Bash", "input": {}},)),
        SentMessage("user", ({"type": "tool_result", "tool_use_id": "t", "content": "done"},)),
        SentMessage("assistant", ({"type": "text", "text": "Well"},)),
    ]
    runs = runs_of(messages, news(initials))
    shown = shown_runs(messages, runs, {run.start: run.start for run in runs}, news(initials))
    call, result = (message.blocks[0] for run in shown for message in run.messages if message.number in {2, 3})
    assert (result.elsewhere, call.result is not None) == (elsewhere, elsewhere)
    assert result.title == "Bash"
