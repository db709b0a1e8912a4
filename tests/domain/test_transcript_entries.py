"""Is every block an entry that says what it is, whatever its shape?"""

import pytest

from domain.blocks import block_facts
from domain.content_blocks import Block
from domain.phrases import CONTINUATION
from domain.transcript_entries import (
    Kind,
    answered,
    by_client,
    kind_of,
    mark,
    result_text,
    sent,
    split_reminders,
    system_entry,
    without_tags,
)
from schemas.anthropic.stream import JsonObject

REMINDED = "<system-reminder>\nMind\n</system-reminder>"


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        ({"type": "text", "text": "a"}, "text"),
        ({"type": "text"}, "other"),
        ({"type": "thinking", "thinking": "a"}, "thinking"),
        ({"type": "redacted_thinking", "data": "x"}, "thinking"),
        ({"type": "image", "source": {}}, "image"),
        ({"type": "image"}, "other"),
        ({"type": "server_tool_use"}, "call"),
        ({"type": "web_search_tool_result"}, "result"),
        ({"type": 5}, "other"),
        ({}, "other"),
    ],
)
def test_every_block_has_a_kind(block: JsonObject, kind: Kind) -> None:
    assert kind_of(block) == kind


@pytest.mark.parametrize(
    ("role", "text", "kind"),
    [
        ("user", "Hello", "prompt"),
        ("user", REMINDED, "note"),
        ("user", f"{REMINDED} Hello", "prompt"),
        ("user", "Tool loaded.", "note"),
        ("user", "<local-command-stdout>Compacted</local-command-stdout>", "note"),
        ("user", "<bash-input>ls</bash-input>", "prompt"),
        ("user", f"{CONTINUATION} that", "summary"),
        ("user", "[Request interrupted by user for tool use]", "mark"),
        ("system", "Linux", "note"),
        ("assistant", "Hello", "text"),
        ("assistant", "No response requested.", "note"),
    ],
)
def test_a_text_is_what_somebody_said_or_what_the_client_put_in(role: str, text: str, kind: Kind) -> None:
    block: JsonObject = {"type": "text", "text": text}
    assert sent("x", role, block, block_facts(block)).kind == kind


def test_reminders_stand_apart_from_what_was_said() -> None:
    block: JsonObject = {"type": "text", "text": f"{REMINDED}\nHello"}
    entry = sent("x", "user", block, block_facts(block))
    assert (entry.text, entry.reminders) == ("Hello", (REMINDED,))
    assert split_reminders("<system-reminder> open") == ("<system-reminder> open", ())
    assert split_reminders("plain") == ("plain", ())
    assert without_tags(REMINDED) == "Mind"


def test_what_the_client_sends_on_its_own_is_a_note() -> None:
    assert by_client("x", {"type": "text", "text": "Summarise"}).kind == "note"
    result = by_client("x", {"type": "tool_result", "tool_use_id": "t1"})
    assert (result.kind, result.call_id) == ("result", "t1")


def test_an_answer_keeps_how_far_it_came() -> None:
    block = Block({"type": "tool_use", "id": "t1", "input": {}}, 0, 1, cut=True, raw_input='{"a')
    entry = answered("x", block)
    assert (entry.kind, entry.call_id, entry.cut, entry.raw_input) == ("call", "t1", True, '{"a')
    assert answered("x", Block({"type": "thinking", "thinking": "Hm"}, 0, 1)).text == "Hm"
    assert answered("x", Block({"type": "text", "text": "Hi"}, 0, 1)).text == "Hi"
    assert answered("x", Block({"type": "tool_use", "id": 5}, 0, 1)).call_id == ""


def test_the_system_prompt_and_marks_are_entries_too() -> None:
    assert system_entry("x", ("a", "b")).text == "a\n\nb"
    entry = mark("x", "cut", "client")
    assert (entry.kind, entry.mark, entry.detail) == ("mark", "cut", "client")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("plain", "plain"),
        ([{"type": "text", "text": "a"}, {"type": "image"}, "b", 5, {"text": 7}], "a\nb"),
        (None, ""),
    ],
)
def test_a_result_has_a_text(content: object, text: str) -> None:
    assert result_text({"type": "tool_result", "content": content}) == text  # type: ignore[dict-item]
