"""Every request of every capture has its class, and each sign alone is enough or is said to be weaker."""

import json
from collections.abc import Iterable, Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.classification import (
    HEADER,
    MAX_BLOCKS,
    Classified,
    Evidence,
    answered,
    classify,
    has_history,
    is_side_thread,
)
from domain.request_view import view_of_json
from tests import captures
from tests.strategies import Json, json_texts, json_values, request_bodies

CLAUDE = {"user-agent": "claude-cli/2.1.330 (external, cli)"}
TOOLS = [{"name": "Bash", "input_schema": {"type": "object"}}]
MARK = {"cache_control": {"type": "ephemeral"}}
AGENT_HEADER = "x-claude-code-agent-id"
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
    tells_agents = any(AGENT_HEADER in dict(lowered(one.headers)) for one in captures.exchanges(name))
    for one in captures.exchanges(name):
        got = classify(one.path, dict(lowered(one.headers)), view_of_json(one.body)).request_class
        shows_by_link = "subagent" in expected[one.n] and not tells_agents
        assert got in ((*expected[one.n], "main") if shows_by_link else expected[one.n]), f"{name} #{one.n}"


def lowered(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return ((key.lower(), value) for key, value in headers)


@pytest.mark.parametrize(
    "target",
    [
        "/v1/messages/count_tokens?beta=true",
        "/v1/models",
        "/",
        "/v1/messages/",
        "/v1/complete?x=/v1/messages",
        "/messages",
    ],
)
def test_other_paths_are_auxiliary(target: str) -> None:
    got = classified(session(user(text("hi"))), target=target)
    assert (got.request_class, got.evidence.kind) == ("auxiliary", "path")


@pytest.mark.parametrize("target", ["/v1/messages", "/v1/messages?beta=true", "/anthropic/v1/messages#x"])
def test_a_base_url_may_put_something_in_front_of_the_path(target: str) -> None:
    assert classified(session(user(text("hi"))), target=target).request_class == "main"


def test_what_no_context_window_holds_is_not_linked() -> None:
    most = session(user(*[text("x")] * (MAX_BLOCKS - 1)), user(text("x")))
    assert classified(most).request_class == "main"
    more = session(user(*[text("x")] * MAX_BLOCKS), user(text("x")))
    got = classified(more, {**CLAUDE, "x-claude-code-request-class": "main"})
    assert (got.request_class, got.evidence.kind, got.helper) == ("auxiliary", "body", False)


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


TALK = (user(text("one")), assistant(text("1")))
HISTORY = (user(text("one")), assistant(text("1", marked=True)))
THINKING = {"thinking": {"type": "adaptive"}}
BILLED = {"system": [text("x-anthropic-billing-header: cc_version=2.1.330")]}


@pytest.mark.parametrize(
    "more",
    [
        {},
        THINKING,
        {**BILLED, **THINKING},
        {**BILLED, "context_management": {"edits": []}, "thinking": {"type": "disabled"}},
    ],
)
def test_a_talk_without_tools_still_sets_a_cache_mark_at_its_end(more: Json) -> None:
    """It has an empty list of tools, and thinks, or is of a client whose helpers set no marks."""
    talk = session(*TALK, user(text("two", marked=True)), tools=[], **more)
    assert classified(talk).request_class == "main"
    assert classified(talk, {**CLAUDE, AGENT_HEADER: "a1"}).request_class == "subagent"
    followed = session(*TALK, user(text("two", marked=True)), {"role": "system", "content": "x"}, tools=[], **more)
    assert classified(followed).request_class == "main"
    aside = classified(session(*HISTORY, user(text("by the way")), tools=[], **more))
    assert (aside.request_class, aside.side) == ("auxiliary", True)


@pytest.mark.parametrize(
    "more",
    [
        {"tools": None},
        {"tools": [], "output_config": {"format": {"type": "json_schema"}}},
        {"tools": [], **BILLED},
        {"tools": [], **BILLED, "thinking": {"type": "disabled"}},
    ],
)
def test_a_helper_has_no_list_of_tools_or_a_form_to_answer_in_or_does_not_think(more: Json) -> None:
    got = classified(session(*TALK, user(text("two", marked=True)), **more))
    assert (got.request_class, got.helper) == ("auxiliary", True)


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": [{"type": "text", "text": "one", **MARK}]},
         {"role": "assistant", "content": "1"}, {"role": "user", "content": "two"}],
        [{"role": "user", "content": "one"}],
    ],
)  # fmt: skip
def test_without_a_mark_at_its_end_what_has_no_tools_is_a_helper(messages: list[Json]) -> None:
    got = classified(session(*messages, tools=[], **THINKING))
    assert (got.request_class, got.helper) == ("auxiliary", True)


def test_what_is_auxiliary_for_want_of_tools_alone_is_a_helper() -> None:
    got = classified(session(user(text("hi")), tools=[]))
    assert (got.request_class, got.helper, got.evidence) == ("auxiliary", True, Evidence("tools", "none"))
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert not classified(session(user(text("q")), tools=[search])).helper
    assert not classified(session(*HISTORY, user(text("by the way")))).helper
    assert not classified(session(user(text("hi")), tools=[]), target="/v1/models").helper


@pytest.mark.parametrize("tools", [[], TOOLS])
def test_a_warm_up_only_fills_the_cache(tools: list[Json]) -> None:
    got = classified(
        session(user(text("<system-reminder>x</system-reminder>"), text("Warmup", marked=True)), tools=tools)
    )
    assert (got.request_class, got.evidence.kind, got.helper) == ("auxiliary", "warm-up", not tools)


