"""What a child takes over from its parent."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.classification import RequestClass
from domain.forest import Place, place
from domain.links import Edge

ME, ROOT, BRANCH, OTHER = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
EDGES: list[Edge] = [
    "root", "continues", "branches", "forks", "retries", "interrupted", "spawned", "compacts", "resumes", "aside",
    "none",
]  # fmt: skip
CLASSES: list[RequestClass] = ["main", "subagent", "compaction", "auxiliary"]
places = st.builds(Place, st.just(ROOT), st.just(BRANCH), st.integers(0, 5), st.sampled_from(CLASSES))


@given(st.sampled_from(EDGES), st.sampled_from(CLASSES), places)
def test_a_child_is_in_its_parent_s_conversation(edge: Edge, declared: RequestClass, parent: Place) -> None:
    got = place(ME, edge, declared, parent)
    assert got.conversation == (None if edge == "none" else ROOT)
    assert got.depth == (0 if edge == "none" else parent.depth + (edge == "spawned"))


@given(st.sampled_from(EDGES), places)
def test_these_edges_begin_a_branch(edge: Edge, parent: Place) -> None:
    got = place(ME, edge, "main", parent).branch
    begins = edge in {"root", "branches", "forks", "spawned"}
    assert got == (None if edge == "none" else ME if begins else BRANCH)


@given(st.sampled_from(EDGES), places, st.sampled_from([None, OTHER]))
def test_a_sub_task_is_the_innermost_one(edge: Edge, parent: Place, around: UUID | None) -> None:
    got = place(ME, edge, "main", replace(parent, subtask=around)).subtask
    assert got == (None if edge == "none" else ME if edge == "spawned" else around)


@pytest.mark.parametrize("parent", [None, Place(None, None, 0, "auxiliary")])
def test_without_a_conversation_above_an_exchange_is_its_own_root(parent: Place | None) -> None:
    assert place(ME, "root", "main", parent) == Place(ME, ME, 0, "main")


@given(st.sampled_from(EDGES), st.sampled_from(CLASSES), places)
def test_below_a_spawned_request_everything_that_talks_is_a_sub_agent_s(
    edge: Edge, declared: RequestClass, parent: Place
) -> None:
    got = place(ME, edge, declared, parent)
    talks = declared == "main" or (declared == "auxiliary" and edge not in {"aside", "none"})
    if edge == "none" or not talks:
        assert got.request_class == declared
    else:
        assert got.request_class == ("subagent" if got.depth > 0 else "main")


@pytest.mark.parametrize(
    ("edge", "declared", "depth", "expected"),
    [
        ("spawned", "main", 0, "subagent"),
        ("spawned", "auxiliary", 0, "subagent"),
        ("retries", "auxiliary", 1, "subagent"),
        ("continues", "main", 1, "subagent"),
        ("continues", "main", 0, "main"),
        ("compacts", "compaction", 1, "compaction"),
        ("aside", "auxiliary", 1, "auxiliary"),
        ("continues", "subagent", 0, "subagent"),
    ],
)
def test_a_sub_task_without_a_header_shows_by_its_link(
    edge: Edge, declared: RequestClass, depth: int, expected: RequestClass
) -> None:
    assert place(ME, edge, declared, Place(ROOT, BRANCH, depth, "main")).request_class == expected
