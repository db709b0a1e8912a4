"""A link is said in plain words, with every piece of its evidence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.views.why import GUESS, MEANINGS, Neighbour, Reason, Why, sureness, why
from domain.links import CONFIDENCE
from schemas.read_api import EvidenceItem
from tests.read_rows import request_id, request_item, tree_node

PARENT = Neighbour(request_id(1), "Mend it")


def evidence(*kinds: str) -> list[EvidenceItem]:
    return [EvidenceItem(kind=kind, detail=f"of {kind}") for kind in kinds]


def words(edge: str, **changes: Any) -> Why:
    told = why(tree_node(2, parent=1, edge=edge, **changes), PARENT)
    assert told is not None
    return told


@pytest.mark.parametrize(
    ("edge", "before", "after"),
    [
        ("root", "Begins the conversation", ""),
        ("continues", "Continues the answer of", ""),
        ("branches", "Branches off after the answer of", ""),
        ("forks", "Takes the history of", "along into a new session"),
        ("retries", "Sends the messages of", "again"),
        ("interrupted", "Goes on from", ", whose answer was cut"),
        ("spawned", "Started by the answer of", ""),
        ("compacts", "Summarises the history up to", ""),
        ("resumes", "Goes on from the summary that", "gave"),
        ("aside", "A side question on the history of", ", which nothing goes on from"),
        ("none", "Stands alone, in no conversation", ""),
        ("one to come", "one to come", ""),
    ],
)
def test_every_edge_has_its_sentence(edge: str, before: str, after: str) -> None:
    told = words(edge)
    assert (told.before, told.parent, told.after) == (before, PARENT, after)


def test_the_call_that_started_a_sub_task_is_named() -> None:
    assert words("spawned", tool_use_id="toolu_1").call == "toolu_1"
    assert words("continues", tool_use_id="toolu_1").call is None


def test_the_first_evidence_is_that_of_the_class() -> None:
    told = words("continues", evidence=evidence("request-class header", "history", "something new"))
    assert told.class_reason == Reason("request-class header", "", "of request-class header")
    assert told.class_words == "a turn of the main thread"
    assert [one.kind for one in told.reasons] == ["history", "something new"]
    assert told.reasons[0].meaning == "it holds that request and the answer recorded to it"
    assert told.reasons[1].meaning == ""


def test_evidence_of_the_edge_alone_is_not_taken_for_the_classes() -> None:
    told = words("continues", evidence=evidence("correction", "history"))
    assert told.class_reason is None
    assert [one.kind for one in told.reasons] == ["correction", "history"]
    assert words("continues").reasons == ()


@given(st.lists(st.sampled_from(("history", "tools and history", "correction", "new", "path")), max_size=5))
def test_no_evidence_is_lost(kinds: list[str]) -> None:
    told = words("continues", evidence=evidence(*kinds))
    shown = ([told.class_reason] if told.class_reason else []) + list(told.reasons)
    assert [one.kind for one in shown] == kinds


@pytest.mark.parametrize(
    ("confidence", "sure"),
    [
        (1.0, "certain"),
        (0.99, "almost certain"),
        (0.95, "almost certain"),
        (0.9, "very likely"),
        (0.7, "likely"),
        (0.5, "uncertain"),
        (0.49, GUESS),
        (0.0, GUESS),
    ],
)
def test_confidence_is_a_word_and_a_number(confidence: float, sure: str) -> None:
    assert sureness(confidence) == sure
    told = words("continues", confidence=confidence)
    assert (told.sure, told.percent) == (sure, round(100 * confidence))


def test_what_is_not_linked_yet_has_no_words() -> None:
    unlinked: dict[str, Any] = dict.fromkeys(("edge", "request_class", "confidence", "parent_request_id"))
    assert why(request_item(1, **unlinked, evidence=[])) is None


def test_a_row_of_a_list_is_told_too() -> None:
    told = why(request_item(2, request_class=None, confidence=None), PARENT, "The attempt before timed out")
    assert told is not None
    assert (told.class_words, told.sure, told.more) == ("", GUESS, "The attempt before timed out")
    other = why(request_item(2, request_class="one to come"))
    assert other is not None
    assert (other.class_words, other.parent) == ("one to come", None)


def test_every_kind_of_evidence_for_an_edge_is_put_into_words() -> None:
    assert set(CONFIDENCE) <= set(MEANINGS)
