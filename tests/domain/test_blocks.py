"""A block keeps its digest through every reshaping the client does, and loses it by any other change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.blocks import EMPTY, AgentMention, Task, block_facts, counts, lifetime_of, text_digest
from domain.said import without_reminders
from tests.strategies import Json, json_values

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
reminders = st.builds("<system-reminder>{}</system-reminder>".format, texts.filter(lambda t: "<" not in t))
marks = st.sampled_from([{}, {"cache_control": {"type": "ephemeral"}}])


@given(texts, st.lists(reminders, max_size=2), st.sampled_from(["", "\n", "  ", "\t\n"]), marks)
def test_a_text_is_the_same_however_it_is_sent(text: str, added: list[str], space: str, mark: dict[str, Json]) -> None:
    plain = block_facts(text)
    assert block_facts({"type": "text", "text": text, **mark}).digest == plain.digest
    assert block_facts({"type": "text", "text": space + text + "".join(added) + space}).digest == plain.digest
    assert plain.text == without_reminders(text)


@given(texts, texts)
def test_other_texts_have_other_digests(one: str, other: str) -> None:
    same = without_reminders(one) == without_reminders(other)
    assert (block_facts(one).digest == block_facts(other).digest) == same


@pytest.mark.parametrize("text", ["", " \n", "<system-reminder>\nnag\n</system-reminder>"])
def test_a_text_without_words_counts_for_nothing(text: str) -> None:
    assert block_facts(text).digest is None


@given(json_values(), json_values(), st.booleans())
def test_a_tool_use_and_its_result_are_known_by_their_id(one: Json, other: Json, failed: bool) -> None:
    use = block_facts({"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": one})
    assert use.digest == block_facts({"type": "tool_use", "name": "Bash", "input": other, "id": "toolu_1"}).digest
    assert use.digest != block_facts({"type": "tool_use", "id": "toolu_2", "name": "Bash", "input": one}).digest
    result = block_facts({"type": "tool_result", "tool_use_id": "toolu_1", "content": one})
    again = {"tool_use_id": "toolu_1", "type": "tool_result", "content": other, "is_error": failed}
    assert result.digest == block_facts(again).digest
    assert result.digest != use.digest
    assert (use.tool_use_id, result.tool_use_id) == ("toolu_1", "toolu_1")


@pytest.mark.parametrize("kind", ["tool_use", "tool_result"])
def test_without_an_id_the_content_counts(kind: str) -> None:
    assert block_facts({"type": kind, "content": "a"}).digest != block_facts({"type": kind, "content": "b"}).digest


@pytest.mark.parametrize("kind", ["thinking", "redacted_thinking"])
def test_thinking_counts_for_nothing(kind: str) -> None:
    assert block_facts({"type": kind, "thinking": "hm", "signature": "s"}).digest is None


@given(json_values(4))
def test_other_blocks_are_known_by_their_content_without_the_cache_mark(source: Json) -> None:
    image = {"type": "image", "source": source}
    assert block_facts({**image, "cache_control": {"type": "ephemeral"}}).digest == block_facts(image).digest
    assert block_facts({"source": source, "type": "image"}).digest == block_facts(image).digest
    assert block_facts({"type": "document", "source": source}).digest != block_facts(image).digest


@given(json_values(20))
def test_any_json_has_facts(value: Json) -> None:
    block_facts(value)


def test_what_is_no_block_says_nothing() -> None:
    assert block_facts(None) is EMPTY
    assert block_facts([1]) is EMPTY


def test_a_tool_definition_has_a_name_and_no_digest() -> None:
    tool = block_facts({"name": "Bash", "input_schema": {"type": "object"}, "type": "custom"})
    assert (tool.kind, tool.name, tool.digest) == ("tool", "Bash", None)
    assert block_facts({"name": "Bash"}).name == "Bash"
    assert block_facts({"type": "web_search_20250305", "name": "web_search"}).kind == "web_search_20250305"


@pytest.mark.parametrize("name", ["Task", "Agent", "mcp__farm__dispatch", ""])
def test_any_call_with_a_prompt_may_start_a_sub_agent(name: str) -> None:
    arguments: Json = {"prompt": " Count it. ", "subagent_type": "Explore", "description": "Count"}
    facts = block_facts({"type": "tool_use", "id": "toolu_1", "name": name, "input": arguments})
    assert facts.task == Task("toolu_1", text_digest("Count it."), "Explore", "Count")
    bare = block_facts({"type": "tool_use", "id": "t", "name": name, "input": {"prompt": "", "description": 3}}).task
    assert bare == Task("t", text_digest(""), "", "")


def test_a_task_s_prompt_is_found_again_as_the_sub_agent_s_text() -> None:
    call = block_facts(
        {
            "type": "tool_use",
            "id": "t",
            "name": "Agent",
            "input": {"prompt": "<system-reminder>x</system-reminder>Go\n"},
        }
    )
    assert call.task is not None
    assert call.task.prompt == block_facts("Go").digest


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("<system-reminder>This is a side question from the user. …</system-reminder>why?", True),
        ("The user stepped away and is coming back. Recap", True),
        ("A question from the side", False),
        ("", False),
    ],
)
def test_a_side_question_is_known_by_its_words_also_in_a_reminder(text: str, asks: bool) -> None:
    assert block_facts(text).side_question == asks
    assert block_facts({"type": "text", "text": text}).side_question == asks
    assert not block_facts({"type": "tool_result", "tool_use_id": "t", "content": text}).side_question


@pytest.mark.parametrize("arguments", [None, [], {}, {"prompt": 3}])
def test_a_task_without_a_prompt_is_none(arguments: Json) -> None:
    assert block_facts({"type": "tool_use", "id": "t", "name": "Agent", "input": arguments}).task is None


AGENT = "a05a89f70305617df"


@pytest.mark.parametrize(
    "content",
    [
        f"Report.\nagentId: {AGENT} (use SendMessage)",
        [{"type": "text", "text": "Report."}, {"type": "text", "text": f"agentId: {AGENT} (…)"}, "noise"],
    ],
)
def test_a_result_says_which_call_started_which_agent(content: Json) -> None:
    facts = block_facts({"type": "tool_result", "tool_use_id": "toolu_1", "content": content})
    assert facts.mentions == (AgentMention(AGENT, "toolu_1"),)


def test_a_notification_in_a_reminder_says_it_too() -> None:
    text = f"<system-reminder><task-id>{AGENT}</task-id><tool-use-id>toolu_9</tool-use-id></system-reminder>"
    facts = block_facts({"type": "text", "text": text})
    assert facts.mentions == (AgentMention(AGENT, "toolu_9"),)
    assert facts.digest is None


REPORT = "<usage>subagent_tokens: 8575\ntool_uses: 1\nduration_ms: 360</usage>"
NOTIFIED = (
    "<usage><subagent_tokens>7472</subagent_tokens><tool_uses>1</tool_uses><duration_ms>593</duration_ms></usage>"
)


def test_who_names_an_agent_may_say_what_it_used() -> None:
    def said(text: str) -> tuple[AgentMention, ...]:
        return block_facts({"type": "tool_result", "tool_use_id": "t", "content": text}).mentions

    assert said(f"agentId: {AGENT} (…)\n{REPORT}") == (AgentMention(AGENT, "t", 8575),)
    assert [one.tokens for one in said(f"agentId: {AGENT} (…)\nagentId: a1b2c3d4e5f607182 (…)\n{REPORT}")] == [
        None,
        None,
    ]
    assert said(REPORT) == ()
    note = f"<task-id>{AGENT}</task-id><tool-use-id>toolu_9</tool-use-id>{NOTIFIED}"
    assert block_facts({"type": "text", "text": note}).mentions == (AgentMention(AGENT, "toolu_9", 7472),)


def test_half_a_notification_says_nothing() -> None:
    assert block_facts(f"<task-id>{AGENT}</task-id>").mentions == ()
    assert block_facts({"type": "tool_result", "tool_use_id": "t", "content": 7}).mentions == ()


NOTES = [
    ("Tool loaded.", "user"),
    ("Continue from where you left off.", "user"),
    ("Output token limit hit. Resume directly — no apology", "user"),
    ("Your response was cut off because it exceeded the output token limit. Break\nit up.", "user"),
    ("No response requested.", "assistant"),
]


@pytest.mark.parametrize(("note", "role"), NOTES)
def test_a_passing_note_does_not_count_in_its_role(note: str, role: str) -> None:
    facts = block_facts(f"{note}\n<system-reminder>x</system-reminder>")
    assert facts.passing == role
    assert facts.digest is not None
    assert counts(facts, by_assistant=True) == (role == "user")
    assert counts(facts, by_assistant=False) == (role == "assistant")


@pytest.mark.parametrize(
    "text", ["one", "Tool loaded. Go on.", "So: Tool loaded.", "No response requested", "Continue"]
)
def test_what_only_begins_or_ends_like_a_note_counts(text: str) -> None:
    facts = block_facts(text)
    assert facts.passing is None
    assert counts(facts, by_assistant=True)
    assert counts(facts, by_assistant=False)


@pytest.mark.parametrize("by_assistant", [True, False])
def test_what_has_no_digest_does_not_count(by_assistant: bool) -> None:
    assert not counts(EMPTY, by_assistant=by_assistant)
    assert not counts(block_facts(""), by_assistant=by_assistant)


def test_thinking_is_known_by_its_signature_alone() -> None:
    one = block_facts({"type": "thinking", "thinking": "hm", "signature": "s"}).signature
    assert one == block_facts({"type": "thinking", "thinking": "other", "signature": "s"}).signature
    assert one == block_facts({"type": "redacted_thinking", "data": "s"}).signature
    assert one != block_facts({"type": "thinking", "thinking": "hm", "signature": "S"}).signature
    assert block_facts("s").signature == b""


@pytest.mark.parametrize(
    ("control", "lifetime"),
    [({"type": "ephemeral", "ttl": "1h"}, "1h"), ({"type": "ephemeral"}, "5m"), ({"ttl": 3}, "5m"), (None, "5m")],
)
def test_a_mark_says_how_long(control: Json, lifetime: str) -> None:
    assert lifetime_of(control) == lifetime


def test_a_block_as_sent_is_the_same_with_a_mark_and_in_another_order_and_no_other_way() -> None:
    block: dict[str, Json] = {"type": "tool_use", "id": "t", "name": "Bash", "input": {"a": 1, "b": 2}}
    sent = block_facts(block).sent
    assert sent == block_facts({"cache_control": {}, **dict(reversed(block.items()))}).sent
    assert sent != block_facts({**block, "input": {"b": 2, "a": 1}}).sent
    assert block_facts("hi").sent == block_facts({"type": "text", "text": "hi"}).sent
    assert block_facts("hi").sent != block_facts("hi\n").sent
    assert block_facts("hi").size == len('{"text":"hi","type":"text"}')
    assert (block_facts(None).sent, block_facts(None).size) == (b"", 0)


def test_a_tool_may_be_deferred() -> None:
    tool: dict[str, Json] = {"name": "Bash", "input_schema": {}}
    assert not block_facts(tool).deferred
    assert block_facts({**tool, "defer_loading": True}).deferred
    assert not block_facts({"type": "text", "text": "x", "defer_loading": True}).deferred
