"""A link is as sure as its best evidence; of one parent's continuations the first goes on and the others branch."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.classification import Evidence, RequestClass
from domain.linking_facts import Earlier, Subject
from domain.links import CONFIDENCE, Child, Edge, Link, branch_edges, earlier, on_thread, standing_on
from tests.linkables import at, families, seconds, subject, subjects

DOCS = Path(__file__).parents[2] / "docs" / "linking.md"


@given(st.lists(st.sampled_from(sorted(CONFIDENCE)), min_size=1))
def test_a_link_is_as_sure_as_its_strongest_evidence(kinds: list[str]) -> None:
    link = Link("continues", None, tuple(Evidence(kind) for kind in kinds))
    assert link.confidence in {CONFIDENCE[kind] for kind in kinds}
    assert all(link.confidence >= CONFIDENCE[kind] for kind in kinds)


def test_proof_is_certain_and_nothing_else_is() -> None:
    certain = {kind for kind, sure in CONFIDENCE.items() if sure == 1.0}
    assert certain == {"correction", "agent id", "tool use id", "history", "summary", "class"}
    assert all(0 < sure <= 1 for sure in CONFIDENCE.values())


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ("history, answer cut", "history"),
        ("history, without answer", "history, answer cut"),
        ("history in another session", "history"),
        ("history of another thread", "history"),
        ("tool use id, changed history", "tool use id"),
        ("equal answer, changed history", "tool use id, changed history"),
        ("task prompt", "agent id"),
        ("task prompt, by order", "task prompt"),
        ("continuation phrase", "summary"),
        ("same messages again", "same messages"),
        ("session", "no parent found"),
        ("no parent found", "no earlier exchange"),
    ],
)
def test_what_says_less_makes_less_sure(weaker: str, stronger: str) -> None:
    assert CONFIDENCE[weaker] < CONFIDENCE[stronger]


def test_the_docs_say_what_each_kind_of_evidence_means() -> None:
    rows = [line.split("|")[1:-1] for line in DOCS.read_text().splitlines() if line.startswith("| ")]
    said = {row[0].strip(): row[1].strip() for row in rows if len(row) == 3 and row[2].strip()}
    assert {kind: said.get(kind) for kind in CONFIDENCE} == {kind: str(sure) for kind, sure in CONFIDENCE.items()}


@pytest.mark.parametrize(
    ("request_class", "side", "edge"),
    [
        ("main", False, "continues"),
        ("subagent", False, "continues"),
        ("compaction", False, "compacts"),
        ("compaction", True, "compacts"),
        ("auxiliary", True, "aside"),
        ("main", True, "aside"),
    ],
)
def test_what_does_not_continue_stands_on_an_exchange(request_class: RequestClass, side: bool, edge: Edge) -> None:
    assert standing_on(subject(request_class=request_class, side=side), "continues") == edge


@given(subjects, families)
def test_earlier_ones_are_those_before_the_request_in_order(one: Subject, family: list[Earlier]) -> None:
    got = earlier(one, family)
    assert set(got) == {each for each in family if each.moment < one.moment}
    assert got == sorted(got, key=lambda each: each.moment)
    assert on_thread(one, family) == [each for each in got if each.thread == one.thread]


def test_nothing_is_earlier_than_itself() -> None:
    me = Earlier(subject().moment, subject().thread, "finished")
    assert earlier(subject(), [me]) == []


children = st.builds(
    Child,
    st.builds(at, seconds),
    st.sampled_from(["continues", "interrupted", "retries", "spawned", "aside", "branches", "forks", "resumes"]),
)


@given(st.lists(children, max_size=8, unique_by=lambda child: child.moment), st.randoms(use_true_random=False))
def test_the_first_continuation_goes_on_and_every_later_one_branches_off(family: list[Child], random: Random) -> None:
    shuffled = list(family)
    random.shuffle(shuffled)
    edges = branch_edges(shuffled)
    going = {one.moment: one for one in family if one.edge in {"continues", "interrupted"}}
    assert set(edges) == {moment.request_id for moment in going}
    for moment, one in going.items():
        expected = one.edge if moment == min(going) else "branches"
        assert edges[moment.request_id] == expected