@pytest.mark.parametrize("texts", [("Warmup", "go"), ("warmup",), ("Warmup.",), ("Warmup", "Warmup")])
def test_a_talk_about_warming_up_is_talk(texts: tuple[str, ...]) -> None:
    assert classified(session(user(*map(text, texts)))).request_class == "main"


def test_a_question_behind_the_cache_mark_is_a_side_thread() -> None:
    got = classified(session(*HISTORY, user(text("by the way"))))
    assert (got.request_class, got.side) == ("auxiliary", True)


@pytest.mark.parametrize(
    "messages",
    [
        (user(text("one")), assistant(text("1")), user(text("two", marked=True))),
        (*HISTORY, user(text("two", marked=True))),
        (user(text("one")), assistant(text("1", marked=True))),
        (
            user(text("one")),
            assistant(text("1", marked=True)),
            user(text("x")),
            {"role": "system", "content": [text("y", marked=True)]},
        ),
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
    got = classified(session(*TALK, user(text(SUMMARY))))
    assert (got.request_class, got.evidence.detail, got.by_phrase) == ("compaction", "phrase alone", True)


def test_where_there_are_cache_marks_structure_decides_and_the_phrase_is_talk() -> None:
    assert classified(session(*TALK, user(text(SUMMARY, marked=True)))).request_class == "main"
    early = session(user(text("one", marked=True)), assistant(text("1")), user(text(SUMMARY)))
    assert classified(early).request_class == "main"


def test_the_phrase_in_an_earlier_message_is_talk() -> None:
    body = session(user(text(SUMMARY)), assistant(text("1")), user(text("thanks", marked=True)))
    assert classified(body).request_class == "main"
    assert classified({"messages": [user(text(SUMMARY))], "tools": []}).request_class == "auxiliary"


ASIDE = "<system-reminder>This is a side question from the user. Answer it.</system-reminder>why?"


@pytest.mark.parametrize("words", [ASIDE, "The user stepped away and is coming back. Recap in under 40 words"])
def test_without_any_cache_mark_the_words_of_a_side_question_must_do(words: str) -> None:
    plain = (user(text("one")), assistant(text("1")))
    got = classified(session(*plain, user(text(words))))
    assert (got.request_class, got.side, got.evidence.detail) == ("auxiliary", True, "phrase alone")


@pytest.mark.parametrize(
    "messages",
    [
        (user(text("one")), assistant(text("1")), user(text(ASIDE, marked=True))),
        (user(text("one", marked=True)), assistant(text("1")), user(text(ASIDE))),
        (user(text(ASIDE)),),
        (user(text(ASIDE)), assistant(text("1")), user(text("thanks"))),
        (assistant(text("1")),),
    ],
)
def test_the_words_say_nothing_beside_a_mark_or_without_a_history_or_further_up(messages: tuple[Json, ...]) -> None:
    assert classified(session(*messages)).request_class == "main"


def test_a_mark_says_more_than_the_words() -> None:
    got = classified(session(*HISTORY, user(text(ASIDE))))
    assert got.evidence.detail == "newest cache mark on an assistant message"


def test_a_side_thread_that_is_answered_with_a_summary_is_a_compaction() -> None:
    side = classified(session(*HISTORY, user(text("sum it up"))))
    for finished in (True, False):
        assert answered(side, with_summary=True, finished=finished).request_class == "compaction"
        assert answered(side, with_summary=False, finished=finished) == side


def test_what_only_the_words_call_a_summarising_call_must_be_answered_with_one() -> None:
    weak = classified(session(*TALK, user(text(SUMMARY))))
    assert weak.by_phrase
    assert answered(weak, with_summary=True, finished=True) == weak
    assert answered(weak, with_summary=False, finished=False) == weak, "it may still become one"
    assert answered(weak, with_summary=False, finished=True).request_class == "main"


@pytest.mark.parametrize("with_summary", [True, False])
def test_structure_does_not_wait_for_an_answer_and_talk_about_summaries_is_talk(with_summary: bool) -> None:
    for body in (session(*HISTORY, user(text(SUMMARY))), session(user(text("hi")))):
        found = classified(body)
        assert answered(found, with_summary=with_summary, finished=True) == found


@given(st.sampled_from(["main", "subagent", "workflow", "compaction", "auxiliary"]), st.booleans(), st.booleans())
def test_what_the_client_says_itself_stands_whatever_the_answer(hint: str, with_summary: bool, finished: bool) -> None:
    side = session(*HISTORY, user(text(SUMMARY)))
    found = classified(side, {**CLAUDE, "x-claude-code-request-class": hint})
    assert found.evidence.kind == HEADER
    assert answered(found, with_summary=with_summary, finished=finished) == found


def test_a_hint_of_an_auxiliary_request_keeps_the_sign_of_a_side_thread() -> None:
    side = session(*HISTORY, user(text("by the way")))
    assert classified(side, {**CLAUDE, "x-claude-code-request-class": "auxiliary"}).side
    assert not classified(side, {**CLAUDE, "x-claude-code-request-class": "main"}).side
    assert not classified(session(user(text("hi"))), {**CLAUDE, "x-claude-code-request-class": "auxiliary"}).side


def test_history_is_an_answer_in_the_request() -> None:
    view = view_of_json(json.dumps(session(*HISTORY)).encode())
    assert view is not None
    assert has_history(view.messages)
    assert not has_history(view.messages[:1])


@pytest.mark.parametrize(("more", "request_class"), [(0, "main"), (1, "auxiliary")])
def test_a_talk_of_more_blocks_than_any_window_holds_is_set_apart(more: int, request_class: str) -> None:
    found = classified(session(user(*[text("x")] * (MAX_BLOCKS + more))))
    assert found.request_class == request_class
