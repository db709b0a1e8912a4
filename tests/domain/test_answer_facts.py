"""How an answer ended, where it stands, what it started and what it hands on."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.answer_facts import (
    OPEN,
    SUMMARY_CHARS,
    TITLE_CHARS,
    AnswerFacts,
    Ending,
    answer_facts,
    of_class,
    said_in,
    state_of,
    tagged_summary,
)
from domain.assembly import AssembledMessage, assemble
from domain.blocks import Task, block_facts, text_digest
from domain.classification import RequestClass
from domain.trie import after, root_of
from tests.answer_samples import ABORTED, COMPLETED, OPEN_ENDED, UNSEEN, Json, message, say

AT = datetime(2026, 11, 22, tzinfo=UTC)
NODE = root_of("scope", None)
FAILED = assemble(b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}', "application/json")
BROKEN, NOTHING = message(say("a"), stop_reason=None), message(stop_reason=None)
CALL = {"type": "tool_use", "id": "t1", "name": "Agent", "input": {"prompt": "count", "description": "Count"}}
blocks = st.lists(
    st.sampled_from([say("a"), say(" b "), say(""), CALL, {"type": "thinking", "thinking": "hm"}]), max_size=4
)


def facts(answer: AssembledMessage | None, ending: Ending = COMPLETED) -> AnswerFacts:
    return answer_facts(said_in(answer), answer, NODE, ending, AT)


def with_status(ending: Ending, status: int | None) -> Ending:
    return Ending(ending.end, status)


@pytest.mark.parametrize(
    ("answer", "ending", "state"),
    [
        (None, OPEN_ENDED, "open"),
        (BROKEN, OPEN_ENDED, "open"),
        (message(say("a")), OPEN_ENDED, "finished"),
        (message(say("a")), COMPLETED, "finished"),
        (message(), COMPLETED, "finished"),
        (message(say("a")), ABORTED, "finished"),
        (message(say("a")), with_status(ABORTED, 529), "finished"),
        (message(stop_reason="refusal"), COMPLETED, "refused"),
        (message(stop_reason="refusal"), OPEN_ENDED, "refused"),
        (None, COMPLETED, "failed"),
        (NOTHING, COMPLETED, "failed"),
        (FAILED, COMPLETED, "failed"),
        (FAILED, with_status(COMPLETED, 529), "failed"),
        (None, with_status(ABORTED, 500), "failed"),
        (BROKEN, with_status(ABORTED, 400), "failed"),
        (BROKEN, with_status(ABORTED, 399), "cut"),
        (BROKEN, COMPLETED, "cut"),
        (BROKEN, ABORTED, "cut"),
        (None, ABORTED, "cut"),
        (None, with_status(ABORTED, None), "cut"),
        (NOTHING, UNSEEN, "cut"),
    ],
)
def test_the_state_of_an_answer(answer: AssembledMessage | None, ending: Ending, state: str) -> None:
    assert state_of(answer, ending) == state
    assert facts(answer, ending).state == state


@given(blocks, st.sampled_from(["end_turn", "tool_use", None]), st.sampled_from([COMPLETED, ABORTED, OPEN_ENDED]))
def test_the_nodes_are_those_of_the_blocks_that_count(said: list[Json], reason: str | None, ending: Ending) -> None:
    got = facts(message(*said, stop_reason=reason), ending)
    node, nodes = NODE, []
    for block in said:
        digest = block_facts(block).digest
        if digest is not None:
            node = after(node, digest, by_assistant=True)
            nodes.append(node)
    assert got.nodes == tuple(nodes)
    assert (got.content is None) == (not nodes)
    assert got.tool_uses == ("t1",) * said.count(CALL)
    assert got.tasks == (Task("t1", text_digest("count"), "", "Count"),) * said.count(CALL)


def test_the_end_is_when_the_gateway_saw_it() -> None:
    assert facts(message(say("a"))).ended_at == AT + timedelta(seconds=1.5)
    assert facts(None, OPEN_ENDED).ended_at is None
    assert facts(None, UNSEEN).ended_at is None


@pytest.mark.parametrize(
    ("reason", "ending", "kept"), [(None, ABORTED, "abc"), ("end_turn", ABORTED, ""), (None, OPEN_ENDED, "")]
)
def test_the_text_is_kept_of_an_answer_that_was_cut(reason: str | None, ending: Ending, kept: str) -> None:
    assert facts(message(say("a b"), say("\nc"), stop_reason=reason), ending).cut_text == kept


def test_texts_are_bounded() -> None:
    long = message(say("<summary>" + "x" * (SUMMARY_CHARS + 5) + "</summary>"), stop_reason=None)
    assert len(facts(long, ABORTED).cut_text) == SUMMARY_CHARS
    done = message(say("<summary>" + "x" * (SUMMARY_CHARS + 5) + "</summary>"))
    assert len(of_class(facts(done), said_in(done), "compaction").summary) == SUMMARY_CHARS
    title = message(say('{"title": "' + "x" * (TITLE_CHARS + 5) + '"}'))
    assert len(of_class(facts(title), said_in(title), "auxiliary").title) == TITLE_CHARS


@pytest.mark.parametrize(
    ("texts", "tagged", "summary"),
    [
        (["<analysis>a</analysis>\n<summary>\nkept\n</summary>"], "kept", "kept"),
        (["<summary>one", "two</summary>"], "one\ntwo", "one\ntwo"),
        (["no tags", "at all"], "", "no tags\nat all"),
        (["<summary> </summary>x"], "", "<summary> </summary>x"),
        ([], "", ""),
    ],
)
def test_a_summary_stands_between_tags_or_is_the_whole_answer(texts: list[str], tagged: str, summary: str) -> None:
    answer = message(*map(say, texts))
    assert tagged_summary(said_in(answer)) == tagged
    assert of_class(facts(answer), said_in(answer), "compaction").summary == summary


@pytest.mark.parametrize("request_class", ["main", "subagent", "compaction", "auxiliary"])
def test_only_an_answered_summarising_call_hands_on_a_summary(request_class: RequestClass) -> None:
    for answer, ending in (
        (message(say("kept")), COMPLETED),
        (BROKEN, ABORTED),
        (message(stop_reason="refusal"), COMPLETED),
    ):
        got = of_class(facts(answer, ending), said_in(answer), request_class)
        assert bool(got.summary) == (request_class == "compaction" and got.state == "finished")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ('{"title": " Fix the tests "}', "Fix the tests"),
        ('{"title": 3}', ""),
        ('{"isNewTopic": true}', ""),
        ('["title"]', ""),
        ('{"title": ', ""),
        ("title", ""),
        ("", ""),
    ],
)
def test_only_an_auxiliary_call_names_a_session(text: str, title: str) -> None:
    answer = message(say(text))
    assert of_class(facts(answer), said_in(answer), "auxiliary").title == title
    assert of_class(facts(answer), said_in(answer), "main").title == ""
    assert of_class(facts(answer), said_in(answer), "auxiliary").summary == ""


def test_nothing_came_yet() -> None:
    assert facts(None, Ending()) == OPEN
    assert said_in(None) == ()
