"""What is not proven is said with less confidence: a changed history, the session, the same messages once more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.classification import RequestClass
from domain.exchange_facts import Thread
from domain.link_weakly import authors, weaker
from domain.linking_facts import Author, Earlier, Found, Subject
from domain.links import Edge
from tests.linkables import (
    AGENT,
    ELSEWHERE,
    MAIN,
    NOW,
    NOWHERE,
    at,
    earlier,
    families,
    finds,
    first,
    held,
    parent,
    seconds,
    subject,
    subjects,
)

signs = st.sampled_from(["tool use id", "equal answer"])
known = st.lists(st.builds(Author, st.builds(at, seconds), signs), max_size=5, unique_by=lambda one: one.moment)


@given(known)
def test_a_tool_use_id_tells_more_of_the_author_than_an_equal_answer_and_then_the_newest(found: list[Author]) -> None:
    before = [one for one in found if one.moment < at(NOW)]
    assert authors(subject(), Found(authors=found)) == before
    decided = weaker(subject(), Found(authors=found, newest=at(1)))
    assert decided is not None
    if not before:
        assert decided.evidence[0].kind == "session"
        return
    best = [one for one in before if one.by == "tool use id"] or before
    newest = max(best, key=lambda one: one.moment)
    assert (decided.edge, decided.parent) == ("continues", newest.moment.request_id)
    assert decided.evidence[0].kind == f"{newest.by}, changed history"


@given(subjects, finds)
def test_what_is_weak_is_labelled_so(one: Subject, found: Found) -> None:
    decided = weaker(one, found)
    if decided is not None:
        assert decided.confidence < 0.95
        assert decided.parent is not None


KINDS = [("main", False, "continues"), ("compaction", False, "compacts"), ("auxiliary", True, "aside")]


@pytest.mark.parametrize(("request_class", "side", "edge"), KINDS)
def test_the_class_names_the_edge(request_class: RequestClass, side: bool, edge: Edge) -> None:
    one = subject(request_class=request_class, side=side)
    for found in (Found(authors=[Author(at(50), "tool use id")]), Found(newest=at(50))):
        decided = weaker(one, found)
        assert decided is not None
        assert (decided.edge, decided.parent) == (edge, parent(50))
    again = weaker(subject(request_class=request_class, side=side, history=False), Found(attempts=[earlier(50)]))
    assert again is not None
    assert again.edge == ("branches" if edge == "continues" else edge)


@pytest.mark.parametrize(
    ("one", "edge"),
    [
        (subject(), "continues"),
        (subject(history=False, held=held(0)), None),
        (subject(thread=NOWHERE), None),
        (first(), "spawned"),
        (first(history=True), "continues"),
        (first(thread=MAIN), None),
        (first(request_class="main"), None),
        (first(request_class="compaction"), None),
        (first(thread=Thread(None, "a1")), None),
    ],
)
def test_the_newest_of_its_session_stands_before_what_bears_a_history_or_an_agent_s_name(
    one: Subject, edge: Edge | None
) -> None:
    decided = weaker(one, Found(newest=at(50)))
    assert (decided.edge if decided else None) == edge
    if decided is not None:
        assert (decided.parent, decided.evidence[0].kind, decided.tool_use_id) == (parent(50), "session", None)


@given(seconds | st.just(NOW))
def test_the_newest_is_one_before_the_request(second: int) -> None:
    decided = weaker(subject(), Found(newest=at(second)))
    assert (decided is not None) == (second < NOW)


@given(families, st.sampled_from([MAIN, AGENT, NOWHERE]))
def test_the_same_messages_again_are_a_branch_beside_the_first(found: list[Earlier], thread: Thread) -> None:
    one = subject(history=False, held=held(0), thread=thread)
    own = [each for each in found if each.thread == thread and each.moment < one.moment]
    decided = weaker(one, Found(attempts=found))
    if not own or thread == NOWHERE:
        assert decided is None
        return
    assert decided is not None
    assert (decided.edge, decided.parent) == ("branches", min(own, key=lambda each: each.moment).moment.request_id)
    assert decided.evidence[0].kind == "same messages again"
    assert decided.evidence[0].detail.endswith(max(own, key=lambda each: each.moment).state)


def test_the_three_are_asked_for_in_this_order() -> None:
    everything = {"authors": [Author(at(30), "equal answer")], "newest": at(40), "attempts": [earlier(50)]}
    kinds = []
    for name in list(everything):
        decided = weaker(subject(), Found(**everything))  # type: ignore[arg-type]  # of several types
        assert decided is not None
        kinds.append(decided.evidence[0].kind)
        del everything[name]
    assert kinds == ["equal answer, changed history", "session", "same messages again"]
    assert weaker(subject(), Found(attempts=[earlier(50, thread=ELSEWHERE)])) is None
