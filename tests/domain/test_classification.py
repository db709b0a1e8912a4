"""Every request of every capture has its class, and each sign alone is enough or is said to be weaker."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.classification import Classified, classify, has_history, is_side_thread
from domain.request_view import view_of_json
from tests import captures
from tests.strategies import Json, json_texts, json_values, request_bodies

CLAUDE = {"user-agent": "claude-cli/2.1.330 (external, cli)"}
TOOLS = [{"name": "Bash", "input_schema": {"type": "object"}}]
MARK = {"cache_control": {"type": "ephemeral"}}
SUMMARY = "CRITICAL: Respond with TEXT ONLY. Your task is to create a detailed summary of the conversation so far"


def classified(body: Json, headers: Mapping[str, str] = CLAUDE, target: str = "/v1/messages?beta=true") -> Classified:
    return classify(target, headers, view_of_json(json.dumps(body).encode()))


def text(words: str, *, marked: bool = False) -> Json:
    return {"type": "text", "text": words, **(MARK if marked else {})}


def session(*messages: Json, **more: Json) -> Json:
    return {"model": "m", "messages": list(messages), "tools": TOOLS, **more}


def user(*blocks: Json) -> Json:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Json) -> Json:
    return {"role": "assistant", "content": list(blocks)}


@pytest.mark.parametrize("name", captures.names())
def test_captures_get_their_classes(name: str) -> None:
    """Sub-agents of clients without agent headers show by their link alone, so they are main here."""
    expected = {one.n: one.request_class for one in captures.expected(name)}
    for one in captures.exchanges(name):
        headers = {key.lower(): value for key, value in one.headers}
        got = classify(one.path, headers, view_of_json(one.body)).request_class
        tells_agents = "x-claude-code-session-id" in headers
        allowed = expected[one.n] if tells_agents else (*expected[one.n], "main")
        assert got in allowed, f"{name} #{one.n}"
        if "main" in expected[one.n] or "auxiliary" in expected[one.n]:
            assert got in expected[one.n], f"{name} #{one.n}"


@pytest.mark.parametrize("target", ["/v1/messages/count_tokens?beta=true", "/v1/models", "/", "/v1/messages/"])
def test_other_paths_are_auxiliary(target: str) -> None:
    assert classified(session(user(text("hi"))), target=target).request_class == "auxiliary"


@given(json_texts(json_values()) | st.binary(max_size=30))
def test_any_body_has_a_class(body: bytes) -> None:
    view = view_of_json(body)
    got = classify("/v1/messages", CLAUDE, view)
    if view is None or not view.messages:
        assert got.request_class == "auxiliary"


@given(
    json_texts(request_bodies()), st.sampled_from(["main", "subagent", "workflow", "compaction", "auxiliary", "new"])
)
def test_the_client_s_hint_wins_where_it_is_known(body: bytes, hint: str) -> None:
    view = view_of_json(body)
    if view is None or not view.messages:
        return
    got = classify("/v1/messages", {**CLAUDE, "x-claude-code-request-class": hint}, view)
    without = classify("/v1/messages", CLAUDE, view)
    known = {"main", "subagent", "compaction", "auxiliary"}
    wanted = {"workflow": "subagent", "new": without.request_class}.get(hint, hint)
    assert got.request_class == wanted
    assert (got.evidence.kind == "request-class header") == (hint in known | {"workflow"})


@pytest.mark.parametrize(
    ("headers", "user_id", "system", "marked"),
    [
        (CLAUDE, "", "", True),
        ({"x-claude-code-session-id": "s"}, "", "", True),
        ({}, "user_d_account__session_s", "", True),
        ({}, "", "x-anthropic-billing-header: cc_version=2.1", True),
        ({"user-agent": "curl/8"}, "me", "x", False),
    ],
)
def test_without_tools_claude_code_asks_on_the_side_and_others_do_not(
    headers: Mapping[str, str], user_id: str, system: str, marked: bool
) -> None:
    body = {"messages": [user(text("hi"))], "metadata": {"user_id": user_id}, "system": system}
    assert classified(body, headers).request_class == ("auxiliary" if marked else "main")


def test_the_web_search_helper_is_auxiliary_and_a_tool_beside_it_is_not() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert classified({"messages": [user(text("q"))], "tools": [search]}).request_class == "auxiliary"
    assert classified({"messages": [user(text("q"))], "tools": [search, *TOOLS]}).request_class == "main"


def test_a_sub_agent_shows_by_header_or_billing_line() -> None:
    body = session(user(text("count")))
    assert classified(body, {**CLAUDE, "x-claude-code-agent-id": "a1"}).evidence.kind == "agent header"
    billed = session(user(text("count")), system=[text("x-anthropic-billing-header: a; cc_is_subagent=true;")])
    assert classified(billed).request_class == "subagent"
    prompt = session(user(text("count")), system=[text("other"), text("cc_is_subagent=true")])
    assert classified(prompt).request_class == "main"


HISTORY = (user(text("one")), assistant(text("1", marked=True)))


def test_a_question_behind_the_cache_mark_is_a_side_thread() -> None:
    got = classified(session(*HISTORY, user(text("by the way"))))
    assert (got.request_class, got.side) == ("auxiliary", True)


@pytest.mark.parametrize(
    "messages",
    [
        (user(text("one")), assistant(text("1")), user(text("two", marked=True))),
        (*HISTORY, user(text("two", marked=True))),
        (user(text("one")), assistant(text("1", marked=True))),
        (user(text("one")), assistant(text("1")), user(text("two"))),
    ],
)
def test_the_main_thread_marks_its_newest_message(messages: tuple[Json, ...]) -> None:
    view = view_of_json(json.dumps(session(*messages)).encode())
    assert view is not None
    assert not is_side_thread(view)
    assert classified(session(*messages)).request_class == "main"


def test_a_summarising_call_is_known_by_phrase_and_structure() -> None:
    side = classified(session(*HISTORY, user(text(SUMMARY))))
    assert (side.request_class, side.evidence.detail) == ("compaction", "phrase and structure")
    read_only = {"messages": [user(text(SUMMARY))], "tools": [{"name": "Read"}],
                 "system": "You are a helpful AI assistant tasked with summarizing conversations."}  # fmt: skip
    assert classified(read_only).evidence.detail == "phrase and structure"
    merged = session(
        *HISTORY, user({"type": "tool_result", "tool_use_id": "t"}, text(SUMMARY)), {"role": "system", "content": []}
    )
    assert classified(merged).request_class == "compaction"


def test_the_phrase_alone_is_weaker() -> None:
    got = classified(session(user(text("one")), assistant(text("1")), user(text(SUMMARY, marked=True))))
    assert (got.request_class, got.evidence.detail) == ("compaction", "phrase alone")


def test_the_phrase_in_an_earlier_message_is_talk() -> None:
    body = session(user(text(SUMMARY)), assistant(text("1")), user(text("thanks", marked=True)))
    assert classified(body).request_class == "main"
    assert classified({"messages": [user(text(SUMMARY))], "tools": []}).request_class == "auxiliary"


def test_history_is_an_answer_in_the_request() -> None:
    view = view_of_json(json.dumps(session(*HISTORY)).encode())
    assert view is not None
    assert has_history(view.messages)
    assert not has_history(view.messages[:1])
