"""The path of a request holds its parent's request and answer, and changes with anything that was really said."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assembly import AssembledMessage, assemble
from domain.blocks import AgentMention, text_digest
from domain.exchange_facts import OPEN, PROMPT_CHARS, ExchangeFacts, Moment, Thread, facts_of
from domain.request_view import view_of_json
from schemas.stored.events import HeaderFact, RequestReceived
from tests import captures
from tests.captures import Captured
from tests.strategies import Json, json_texts, request_bodies

AT = datetime(2026, 11, 22, tzinfo=UTC)
ID = UUID(int=5)


def received(headers: dict[str, str], target: str = "/v1/messages", scope: str = "scope") -> RequestReceived:
    return RequestReceived(
        originator_id=ID,
        originator_version=1,
        timestamp=AT,
        journal_id=ID,
        journal_us=0,
        mode="pass_through",
        method="POST",
        target=target,
        headers=tuple(HeaderFact(name=name, value=value) for name, value in headers.items()),
        client_domain="here",
        scope=scope,
        byte_count=1,
        body=None,
    )


def facts(
    body: Json, answer: AssembledMessage | None = None, *, ended: bool = True, scope: str = "scope", **headers: str
) -> ExchangeFacts:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return facts_of(received(named, scope=scope), view_of_json(json.dumps(body).encode()), answer, ended=ended)


def captured_facts(one: Captured) -> ExchangeFacts:
    message = assemble(one.answer, one.content_type) if one.answer else None
    return facts_of(received(dict(one.headers), one.path), view_of_json(one.body), message, ended=True)


def message(*blocks: Json, stop_reason: str | None = "end_turn") -> AssembledMessage:
    body = {"type": "message", "role": "assistant", "content": list(blocks), "stop_reason": stop_reason}
    return assemble(json.dumps(body).encode(), "application/json")


def user(*texts: str) -> Json:
    return {"role": "user", "content": [{"type": "text", "text": text} for text in texts]}


def assistant(*texts: str) -> Json:
    return {"role": "assistant", "content": [{"type": "text", "text": text} for text in texts]}


@pytest.mark.parametrize("name", captures.names())
def test_a_continuation_holds_its_parent_and_our_answer(name: str) -> None:
    known = {one.n: captured_facts(one) for one in captures.exchanges(name)}
    mutated = {("g1_errors", 35)}  # the empty answer that the client drops: the next release of linking
    for want in captures.expected(name):
        if want.edge in {("continues",), ("branches",), ("compacts",)} and (name, want.n) not in mutated:
            [parent] = want.parent
            assert parent is not None
            assert known[parent].answer_node in known[want.n].path, f"{name} #{want.n}"
        if want.edge == ("retries",):
            [parent] = want.parent
            assert parent is not None
            assert known[want.n].request_node == known[parent].request_node
            assert known[parent].answer.state in {"failed", "cut", "refused"}


@pytest.mark.parametrize("name", captures.names())
def test_unrelated_exchanges_hold_nothing_of_each_other(name: str) -> None:
    known = {one.n: captured_facts(one) for one in captures.exchanges(name)}
    want = {one.n: one for one in captures.expected(name)}
    for n, one in known.items():
        for m, other in known.items():
            joined = set(want[n].conversation) & set(want[m].conversation) - {None}
            if n != m and not joined and one.thread.session != other.thread.session:
                assert other.answer_node is None or other.answer_node not in one.path


@given(json_texts(request_bodies()), st.booleans())
def test_any_request_has_facts(body: bytes, ended: bool) -> None:
    got = facts_of(received({}), view_of_json(body), None, ended=ended)
    assert got.answer.state == ("failed" if ended else "open")
    assert len(set(got.path)) == len(got.path), "a node is met once on a path"


def test_what_was_said_makes_the_path_and_nothing_else() -> None:
    plain = facts({"messages": [user("one"), assistant("1"), user("two")]})
    reshaped = facts(
        {
            "model": "other",
            "tools": [{"name": "Bash"}],
            "system": "You are …",
            "messages": [
                user("<system-reminder>nag</system-reminder>", "one\n"),
                {"role": "system", "content": "# Environment"},
                {"role": "assistant", "content": "1"},
                {"role": "user", "content": [{"type": "text", "text": "two", "cache_control": {"type": "ephemeral"}}]},
                {"role": "system", "content": []},
            ],
        }
    )
    assert plain.path == reshaped.path
    assert len(plain.path) == 3


@pytest.mark.parametrize(
    "messages",
    [
        [user("one"), assistant("1"), user("three")],
        [user("one"), user("1"), user("two")],
        [user("one", "one"), assistant("1"), user("two")],
        [user("two"), assistant("1"), user("one")],
    ],
)
def test_other_words_roles_or_orders_make_another_path(messages: list[Json]) -> None:
    assert (
        facts({"messages": messages}).request_node
        != facts({"messages": [user("one"), assistant("1"), user("two")]}).request_node
    )


def test_borders_between_messages_of_one_role_do_not_count() -> None:
    assert facts({"messages": [user("a"), user("b")]}).path == facts({"messages": [user("a", "b")]}).path


def test_no_node_is_met_in_two_scopes() -> None:
    body = {"messages": [user("one"), assistant("1"), user("two")]}
    assert not set(facts(body).path) & set(facts(body, scope="other").path)


def test_the_answer_goes_on_from_the_request() -> None:
    first = facts(
        {"messages": [user("one")]}, message({"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "1"})
    )
    second = facts({"messages": [user("one"), assistant("1"), user("two")]})
    assert second.path[: len(first.path) + 1] == (*first.path, first.answer_node)


@pytest.mark.parametrize(
    ("answer", "ended", "state"),
    [
        (None, False, "open"),
        (None, True, "failed"),
        (message({"type": "text", "text": "a"}), True, "finished"),
        (message({"type": "text", "text": "a"}), False, "finished"),
        (message(stop_reason="refusal"), True, "refused"),
        (message({"type": "text", "text": "a"}, stop_reason=None), True, "cut"),
        (message({"type": "text", "text": "a"}, stop_reason=None), False, "open"),
        (message(stop_reason=None), True, "failed"),
        (
            assemble(b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}', "application/json"),
            True,
            "failed",
        ),
    ],
)
def test_the_state_of_an_answer(answer: AssembledMessage | None, ended: bool, state: str) -> None:
    assert facts({"messages": [user("one")]}, answer, ended=ended).answer.state == state


def test_a_request_without_words_has_no_place_in_the_trie() -> None:
    got = facts({"messages": [user("")]}, message({"type": "text", "text": "a"}))
    assert (got.path, got.request_node, got.answer_node, got.answer.state) == ((), None, None, "finished")
    assert facts({"messages": [user("one")]}).answer == facts({"messages": []}).answer
    assert OPEN.state == "open"


def test_tasks_and_summaries_are_read_from_the_answer() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "Agent", "input": {"prompt": "count"}}
    got = facts({"messages": [user("one")]}, message({"type": "text", "text": "<summary>\nkept\n</summary>"}, call))
    assert [task.tool_use_id for task in got.answer.tasks] == ["t1"]
    assert got.answer.summary == "kept"


def test_session_and_agent_come_from_headers_and_then_from_metadata() -> None:
    body = {"messages": [user("one")], "metadata": {"user_id": "user_d_account__session_m"}}
    assert facts(body).thread == Thread("m", None)
    got = facts(body, x_claude_code_session_id="h", x_claude_code_agent_id="a", x_claude_code_parent_agent_id="p")
    assert (got.thread, got.parent_agent, got.device) == (Thread("h", "a"), "p", "d")
    assert got.moment == Moment(AT, ID)
    assert got.request_id == ID
    tools = {**body, "tools": [{"name": "Bash"}]}
    assert facts(tools, x_claude_code_agent_id="a").request_class == "subagent"


def test_the_prompt_is_the_last_text_of_the_first_user_message() -> None:
    got = facts(
        {"messages": [user("<system-reminder>x</system-reminder>", "context", "count it"), assistant("1"), user("two")]}
    )
    assert (got.prompt, got.title, got.history) == (text_digest("count it"), "count it", True)
    assert facts({"messages": [user("x" * 1000)]}).title == "x" * PROMPT_CHARS
    assert facts({"messages": [assistant("1")]}).prompt is None
    assert facts({"messages": [user("")]}).prompt is None


@pytest.mark.parametrize(
    ("messages", "asked"),
    [
        ([user("<system-reminder>x</system-reminder>", "one")], "one"),
        ([user("one"), assistant("1"), user("context", "two"), {"role": "system", "content": "env"}], "two"),
        ([user("one"), assistant("1"), {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}], ""),
        ([user("one"), assistant("1")], ""),
        ([], ""),
    ],
)
def test_what_was_asked_stands_behind_the_newest_answer(messages: list[Json], asked: str) -> None:
    assert facts({"messages": messages}).asked == asked
    assert len(facts({"messages": [user("x" * 1000)]}).asked) == PROMPT_CHARS


def test_a_continuation_is_known_by_its_first_text() -> None:
    first = "This session is being continued from a previous conversation that ran out of context. Summary:\nkept"
    assert facts({"messages": [user(first), assistant("1"), user("on")]}).continuation == first
    assert facts({"messages": [user("on"), user(first)]}).continuation == ""


def test_mentions_are_gathered_from_all_messages() -> None:
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "agentId: a05a89f70305617df"}
    got = facts({"messages": [user("one"), {"role": "user", "content": [result]}]})
    assert got.mentions == (AgentMention("a05a89f70305617df", "t1"),)
