"""A request resumes from the summary that it hands on, and in other words only if it says so."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.classification import RequestClass
from domain.exchange_facts import Thread
from domain.link_by_summary import MIN_UNANNOUNCED_CHARS, resumes, resumes_now
from domain.linking_facts import Author, Found, Subject, Summary
from domain.links import Edge, Link
from domain.phrases import CONTINUATION
from tests.linkables import AGENT, NOW, at, parent, seconds, subject

GOES_ON = f"{CONTINUATION} …"
LONG = "x" * MIN_UNANNOUNCED_CHARS
texts = st.sampled_from(["a", "ab", "abc", "b", "z"])
summaries = st.lists(
    st.builds(Summary, st.builds(at, seconds), texts, st.sampled_from([None, "a1", "a2"]), st.booleans()),
    max_size=6,
    unique_by=lambda one: one.moment,
)


def chosen(decided: Link | None, found: list[Summary]) -> Summary | None:
    if decided is None:
        return None
    assert (decided.edge, decided.evidence[0].kind, decided.confidence) == ("resumes", "summary", 1.0)
    [one] = [each for each in found if each.moment.request_id == decided.parent]
    return one


@given(summaries, st.sampled_from(["now", "opening"]), st.sampled_from([None, "a1"]))
def test_it_resumes_from_one_of_its_own_agent_of_its_session_then_the_longest_then_the_newest_it_holds(
    found: list[Summary], where: str, agent: str | None
) -> None:
    text = f"{GOES_ON}: ABC"
    loud = [replace(each, text=each.text.upper()) for each in found]
    one = subject(thread=Thread("s", agent), continuation="" if where == "opening" else text, opening=text)
    usable = [each for each in loud if each.moment < at(NOW) and each.text in "ABC" and each.agent == agent]
    got = (resumes_now if where == "now" else resumes)(one, Found(summaries=loud))
    if not usable:
        assert got is None
        return
    own = [each for each in usable if each.same_session] or usable
    longest = [each for each in own if len(each.text) == max(len(other.text) for other in own)]
    assert chosen(got, loud) == max(longest, key=lambda each: each.moment)
    assert got is not None
    assert ("another session" in got.evidence[0].detail) == (own[0].same_session is False)


def opened(text: str, continuation: str = "") -> Subject:
    return subject(opening=text, continuation=continuation)


@pytest.mark.parametrize(("summary", "found"), [(LONG, True), (LONG[1:], False)])
def test_a_summary_that_is_not_announced_must_be_long(summary: str, found: bool) -> None:
    one = opened(f"go on:\n{LONG}")
    assert (resumes(one, Found(summaries=[Summary(at(50), summary)])) is not None) == found
    assert resumes(opened(f"{GOES_ON}:\n{LONG}"), Found(summaries=[Summary(at(50), summary)])) is not None


def test_a_text_is_announced_by_how_it_begins_and_not_by_another_text_of_the_request() -> None:
    short = Summary(at(50), "kept")
    assert resumes_now(subject(continuation=f"said: {GOES_ON} kept"), Found(summaries=[short])) is None
    quoted = resumes(opened("kept", continuation=GOES_ON), Found(summaries=[short]))
    assert quoted is not None
    assert quoted.evidence[0].kind == "continuation phrase", "the opening is not announced by the continuation"


def test_what_is_new_says_more_than_what_stands_first() -> None:
    old, new = Summary(at(10), "first " + LONG), Summary(at(50), "second")
    one = opened(old.text, continuation=f"{GOES_ON} second")
    assert chosen(resumes_now(one, Found(summaries=[old, new])), [old, new]) == new
    assert chosen(resumes(one, Found(summaries=[old, new])), [old, new]) == old


def test_without_a_word_of_a_summary_nothing_is_resumed() -> None:
    found = Found(summaries=[Summary(at(50), "kept")])
    assert resumes_now(subject(), found) is None
    assert resumes(subject(), found) is None
    assert resumes_now(opened("kept " + LONG), found) is None, "the opening is for the other rule"


@pytest.mark.parametrize(("request_class", "edge"), [("compaction", "compacts"), ("auxiliary", "aside")])
def test_what_stands_on_a_summary_does_not_resume_but_belongs_to_it(request_class: RequestClass, edge: Edge) -> None:
    """Unless it holds an answer that came after the summary: then it stands on that."""
    one = subject(request_class=request_class, side=request_class == "auxiliary", opening=LONG)
    found = Found(summaries=[Summary(at(50), LONG)])
    decided = resumes(one, found)
    assert decided is not None
    assert (decided.edge, decided.parent) == (edge, at(50).request_id)
    assert resumes(one, replace(found, authors=[Author(at(60), "equal answer")])) is None
    assert resumes(one, replace(found, authors=[Author(at(40), "equal answer")])) == decided


def test_what_resumes_does_so_whatever_answers_it_holds() -> None:
    found = Found(summaries=[Summary(at(50), LONG)], authors=[Author(at(60), "tool use id")])
    decided = resumes(subject(opening=LONG), found)
    assert decided is not None
    assert (decided.edge, decided.parent) == ("resumes", at(50).request_id)


@given(summaries)
def test_one_that_says_it_goes_on_in_other_words_takes_its_agent_s_newest_summary(found: list[Summary]) -> None:
    one = subject(thread=AGENT, continuation=GOES_ON)
    usable = [each.moment for each in found if each.moment < at(NOW) and each.agent == "a1" and each.same_session]
    other_words = [replace(each, text="other words: " + each.text) for each in found]
    decided = resumes(one, Found(summaries=other_words))
    if not usable:
        assert decided is None
        return
    assert decided is not None
    assert (decided.edge, decided.parent) == ("resumes", max(usable).request_id)
    assert decided.evidence[0].kind == "continuation phrase"


def test_no_later_summary_is_resumed() -> None:
    one, later = subject(continuation=f"{GOES_ON} kept"), Found(summaries=[Summary(at(150), "kept")])
    assert resumes_now(one, later) is None
    assert resumes(one, later) is None
    both = Found(summaries=[Summary(at(50), "kept"), *later.summaries])
    decided = resumes_now(one, both)
    assert decided is not None
    assert decided.parent == parent(50)


@pytest.mark.parametrize("request_class", ["compaction", "auxiliary"])
def test_in_other_words_neither(request_class: RequestClass) -> None:
    one = subject(request_class=request_class, side=True, continuation=GOES_ON)
    assert resumes(one, Found(summaries=[Summary(at(50), "kept")])) is None
