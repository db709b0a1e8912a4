"""The path of a request holds its parent's request and answer, and changes with anything that was really said."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate, groupby
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.answer_facts import SUMMARY_CHARS, Ending
from domain.assembly import AssembledMessage, assemble
from domain.blocks import AgentMention, text_digest
from domain.exchange_facts import MIN_SUMMARY_CHARS, PROMPT_CHARS, ExchangeFacts, Moment, Thread, facts_of
from domain.held_answers import NOTHING_HELD, print_of
from domain.request_view import view_of_json
from domain.turns import RETRIED
from schemas.stored.events import HeaderFact, RequestReceived
from tests import captures
from tests.answer_samples import ABORTED, COMPLETED, message, say
from tests.captures import Captured
from tests.strategies import Json, json_texts, request_bodies

AT = datetime(2026, 11, 22, tzinfo=UTC)
ID = UUID(int=5)
CLAUDE = "claude-cli/2.1.330 (external, cli)"


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
    body: Json,
    answer: AssembledMessage | None = None,
    *,
    ending: Ending = COMPLETED,
    scope: str = "scope",
    **headers: str,
) -> ExchangeFacts:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return facts_of(received(named, scope=scope), view_of_json(json.dumps(body).encode()), answer, ending)


def captured_facts(one: Captured) -> ExchangeFacts:
    message = assemble(one.answer, one.content_type) if one.answer else None
    ending = replace(ABORTED if one.fault in {"drop_mid", "stall"} else COMPLETED, status=one.status)
    return facts_of(received(dict(one.headers), one.path), view_of_json(one.body), message, ending)


def user(*texts: str) -> Json:
    return {"role": "user", "content": [say(text) for text in texts]}


def assistant(*texts: str) -> Json:
    return {"role": "assistant", "content": [say(text) for text in texts]}


LEFT_OUT = {
    ("errors_in_session", 35): "34 thought and said nothing; the client wrote 'No response requested.' instead",
    ("errors_in_session", 43): "42 the same",
    ("errors_in_session", 49): "47 failed, since the prompt was too long",
}
"""The request is held, with nothing of an answer that counts, or with none of it: there was none to hold."""
CHANGED = {
    ("errors_in_session", 46): "the prompt was too long: what stood first was replaced by the summary 44 gave",
    ("v2.0.76_tui_esc", 33): "what 31 had asked while a tool ran was dropped; its answer is the last one held",
}
"""Not even the request is held."""


@pytest.mark.parametrize("name", captures.names())
def test_a_continuation_holds_its_parent_and_our_answer(name: str) -> None:
    """Where several parents are right, one of them."""
    known = {one.n: captured_facts(one) for one in captures.exchanges(name)}
    for want in captures.expected(name):
        one, parents = known[want.n], [known[parent] for parent in want.parent if parent is not None]
        if want.edge in {("continues",), ("branches",), ("compacts",)}:
            held = any(parent.answer_node in one.path for parent in parents)
            assert held != ((name, want.n) in LEFT_OUT.keys() | CHANGED.keys()), f"{name} #{want.n}"
        if (name, want.n) in LEFT_OUT:
            empty = [parent for parent in parents if parent.answer.content is None or parent.answer.state == "failed"]
            assert any(parent.request_node in one.path for parent in empty)
        if (name, want.n) in CHANGED:
            assert not any(parent.request_node in one.path for parent in parents)
        if want.edge == ("retries",):
            [parent] = parents
            assert one.request_node == parent.request_node
            assert parent.answer.state in RETRIED


def test_an_answer_that_lost_its_question_is_the_last_one_held() -> None:
    one, parent = (captured_facts(it) for it in captures.exchanges("v2.0.76_tui_esc") if it.n in {33, 31})
    first, second = sorted((one, parent), key=lambda it: len(it.path), reverse=True)
    assert first.held.last_content == second.answer.content != first.held.content


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
    got = facts_of(received({}), view_of_json(body), None, replace(COMPLETED, end=COMPLETED.end if ended else None))
    assert got.answer.state == ("failed" if ended else "open")
    assert len(set(got.path)) == len(got.path), "a node is met once on a path"


def test_what_was_said_makes_the_path_and_nothing_else() -> None:
    plain = facts({"messages": [user("one"), assistant("1"), user("two")]})
    messages = [
        user("<system-reminder>nag</system-reminder>", "one\n"),
        {"role": "system", "content": "# Environment"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": [{**say("two"), "cache_control": {"type": "ephemeral"}}]},
        {"role": "system", "content": []},
    ]
    reshaped = facts({"model": "other", "tools": [{"name": "Bash"}], "system": "You are …", "messages": messages})
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
    other = facts({"messages": [user("one"), assistant("1"), user("two")]})
    assert facts({"messages": messages}).request_node != other.request_node


def test_borders_between_messages_of_one_role_do_not_count() -> None:
    assert facts({"messages": [user("a"), user("b")]}).path == facts({"messages": [user("a", "b")]}).path


def test_no_node_is_met_in_two_scopes_or_with_two_end_users() -> None:
    body = {"messages": [user("one"), assistant("1"), user("two")]}
    named = {**body, "metadata": {"user_id": "somebody"}}
    bodies = [facts(body), facts(body, scope="other"), facts(named), facts(named, scope="other")]
    assert len({node for one in bodies for node in one.path}) == 4 * 3
    session = {**body, "metadata": {"user_id": "user_d_account__session_m"}}
    assert facts(session).path == facts(body).path, "a session is no end user: its history may go on in another one"


roles = st.sampled_from(["user", "assistant", "system"])
texts = st.lists(st.sampled_from(["one", "two", " ", "<system-reminder>x</system-reminder>"]), max_size=2)


@given(st.lists(st.tuples(roles, texts), max_size=6))
def test_the_newest_answer_is_the_last_run_of_the_assistant_s_blocks(said: list[tuple[str, list[str]]]) -> None:
    got = facts({"messages": [{"role": role, "content": [say(text) for text in texts]} for role, texts in said]})
    counted = [(role, text) for role, texts in said for text in texts if role != "system" and text in {"one", "two"}]
    runs = [(role, [text for _, text in run]) for role, run in groupby(counted, key=lambda one: one[0])]
    ends = list(accumulate(len(run) for _, run in runs))
    answers = [(end, run) for end, (role, run) in zip(ends, runs, strict=True) if role == "assistant"]
    assert len(got.path) == len(counted)
    assert got.history == any(role == "assistant" for role, _ in said)
    if not answers:
        assert got.held == NOTHING_HELD
        return
    end, run = answers[-1]
    before = end - len(run)
    assert (got.held.depth, got.held.before_depth, got.held.text) == (end, before, print_of("".join(run)))
    if before:
        assert got.held.before == got.path[before - 1]


def test_a_held_answer_says_the_same_as_the_recorded_one() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {}}
    first = facts({"messages": [user("one")]}, message({"type": "thinking", "thinking": "hm"}, say("1"), call))
    answer = {"role": "assistant", "content": [say("1\n"), call]}
    second = facts({"messages": [user("changed"), answer, user("two")]})
    assert second.held.content == first.answer.content
    assert second.held.tool_uses == first.answer.tool_uses == ("t1",)
    assert second.held.before == second.path[0] != first.path[0]


def test_the_last_message_of_a_held_answer_may_be_an_answer_of_its_own() -> None:
    answers = [facts({"messages": [user("one")]}, message(say(text))).answer for text in ("1", "2")]
    got = facts({"messages": [user("one"), assistant("1"), assistant("2"), user("two")]}).held
    assert got.last_content == answers[1].content != got.content
    alone = facts({"messages": [user("one"), assistant("1"), user("two")]}).held
    assert alone.last_content == alone.content == answers[0].content
    assert facts({"messages": [user("one")]}).held.last_content is None


@pytest.mark.parametrize("note", ["Tool loaded.", "Continue from where you left off."])
def test_the_client_s_passing_notes_do_not_count(note: str) -> None:
    plain = facts({"messages": [user("one"), assistant("1"), user("two")]})
    noted = [user("one", note), assistant("1", "No response requested."), user(note, "two")]
    assert facts({"messages": noted}).path == plain.path
    said = [user("one", "No response requested."), assistant("1", note), user("two")]
    assert len(facts({"messages": said}).path) == 5, "in the other role they are words like any"
    assert facts({"messages": [user("one")]}, message(say("No response requested."))).answer.nodes == ()


def thinking(signature: str) -> Json:
    return {"type": "thinking", "thinking": "hm", "signature": signature}


def test_an_exchange_is_signed_as_the_request_that_holds_it_holds_it() -> None:
    first = facts({"messages": [user("one")]}, message(thinking("s"), say("1")))
    assert facts({"messages": [user("one")]}, message(say("1"))).signed is None

    def holding(signature: str) -> ExchangeFacts:
        answer = {"role": "assistant", "content": [thinking(signature), say("1")]}
        return facts({"messages": [user("one"), answer, user("two")]}, message(thinking("t"), say("2")))

    assert holding("s").held.signed == first.signed is not None
    assert holding("S").held.signed != first.signed
    assert holding("s").path == holding("S").path, "it ranks, and counts for nothing else"
    said = [{"role": "assistant", "content": [thinking(name), say(text)]} for name, text in (("s", "1"), ("t", "2"))]
    third = facts({"messages": [user("one"), said[0], user("two"), said[1], user("three")]})
    assert third.held.signed == holding("s").signed != holding("S").signed, "all thinking down to its own answer's"


def test_the_answer_goes_on_from_the_request() -> None:
    first = facts(
        {"messages": [user("one")]}, message({"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "1"})
    )
    second = facts({"messages": [user("one"), assistant("1"), user("two")]})
    assert second.path[: len(first.path) + 1] == (*first.path, first.answer_node)


def test_a_request_without_words_has_no_place_in_the_trie() -> None:
    got = facts({"messages": [user("")]})
    assert (got.path, got.request_node, got.first_node, got.answer_node) == ((), None, None, None)
    words = facts({"messages": [user("one"), user("two")]})
    assert (words.first_node, words.request_node) == words.path


MARKED = {"role": "assistant", "content": [{**say("1"), "cache_control": {"type": "ephemeral"}}]}


def test_what_is_auxiliary_for_good_has_no_path() -> None:
    search = {"messages": [user("one")], "tools": [{"type": "web_search_20250305", "name": "web_search"}]}
    assert facts(search, user_agent=CLAUDE).path == ()
    helper = facts({"messages": [user("one")]}, user_agent=CLAUDE)
    assert (helper.request_class, len(helper.path)) == ("auxiliary", 1), "it may be a sub-agent without tools"
    aside = facts(
        {"messages": [user("one"), MARKED, user("by the way")], "tools": [{"name": "Bash"}]}, user_agent=CLAUDE
    )
    assert (aside.request_class, aside.classified.side, len(aside.path)) == ("auxiliary", True, 3)


def test_the_answer_has_a_say_in_the_class() -> None:
    aside = {"messages": [user("one"), MARKED, user("sum it up")], "tools": [{"name": "Bash"}]}
    got = facts(aside, message(say("<summary>kept</summary>")), user_agent=CLAUDE)
    assert (got.request_class, got.answer.summary) == ("compaction", "kept")
    asked = {"messages": [user("Your task is to create a detailed summary of x")], "tools": [{"name": "Bash"}]}
    got = facts(asked, message(say("No.")), user_agent=CLAUDE)
    assert (got.request_class, got.answer.summary) == ("main", "")
    got = facts(asked, message(say("…"), stop_reason=None), ending=ABORTED, user_agent=CLAUDE)
    assert got.request_class == "compaction", "what was cut might have become a summary"


def test_a_title_is_that_of_a_title_call() -> None:
    answer = message(say('{"title": "Tests"}'))
    assert facts({"messages": [user("one")]}, answer, user_agent=CLAUDE).answer.title == "Tests"
    assert facts({"messages": [user("one")]}, answer).answer.title == "", "a plain client's answer is an answer"


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


GOES_ON = "This session is being continued from a previous conversation that ran out of context. Summary:\nkept"


@pytest.mark.parametrize(
    ("messages", "continuation"),
    [
        ([user(GOES_ON)], GOES_ON),
        ([user("kept message"), user(GOES_ON, "two")], GOES_ON),
        ([user("one"), assistant("1"), user(GOES_ON)], GOES_ON),
        ([user(GOES_ON), assistant("1"), user("on")], ""),
        ([user("one"), assistant(GOES_ON)], ""),
        ([user("one: " + GOES_ON)], ""),
    ],
)
def test_a_continuation_is_a_new_text_that_begins_so(messages: list[Json], continuation: str) -> None:
    assert facts({"messages": messages}).continuation == continuation
    assert len(facts({"messages": [user(GOES_ON + "x" * SUMMARY_CHARS)]}).continuation) == SUMMARY_CHARS


@given(st.integers(MIN_SUMMARY_CHARS - 2, MIN_SUMMARY_CHARS + 2))
def test_the_opening_is_the_first_text_if_it_is_long_enough(length: int) -> None:
    got = facts({"messages": [user("<system-reminder>x</system-reminder>", "x" * length, "y" * 99)]})
    assert got.opening == ("x" * length if length >= MIN_SUMMARY_CHARS else "")


def test_the_opening_is_bounded_and_what_begins_with_no_text_has_none() -> None:
    assert len(facts({"messages": [user("x" * (SUMMARY_CHARS + 1))]}).opening) == SUMMARY_CHARS
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "x" * 99}
    assert facts({"messages": [{"role": "user", "content": [result]}, user("x" * 99)]}).opening == ""
    assert facts({"messages": []}).opening == ""


def test_mentions_are_gathered_from_all_messages() -> None:
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "agentId: a05a89f70305617df"}
    got = facts({"messages": [user("one"), {"role": "user", "content": [result]}]})
    assert got.mentions == (AgentMention("a05a89f70305617df", "t1"),)
