"""A request goes on from the deepest exchange it holds, and from one whose answer it leaves out only for a reason."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.answer_facts import AnswerState
from domain.classification import RequestClass
from domain.exchange_facts import Thread
from domain.link_by_history import continues, forks, retries
from domain.linking_facts import Author, Earlier, Found, Subject
from domain.links import Edge, Link
from domain.turns import retried
from tests.linkables import (
    AGENT,
    ELSEWHERE,
    MAIN,
    NOW,
    NOWHERE,
    STATES,
    at,
    candidates,
    earlier,
    families,
    held,
    parent,
    seconds,
    subject,
    subjects,
)


@given(subjects, families)
def test_a_retry_goes_to_the_first_attempt_of_its_turn_on_its_own_thread(one: Subject, found: list[Earlier]) -> None:
    own = [each for each in found if each.thread == one.thread and each.moment < one.moment]
    turn = retried(one.moment, own)
    decided = retries(one, Found(attempts=found))
    assert (decided is None) == (turn is None)
    if decided is not None and turn is not None:
        assert (decided.edge, decided.parent) == ("retries", turn[0].moment.request_id)
        assert decided.evidence[0].kind == "same messages"
        assert turn[1].state in decided.evidence[0].detail


@given(families)
def test_the_parent_is_the_deepest_then_a_finished_then_the_newest(found: list[Earlier]) -> None:
    usable = [one for one in found if one.thread == MAIN and one.moment < subject().moment]
    decided = continues(subject(), Found(holders=found))
    if not usable:
        assert decided is None
        return
    assert decided is not None
    [chosen] = [one for one in usable if one.moment.request_id == decided.parent]
    assert chosen.depth == max(one.depth for one in usable)
    rivals = [one for one in usable if one.depth == chosen.depth]
    assert chosen.state == "finished" or all(one.state != "finished" for one in rivals)
    same = [one for one in rivals if (one.state == "finished") == (chosen.state == "finished")]
    assert chosen.moment == max(one.moment for one in same)
    assert decided.edge == ("interrupted" if chosen.state in {"cut", "open"} else "continues")
    assert decided.evidence[0].kind == "history"


def asked(one: Subject, asker: Earlier, holders: Sequence[Earlier] = ()) -> Link | None:
    return continues(one, Found(askers=[asker], holders=holders))


@pytest.mark.parametrize(
    ("state", "empty", "edge"),
    [
        ("failed", True, "continues"),
        ("refused", False, "continues"),
        ("cut", False, "interrupted"),
        ("finished", True, "continues"),
        ("finished", False, "interrupted"),
        ("open", True, None),
        ("open", False, None),
    ],
)
def test_an_answer_is_left_out_if_it_came_to_nothing(state: AnswerState, empty: bool, edge: Edge | None) -> None:
    decided = asked(subject(), earlier(50, state, depth=9, empty=empty))
    assert (decided.edge if decided else None) == edge
    if decided is not None:
        assert decided.evidence[0].kind == "history, without answer"
        assert decided.evidence[0].detail.endswith("empty" if empty and state == "finished" else state)


@pytest.mark.parametrize(("depth", "thread", "edge"), [(9, MAIN, "interrupted"), (9, NOWHERE, None), (8, MAIN, None)])
def test_only_a_session_loses_a_whole_answer_and_only_behind_the_newest_it_holds(
    depth: int, thread: Thread, edge: Edge | None
) -> None:
    decided = asked(subject(thread=thread), earlier(50, depth=depth, thread=thread))
    assert (decided.edge if decided else None) == edge
    empty = asked(subject(thread=thread), earlier(50, depth=9, thread=thread, empty=True))
    assert empty is not None
    assert empty.edge == "continues", "there is nothing to lose"


def test_a_lost_answer_is_a_later_one_than_the_one_that_is_held() -> None:
    decided = asked(subject(), earlier(60, depth=10), holders=[earlier(50, depth=9)])
    assert decided is not None
    assert (decided.edge, decided.parent, decided.evidence[0].kind) == (
        "interrupted", parent(60), "history, without answer")  # fmt: skip


def test_what_was_typed_is_not_lost_with_the_answer_tool_results_alone_may_be_gone_back_to() -> None:
    only_results = replace(earlier(60, depth=10), prompted=False)
    decided = asked(subject(), only_results, holders=[earlier(50, depth=9)])
    assert decided is not None
    assert (decided.edge, decided.parent) == ("continues", parent(50))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    ("request_class", "side", "edge"), [("compaction", False, "compacts"), ("auxiliary", True, "aside")]
)
def test_what_stands_on_the_history_may_leave_out_any_answer(
    state: AnswerState, request_class: RequestClass, side: bool, edge: Edge
) -> None:
    decided = asked(subject(request_class=request_class, side=side), earlier(50, state, depth=9))
    assert decided is not None
    assert (decided.edge, decided.parent) == (edge, parent(50))


@given(st.integers(0, 10), st.sampled_from(["main", "compaction"]))
def test_another_answer_behind_its_messages_shows_that_it_was_not_left_out(depth: int, kind: RequestClass) -> None:
    one = subject(request_class=kind, held=held(5))
    decided = asked(one, earlier(50, "failed", depth=depth))
    assert (decided is not None) == (depth >= 5)


plain = st.text("ab", max_size=4)


@given(plain, plain)
def test_a_cut_answer_is_held_as_far_as_the_client_had_shown_it(whole: str, kept: str) -> None:
    one = subject(held=held(9, 8, kept))
    decided = asked(one, earlier(50, "cut", depth=8, cut_text=whole))
    assert (decided is not None) == whole.startswith(kept)
    if decided is not None:
        assert (decided.edge, decided.evidence[0].kind) == ("interrupted", "history, answer cut")


calls = st.sets(st.sampled_from(["t1", "t2", "t3"]))


@given(calls, calls)
def test_every_call_the_client_kept_is_one_of_the_cut_answer(made: set[str], kept: set[str]) -> None:
    one = subject(held=held(9, 8, "", *sorted(kept)))
    decided = asked(one, earlier(50, "cut", depth=8, tool_uses=tuple(made)))
    assert (decided is not None) == (kept <= made)


@pytest.mark.parametrize("state", STATES)
def test_only_a_cut_answer_is_held_in_part(state: AnswerState) -> None:
    decided = asked(subject(held=held(9, 8, "a")), earlier(50, state, depth=8, cut_text="abc"))
    assert (decided is not None) == (state == "cut")


@given(st.integers(0, 9), st.integers(0, 9))
def test_the_part_stands_right_behind_the_request(depth: int, before: int) -> None:
    one = subject(held=held(9, before, "a"))
    decided = asked(one, earlier(50, "cut", depth=depth, cut_text="abc"))
    assert (decided is not None) == (depth in {before, 9})
    if decided is not None and depth < 9:
        assert decided.evidence[0].kind == "history, answer cut"


def test_nothing_is_shown_of_an_answer_if_the_request_holds_none() -> None:
    decided = asked(subject(held=held(0, 0)), earlier(50, "cut", depth=0, cut_text="abc"))
    assert decided is not None
    assert decided.evidence[0].kind == "history, without answer"


@given(st.lists(candidates, max_size=4), st.booleans())
def test_who_asked_counts_only_earlier_and_on_the_thread(found: list[Earlier], compacting: bool) -> None:
    one = subject(request_class="compaction" if compacting else "main", held=held(0))
    decided = continues(one, Found(askers=found))
    if decided is not None:
        [*chosen] = [each for each in found if each.moment.request_id == decided.parent]
        assert any(each.thread == MAIN and each.moment < one.moment for each in chosen)
    elif compacting:
        assert not any(each.thread == MAIN and each.moment < one.moment for each in found)


def test_who_asked_deeper_wins_over_an_answer_that_is_held() -> None:
    decided = asked(subject(), earlier(60, "failed", depth=10), holders=[earlier(50, depth=9)])
    assert decided is not None
    assert (decided.parent, decided.evidence[0].kind) == (parent(60), "history, without answer")


@pytest.mark.parametrize(("depth", "author", "found"), [(8, 60, False), (9, 60, True), (8, 150, True), (8, None, True)])
def test_an_author_of_the_newest_answer_is_nearer_than_an_older_holder(
    depth: int, author: int | None, found: bool
) -> None:
    authors = [Author(at(author), "tool use id")] if author else []
    decided = continues(subject(), Found(holders=[earlier(50, depth=depth)], authors=authors))
    assert (decided is not None) == found


def test_a_cut_answer_that_is_held_in_part_needs_no_author() -> None:
    one = subject(held=held(9, 8, "a"))
    found = Found(askers=[earlier(50, "cut", depth=8, cut_text="abc")], authors=[Author(at(60), "equal answer")])
    decided = continues(one, found)
    assert decided is not None
    assert decided.parent == parent(50)


@pytest.mark.parametrize(
    ("request_class", "side", "edge"),
    [
        ("main", False, "continues"),
        ("subagent", False, "continues"),
        ("compaction", False, "compacts"),
        ("auxiliary", True, "aside"),
    ],
)
@pytest.mark.parametrize("state", ["finished", "cut"])
def test_the_class_names_the_edge(request_class: RequestClass, side: bool, edge: Edge, state: AnswerState) -> None:
    decided = continues(subject(request_class=request_class, side=side), Found(holders=[earlier(50, state, depth=9)]))
    assert decided is not None
    assert decided.edge == ("interrupted" if (edge, state) == ("continues", "cut") else edge)


strangers = st.builds(
    earlier,
    seconds,
    st.just("finished"),
    st.integers(1, 3),
    st.sampled_from([ELSEWHERE, Thread("third", None), MAIN]),
    same_device=st.booleans(),
    same_signatures=st.booleans(),
)


@given(st.lists(strangers, max_size=6, unique_by=lambda one: one.moment))
def test_a_fork_goes_to_the_deepest_of_another_session_then_same_signatures_then_same_device_then_newest(
    found: list[Earlier],
) -> None:
    usable = [one for one in found if one.thread.session != "s" and one.moment < at(NOW)]
    decided = forks(subject(), Found(strangers=found))
    if not usable:
        assert decided is None
        return
    usable = [one for one in usable if one.depth == max(each.depth for each in usable)]
    usable = [one for one in usable if one.same_signatures] or usable
    usable = [one for one in usable if one.same_device] or usable
    newest = max(usable, key=lambda one: one.moment)
    assert decided is not None
    assert (decided.edge, decided.parent) == ("forks", newest.moment.request_id)
    assert decided.evidence[0].kind == "history in another session"


@pytest.mark.parametrize(("depth", "held_part", "forked"), [(8, "ab", True), (8, "b", False), (7, "ab", False)])
def test_a_fork_may_hold_the_beginning_of_a_cut_answer_of_another_session(
    depth: int, held_part: str, forked: bool
) -> None:
    one = subject(held=held(9, 8, held_part))
    cut = earlier(50, "cut", depth=depth, thread=ELSEWHERE, cut_text="abc")
    decided = forks(one, Found(cut_strangers=[cut]))
    assert (decided is not None) == forked
    if decided is not None:
        assert (decided.edge, decided.parent) == ("forks", parent(50))
        assert decided.evidence[0].kind == "history in another session"
        assert "the beginning of its answer" in decided.evidence[0].detail
    own = replace(cut, thread=MAIN)
    assert forks(one, Found(cut_strangers=[own])) is None


@pytest.mark.parametrize(("depth", "second"), [(9, 40), (8, 60), (7, 60)])
def test_of_a_whole_and_a_cut_answer_of_another_session_the_deeper_then_the_newer_is_held(
    depth: int, second: int
) -> None:
    cut = earlier(60, "cut", depth=8, thread=ELSEWHERE, cut_text="abc")
    whole = earlier(40, depth=depth, thread=ELSEWHERE)
    decided = forks(subject(held=held(9, 8, "ab")), Found(strangers=[whole], cut_strangers=[cut]))
    assert decided is not None
    assert decided.parent == parent(second)


def test_a_summarising_call_on_another_session_s_history_compacts_it() -> None:
    one = subject(request_class="compaction", thread=AGENT)
    decided = forks(one, Found(strangers=[earlier(50, depth=3, thread=ELSEWHERE)]))
    assert decided is not None
    assert decided.edge == "compacts"
