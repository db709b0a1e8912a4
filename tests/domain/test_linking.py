"""The rules are asked in order, a person first; what is settled by the trie stays so, whatever else is found."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.classification import RequestClass
from domain.exchange_facts import Thread
from domain.linking import is_settled, link
from domain.linking_facts import Author, Correction, Earlier, Found, Subject, Summary
from domain.links import CONFIDENCE, Edge
from domain.phrases import CONTINUATION
from tests.linkables import (
    AGENT,
    ELSEWHERE,
    MAIN,
    NOW,
    at,
    earlier,
    families,
    finds,
    first,
    held,
    parent,
    subject,
    subjects,
    task,
)

NEW, OLD = f"{CONTINUATION}: new summary", "x" * 50
IN_ORDER: list[tuple[int, Edge, dict[str, object]]] = [
    (11, "retries", {"attempts": [earlier(11, "failed", thread=AGENT)]}),
    (12, "resumes", {"summaries": [Summary(at(12), "new summary", "a1")]}),
    (13, "continues", {"holders": [earlier(13, depth=9, thread=AGENT)]}),
    (14, "forks", {"strangers": [earlier(14, depth=3, thread=ELSEWHERE)]}),
    (15, "resumes", {"summaries": [Summary(at(15), OLD, "a1")]}),
    (16, "spawned", {"tasks": [task(16, "t1", "a1")]}),
    (17, "spawned", {"donors": [earlier(17, depth=3)]}),
    (18, "continues", {"authors": [Author(at(18), "tool use id")]}),
]
"""A find that pleases just one rule each, in the order in which the rules come."""


@given(st.sets(st.sampled_from(range(len(IN_ORDER)))))
def test_the_first_rule_that_finds_a_parent_wins(present: set[int]) -> None:
    one = first(history=True, held=held(9), continuation=NEW, opening=OLD)
    merged: dict[str, list[object]] = {}
    for number in present:
        for name, values in IN_ORDER[number][2].items():
            assert isinstance(values, list)
            merged.setdefault(name, []).extend(values)
    decided = link(one, Found(**merged))  # type: ignore[arg-type]  # of several types
    if not present:
        assert (decided.edge, decided.parent) == ("root", None)
        return
    second, edge, _ = IN_ORDER[min(present)]
    assert (decided.edge, decided.parent) == (edge, parent(second))


@given(subjects, finds)
def test_every_request_gets_a_link_to_an_earlier_one_or_to_none(one: Subject, found: Found) -> None:
    decided = link(one, found)
    assert 0 < decided.confidence <= 1
    assert (decided.parent is None) == (decided.edge in {"root", "none"})
    assert decided.parent is None or decided.parent.int < one.moment.request_id.int


on_main = families.map(lambda family: [replace(each, thread=MAIN) for each in family])


@given(subjects, on_main, on_main, on_main, finds)
@example(subject(), [], [earlier(50, depth=9)], [], Found(authors=[Author(at(60), "tool use id")]))
@example(subject(), [], [earlier(50, depth=8)], [], Found(authors=[Author(at(60), "tool use id")]))
@example(subject(continuation="kept"), [], [earlier(50, depth=9)], [], Found(summaries=[Summary(at(60), "kept")]))
@example(subject(), [earlier(50, "failed")], [], [], Found(tasks=[task(60, "t1")]))
def test_what_is_settled_stays_so_whatever_else_is_found(
    one: Subject, attempts: list[Earlier], holders: list[Earlier], askers: list[Earlier], more: Found
) -> None:
    mine = replace(one, thread=MAIN)
    near = Found(attempts=attempts, holders=holders, askers=askers)
    if is_settled(mine, near):
        everything = replace(more, attempts=attempts, holders=holders, askers=askers)
        assert link(mine, near) == link(mine, everything)


@pytest.mark.parametrize(
    ("one", "found", "settled"),
    [
        (subject(), Found(), False),
        (subject(), Found(holders=[earlier(50, depth=9)]), True),
        (subject(), Found(holders=[earlier(50, depth=8)]), False),
        (subject(), Found(holders=[earlier(150, depth=9)]), False),
        (subject(continuation="x"), Found(holders=[earlier(50, depth=9)]), False),
        (subject(), Found(askers=[earlier(50, "failed", depth=9)]), False),
        (subject(), Found(attempts=[earlier(50, "failed")]), True),
        (subject(), Found(attempts=[earlier(50, "finished")]), False),
        (subject(request_class="auxiliary"), Found(), True),
        (subject(request_class="auxiliary", helper=True), Found(), False),
        (subject(request_class="auxiliary", helper=True), Found(holders=[earlier(50, depth=9)]), False),
        (subject(request_class="auxiliary", helper=True), Found(attempts=[earlier(50, "failed")]), False),
        (subject(request_class="auxiliary", side=True), Found(), False),
    ],
)
def test_little_is_looked_for_where_the_trie_decides(one: Subject, found: Found, settled: bool) -> None:
    assert is_settled(one, found) == settled


HELPER = first(request_class="auxiliary", helper=True)


def test_a_sub_agent_without_tools_is_known_by_the_call_that_gave_it_its_prompt() -> None:
    decided = link(HELPER, Found(tasks=[task(10, "t1")]))
    assert (decided.edge, decided.parent, decided.tool_use_id) == ("spawned", parent(10), "t1")
    nameless = link(replace(HELPER, thread=MAIN), Found(tasks=[task(10, "t1")]))
    assert nameless.edge == "spawned"


def test_a_sub_agent_without_tools_goes_on_under_its_name() -> None:
    one, holders = replace(HELPER, history=True, held=held(9)), [earlier(50, depth=9, thread=AGENT)]
    decided = link(one, Found(holders=holders))
    assert (decided.edge, decided.parent) == ("continues", parent(50))
    nameless = link(replace(one, thread=MAIN), Found(holders=[earlier(50, depth=9)]))
    assert (nameless.edge, nameless.parent) == ("none", None)


@given(finds)
def test_what_is_auxiliary_for_another_reason_has_no_edge(found: Found) -> None:
    decided = link(subject(request_class="auxiliary"), found)
    assert (decided.edge, decided.parent, decided.confidence) == ("none", None, 1.0)
    assert decided.evidence[0].kind == "class"


def test_a_helper_that_nothing_is_known_of_has_no_edge() -> None:
    assert link(HELPER, Found()).edge == "none"


def test_an_aside_whose_history_is_not_known_has_no_edge() -> None:
    decided = link(subject(request_class="auxiliary", side=True), Found())
    assert (decided.edge, decided.evidence[0].detail) == ("none", "auxiliary, its history is not known")


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (subject(history=False), "no earlier exchange"),
        (subject(), "no parent found"),
        (first(), "no parent found"),
        (subject(request_class="compaction", history=False), "no earlier exchange"),
    ],
)
def test_a_root_says_whether_something_is_missing_before_it(one: Subject, kind: str) -> None:
    decided = link(one, Found())
    assert (decided.edge, decided.parent, decided.evidence[0].kind) == ("root", None, kind)
    assert decided.confidence == CONFIDENCE[kind]


@given(subjects, finds, st.integers(1, 99))
def test_what_a_person_said_stands_over_everything(one: Subject, found: Found, second: int) -> None:
    decided = link(one, replace(found, correction=Correction("ada", "seen it", at(second))))
    assert (decided.parent, decided.confidence) == (parent(second), 1.0)
    assert (decided.evidence[0].kind, decided.evidence[0].detail) == ("correction", "ada: seen it")
    root = link(one, replace(found, correction=Correction("ada", "", None)))
    assert (root.edge, root.parent, root.evidence[0].detail) == ("root", None, "ada")


@given(subjects, finds, st.integers(NOW, 199))
def test_a_corrected_parent_that_is_not_earlier_is_passed_over(one: Subject, found: Found, second: int) -> None:
    assert link(one, replace(found, correction=Correction("ada", "", at(second)))) == link(one, found)


@pytest.mark.parametrize(
    ("request_class", "thread", "parent_class", "parent_thread", "edge"),
    [
        ("compaction", MAIN, "main", MAIN, "compacts"),
        ("compaction", MAIN, "compaction", AGENT, "compacts"),
        ("auxiliary", MAIN, "main", MAIN, "aside"),
        ("auxiliary", MAIN, "compaction", ELSEWHERE, "aside"),
        ("main", MAIN, "compaction", MAIN, "resumes"),
        ("main", MAIN, "compaction", ELSEWHERE, "resumes"),
        ("subagent", AGENT, "main", MAIN, "spawned"),
        ("subagent", AGENT, "main", ELSEWHERE, "spawned"),
        ("subagent", AGENT, "subagent", AGENT, "continues"),
        ("main", MAIN, "main", MAIN, "continues"),
        ("main", MAIN, "main", ELSEWHERE, "forks"),
    ],
)
def test_a_correction_s_edge_follows_from_both_ends(
    request_class: RequestClass, thread: Thread, parent_class: RequestClass, parent_thread: Thread, edge: Edge
) -> None:
    correction = Correction("ada", "", at(50), parent_thread, parent_class)
    decided = link(subject(request_class=request_class, thread=thread), Found(correction=correction))
    assert (decided.edge, decided.parent) == (edge, parent(50))


def test_a_sub_agent_without_tools_retries_what_failed() -> None:
    found = Found(attempts=[earlier(50, "failed", thread=AGENT)], tasks=[task(10, "t1", "a1")])
    assert (link(HELPER, found).edge, link(HELPER, found).parent) == ("retries", parent(50))
    unstarted = replace(found, tasks=[])
    assert link(HELPER, unstarted).edge == "retries", "its agent id tells that it is one"


def test_a_helper_without_an_agent_s_name_retries_only_what_a_call_started() -> None:
    one, attempts = replace(HELPER, thread=MAIN), [earlier(50, "failed")]
    started = link(one, Found(attempts=attempts, tasks=[task(10, "t1")]))
    assert (started.edge, started.parent) == ("retries", parent(50))
    assert link(one, Found(attempts=attempts)).edge == "none"


def test_a_sub_agent_without_tools_is_started_once() -> None:
    one = replace(HELPER, history=True, held=held(9))
    found = Found(holders=[earlier(50, depth=9, thread=AGENT)], tasks=[task(10, "t1", "a1")])
    assert (link(one, found).edge, link(one, found).parent) == ("continues", parent(50))
